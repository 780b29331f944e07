//! Every page, for those who cannot see it or use no mouse; and none complains.

use antares_tests::browser::Browser;
use antares_tests::{BOUND, World, wait_until};
use serde_json::json;

use super::{given_browser, given_viewer, is_refusal};

/// What is wrong with the page: controls without a name, images without a role, more or fewer than one heading.
const CHECK: &str = r#"
    const wrong = [];
    const headings = document.querySelectorAll('h1').length;
    if (headings !== 1) wrong.push(`${headings} h1`);
    const name = (element) => (element.getAttribute('aria-label') || element.title || element.textContent || '').trim()
        || (element.id && document.querySelector(`label[for="${element.id}"]`) ? 'label' : '') || (element.closest('label') ? 'label' : '');
    for (const control of document.querySelectorAll('button, a[href], input, select, textarea, summary'))
        if (!name(control)) wrong.push(control.outerHTML.slice(0, 120));
    for (const image of document.querySelectorAll('svg'))
        if (image.getAttribute('aria-hidden') !== 'true' && !image.getAttribute('aria-label') && !image.closest('[aria-label]'))
            wrong.push(image.outerHTML.slice(0, 80));
    for (const element of document.querySelectorAll('[id]'))
        if (document.querySelectorAll(`[id="${CSS.escape(element.id)}"]`).length > 1) wrong.push(`id ${element.id} twice`);
    if (!document.documentElement.lang) wrong.push('no language');
    return wrong;
"#;

/// Checks the page with axe, which is kept as its makers ship it. What it finds comes into `window.axeFound`.
const AXE: &str = include_str!("../../assets/axe.min.js");
const RUN_AXE: &str = "
    window.axeFound = null;
    axe.run(document, { resultTypes: ['violations'] }).then((result) => {
        window.axeFound = result.violations
            .filter((found) => ['serious', 'critical'].includes(found.impact))
            .flatMap((found) => found.nodes.map((node) => `${found.id}: ${node.target} ${node.failureSummary}`));
    }, (error) => { window.axeFound = [String(error)]; });
";

/// Nothing that axe calls serious.
async fn assert_accessible(browser: &Browser, page: &str) {
    browser.script::<Option<bool>>(AXE).await;
    browser.script::<Option<bool>>(RUN_AXE).await;
    let found = wait_until("axe has looked", BOUND, async || {
        let found: Option<Vec<String>> = browser.script("return window.axeFound").await;
        found.ok_or("it is looking")
    })
    .await;
    assert_eq!(found, [""; 0], "{page}");
}

/// The least contrast of text on the grounds it stands on, by WCAG.
const CONTRAST: &str = r"
    const luminance = (color) => {
        const [r, g, b] = color.match(/[\d.]+/g).map(Number).map((c) => c / 255)
            .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const probe = document.createElement('span');
    document.body.append(probe);
    const read = (token) => { probe.style.color = `var(--${token})`; return luminance(getComputedStyle(probe).color); };
    const pairs = [['text', 'page'], ['text', 'surface'], ['text', 'raised'], ['text-soft', 'page'], ['text-soft', 'surface'],
        ['accent', 'surface'], ['accent', 'accent-soft'], ['good', 'good-soft'], ['bad', 'bad-soft'], ['warning', 'warning-soft'],
        ['busy', 'busy-soft'], ['quiet', 'quiet-soft'], ['on-button', 'button'], ['bad', 'surface'], ['top-text', 'top'], ['top-soft', 'top']];
    const low = [];
    for (const [text, ground] of pairs) {
        const [a, b] = [read(text), read(ground)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) low.push(`${text} on ${ground}: ${ratio.toFixed(2)}`);
    }
    probe.remove();
    return low;
";

#[tokio::test]
async fn every_page_has_a_heading_and_names_for_all_controls_and_enough_contrast() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let job = app
        .job("settle", |spec| spec.cron = Some("0 0 3 * * ?".into()))
        .await;
    let body =
        json!({ "app": "shop", "spec": { "name": "report", "depends_on": [{ "job": "settle" }] } });
    let _: serde_json::Value = server.admin().post("/api/v1/jobs", &body).await;
    let holidays = json!({ "name": "holidays", "weekly": [{ "days": ["Sun"] }] });
    let _: serde_json::Value = server.admin().post("/api/v1/calendars", &holidays).await;
    let limit = json!({ "max_running_shards": 3 });
    server
        .admin()
        .call(reqwest::Method::PUT, "/api/v1/limits/crm", Some(&limit))
        .await;
    let instance = job.trigger().await;
    world.ended(instance, BOUND).await;
    let browser = given_browser(&server, "/login", "en-US").await;
    browser.element("#user").await;
    let wrong: Vec<String> = browser.script(CHECK).await;
    assert_eq!(wrong, [""; 0], "/login");
    assert_accessible(&browser, "/login").await;
    browser.log_in().await;
    let (job, instance) = (job.id, instance);
    let pages = [
        "/overview".to_owned(),
        "/jobs".to_owned(),
        "/jobs/new".to_owned(),
        format!("/jobs/{job}"),
        format!("/jobs/{job}?tab=why"),
        format!("/jobs/{job}?tab=versions"),
        format!("/jobs/{job}/edit"),
        "/instances".to_owned(),
        format!("/instances/{instance}"),
        "/dependencies".to_owned(),
        "/apps".to_owned(),
        "/calendars".to_owned(),
        "/limits".to_owned(),
        "/servers".to_owned(),
        "/clients".to_owned(),
        "/nowhere".to_owned(),
    ];
    for page in pages {
        browser.go(&format!("{}{page}", server.url())).await;
        let ready = "return !!document.querySelector('main h1') && !document.querySelector('[aria-busy=true]')";
        wait_until(&page, BOUND, async || {
            if browser.script::<bool>(ready).await {
                Ok(())
            } else {
                Err("it is being loaded")
            }
        })
        .await;
        let wrong: Vec<String> = browser.script(CHECK).await;
        assert_eq!(wrong, [""; 0], "{page}");
        for theme in ["light", "dark"] {
            let code = format!("document.documentElement.dataset.theme = '{theme}'");
            browser.script::<Option<String>>(&code).await;
            assert_accessible(&browser, &format!("{page}, {theme}")).await;
        }
    }
    for theme in ["light", "dark"] {
        let code = format!("document.documentElement.dataset.theme = '{theme}'");
        browser.script::<Option<String>>(&code).await;
        let low: Vec<String> = browser.script(CONTRAST).await;
        assert_eq!(low, [""; 0], "{theme}");
    }
    assert_eq!(browser.errors(is_refusal).await, [""; 0]);
    drop(client);
}

#[tokio::test]
async fn on_a_phone_no_page_is_wider_than_the_window_and_each_is_reached() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| spec.cron = Some("0 0 3 * * ?".into()))
        .await;
    let holidays = json!({ "name": "holidays", "weekly": [{ "days": ["Sun"] }] });
    let _: serde_json::Value = server.admin().post("/api/v1/calendars", &holidays).await;
    let mut spec = job.view().await.spec;
    spec.description = "changed".to_owned();
    let path = format!("/api/v1/jobs/{}", job.id);
    let body = json!({ "spec": spec });
    let (status, _) = server
        .admin()
        .call(reqwest::Method::PUT, &path, Some(&body))
        .await;
    assert_eq!(status, 200);
    let browser = given_viewer(&server, "/jobs").await;
    browser.shrink().await;
    for page in [
        "/clients",
        "/servers",
        "/limits",
        "/calendars",
        "/apps",
        "/dependencies",
        "/instances",
        "/jobs",
        "/overview",
    ] {
        // A click brings into view what the bar has scrolled away, and fails where it cannot.
        browser.click(&format!("nav a[href='{page}']")).await;
        browser.is_at(page).await;
        assert_fits_a_phone(&browser, page).await;
    }
    for page in [
        format!("/jobs/{}", job.id),
        format!("/jobs/{}/edit", job.id),
        format!("/jobs/{}?tab=versions", job.id),
    ] {
        browser.go(&format!("{}{page}", server.url())).await;
        assert_fits_a_phone(&browser, &page).await;
    }
}

/// That the window is small, and the page it shows no wider.
async fn assert_fits_a_phone(browser: &Browser, page: &str) {
    browser.element("main h1").await;
    let fits = "return [document.documentElement.scrollWidth - innerWidth, innerWidth]";
    let [over, width]: [f64; 2] = browser.script(fits).await;
    assert!(
        width < 860.0 && over <= 0.0,
        "{page} is {over} wider than {width}"
    );
    let ready = "return !document.querySelector('[aria-busy=true]')
        && (!location.search.includes('versions') || !!document.querySelector('tbody .button'))";
    // Buttons that are cut off, or of two lines, and the entry of the page where the bar has scrolled it away.
    let cut = "return [...document.querySelectorAll('td .button, .top .button, .menu [aria-current]')].filter((one) => {
        const at = one.getBoundingClientRect();
        return at.left < 0 || at.right > innerWidth || (one.closest('.top') && at.height > 40);
    }).map((one) => one.outerHTML)";
    wait_until(page, BOUND, async || {
        let cut: Vec<String> = browser.script(cut).await;
        if browser.script::<bool>(ready).await && cut.is_empty() {
            Ok(())
        } else {
            Err(cut)
        }
    })
    .await;
}
