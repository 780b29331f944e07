//! The list of jobs: one job and many, without leaving it.

use antares_protocol::instance::Instance;
use antares_protocol::job::JobState;
use antares_protocol::page::Page;
use antares_tests::browser::Browser;
use antares_tests::{BOUND, Job, World, wait_until};
use serde_json::json;

use super::{assert_marked, given_viewer, is_focused, mark, row};

async fn is_in(job: &Job, state: JobState) {
    wait_until("the job is in the state", BOUND, async || {
        match job.view().await.state {
            found if found == state => Ok(()),
            found => Err(found),
        }
    })
    .await;
}

/// Where the rows are, from top to bottom.
async fn tops(browser: &Browser) -> Vec<f64> {
    browser
        .script("return [...document.querySelectorAll('tbody tr')].map((row) => row.getBoundingClientRect().top)")
        .await
}

#[tokio::test]
async fn many_jobs_are_changed_at_once_and_what_is_refused_is_told() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let (first, second) = (
        app.job("first", |_| {}).await,
        app.job("second", |_| {}).await,
    );
    let third = app.job("third", |_| {}).await;
    let browser = given_viewer(&server, "/jobs").await;
    browser
        .click(&format!("[data-choose='{}']", first.id))
        .await;
    browser.shows(".bulk", "1 chosen").await;
    browser.click("#choose-all").await;
    browser.shows(".bulk", "3 chosen").await;
    browser
        .click(&format!("[data-choose='{}']", third.id))
        .await;
    browser.click("[data-bulk=trigger]").await;
    browser.shows("dialog[open]", "Run now: 2 jobs?").await;
    browser.click("#confirm").await;
    browser.shows(".toast", "Run now: done for 2 jobs").await;
    let run: Page<Instance> = server.admin().get("/api/v1/instances").await;
    let mut run: Vec<&str> = run.items.iter().map(|i| &*i.job).collect();
    run.sort_unstable();
    assert_eq!(run, ["first", "second"]);
    for job in [&first, &second] {
        job.act("terminate").await;
    }
    browser.click("[data-bulk=pause]").await;
    browser.shows(".toast", "Pause: done for 2 jobs").await;
    is_in(&first, JobState::Paused).await;
    is_in(&second, JobState::Paused).await;
    is_in(&third, JobState::Waiting).await;
    browser.click(".toast .button:not(.ghost)").await;
    browser.shows(".toast", "Undone for 2 jobs").await;
    is_in(&first, JobState::Waiting).await;
    is_in(&second, JobState::Waiting).await;
    browser.click("[data-bulk=pause]").await;
    is_in(&first, JobState::Paused).await;
    is_in(&second, JobState::Paused).await;
    // A paused job cannot be paused; the others are, and nothing of this goes by unread.
    browser.element("#choose-shown:indeterminate").await;
    browser.click("#choose-shown").await;
    browser.shows(".bulk", "3 chosen").await;
    browser.click("[data-bulk=pause]").await;
    browser
        .shows(".toast [role=status]", "Pause: done for 1 job")
        .await;
    browser.shows(".toast .lines", "Refused for 2").await;
    browser
        .shows(".toast .lines", "second: cannot pause a job that is paused")
        .await;
    is_in(&third, JobState::Paused).await;
    for name in ["first", "second", "third"] {
        row(&browser, &[name, "Paused"]).await;
    }
    // What ends runs asks first.
    browser.click("[data-bulk=stop]").await;
    browser.shows("dialog[open]", "Stop: 3 jobs?").await;
    browser
        .shows(
            "dialog[open]",
            "first, second, third. None of them runs now.",
        )
        .await;
    browser.click("#confirm").await;
    is_in(&second, JobState::Stopped).await;
    is_in(&third, JobState::Stopped).await;
    // Each gets back the state that it had.
    browser.shows(".toast", "Stop: done for 3 jobs").await;
    browser
        .click(".toast:has([role=status]) .button:not(.ghost)")
        .await;
    for job in [&first, &second, &third] {
        is_in(job, JobState::Paused).await;
    }
    // One that somebody else deletes is chosen no longer; the others are, and a question about them is answered.
    browser.click("[data-bulk=delete]").await;
    browser.shows("dialog[open]", "Delete: 3 jobs?").await;
    third.delete().await;
    browser.texts("tbody tr", |rows| rows.len() == 2).await;
    browser.fill("#confirm-typed", "4").await;
    browser.click("dialog[open] .button:not(.primary)").await;
    browser.shows(".bulk", "2 chosen").await;
    // Another list is another choice: nothing is done to what is not seen.
    browser.fill("#filter-search", "first").await;
    browser.click("h1").await;
    browser.texts("tbody tr", |rows| rows.len() == 1).await;
    browser.texts(".bulk", <[String]>::is_empty).await;
}

#[tokio::test]
async fn a_switch_disables_a_job_and_undo_brings_back_the_state_it_had() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let browser = given_viewer(&server, "/jobs").await;
    let switch = format!("[data-switch='{}']", job.id);
    browser.click(&switch).await;
    is_in(&job, JobState::Disabled).await;
    browser
        .element(&format!("{switch}[aria-checked=false]"))
        .await;
    browser.click(&switch).await;
    is_in(&job, JobState::Waiting).await;
    let (status, _) = server
        .admin()
        .call(
            reqwest::Method::POST,
            &format!("/api/v1/jobs/{}/pause", job.id),
            None,
        )
        .await;
    assert_eq!(status, 200);
    row(&browser, &["settle", "Paused"]).await;
    browser.click(&switch).await;
    is_in(&job, JobState::Disabled).await;
    // What was told of the job before has gone.
    let one = |told: &[String]| told.len() == 1 && told[0].contains("settle is disabled");
    browser.texts(".toast", one).await;
    browser.click(".toast .button:not(.ghost)").await;
    is_in(&job, JobState::Paused).await;
    // What waits to start would not come back: that is asked first.
    job.act("resume").await;
    let delayed = json!({ "delay_ms": 3_600_000 });
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let (status, _) = server
        .admin()
        .call(reqwest::Method::POST, &path, Some(&delayed))
        .await;
    assert_eq!(status, 202);
    row(&browser, &["settle", "Queued: 1"]).await;
    browser.click(&switch).await;
    browser
        .shows("dialog[open]", "Instances that wait to start: 1")
        .await;
    is_in(&job, JobState::Waiting).await;
    browser.click("#confirm").await;
    is_in(&job, JobState::Disabled).await;
    // Why nothing fired then.
    let page = format!("{}/jobs/{}?tab=why", server.url(), job.id);
    browser.go(&page).await;
    browser
        .shows("#actions li:nth-child(1)", "Disable · admin")
        .await;
    browser
        .shows("#actions li:nth-child(2)", "Resume · admin")
        .await;
    browser.click("#never-began a").await;
    browser.shows("#waits", "ended before it began").await;
    let is_unset = |facts: &[String]| {
        facts
            .iter()
            .any(|fact| fact.contains("Fired") && !fact.contains(':'))
    };
    browser.texts(".facts div", is_unset).await;
}

#[tokio::test]
async fn a_menu_moves_nothing_closes_on_escape_and_runs_a_job_with_other_values() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| spec.param = json!({ "day": 1 }))
        .await;
    app.job("report", |_| {}).await;
    let browser = given_viewer(&server, "/jobs").await;
    browser.texts("tbody tr", |rows| rows.len() == 2).await;
    mark(&browser).await;
    let before = tops(&browser).await;
    let menu = format!("#menu-{}", job.id);
    browser
        .click(&format!("[popovertarget=menu-{}]", job.id))
        .await;
    browser.element(&format!("{menu}:popover-open")).await;
    assert_eq!(tops(&browser).await, before);
    // It hangs on its button.
    let away: Vec<f64> = browser
        .script(&format!(
            "const menu = document.querySelector('{menu}').getBoundingClientRect();
             const button = document.querySelector('[popovertarget=menu-{}]').getBoundingClientRect();
             return [Math.abs(menu.right - button.right), menu.top - button.bottom]",
            job.id
        ))
        .await;
    assert!(away[0] < 2.0 && (0.0..8.0).contains(&away[1]), "{away:?}");
    browser.key("\u{e00c}").await;
    browser.element(&format!("{menu}:not(:popover-open)")).await;

    browser
        .click(&format!("[popovertarget=menu-{}]", job.id))
        .await;
    browser.click(&format!("{menu} [data-run-with]")).await;
    browser.shows("dialog[open]", "Run settle").await;
    browser.fill("#run-param", "{ broken").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser.element("dialog[open] .field-error").await;
    is_focused(&browser, "run-param").await;
    // Escape is hit in passing, also twice.
    for _ in 0..2 {
        browser.key("\u{e00c}").await;
        browser
            .shows("dialog[open]", "so that nothing typed is lost")
            .await;
    }
    let kept: String = browser
        .script("return document.querySelector('#run-param').value")
        .await;
    assert_eq!(kept, "{ broken");
    browser.fill("#run-param", "{\"day\": 2}").await;
    browser.fill("#run-priority", "5000").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser
        .shows("dialog[open] .field:has(> .field-error)", "1000")
        .await;
    browser
        .element("dialog[open] #run-priority[aria-invalid=true]")
        .await;
    browser.fill("#run-priority", "2.7").await;
    browser.element("dialog[open] .field-error").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser.element("dialog[open] #run-priority").await;
    browser.fill("#run-priority", "7").await;
    browser.fill("#run-delay", "soon").await;
    browser
        .shows("dialog[open] .field-error", "is no length of time")
        .await;
    browser.click("dialog[open] button[type=submit]").await;
    browser.element("dialog[open] #run-delay").await;
    browser.fill("#run-delay", "0 s").await;
    browser.fill("#run-key", "monday").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser.shows(".toast", "settle runs as instance").await;
    // The message outlives the dialog that it came from, and so does its button.
    browser.click(".toast .button:not(.ghost)").await;
    browser.shows("h1", "settle").await;
    browser.click("nav a[href='/jobs']").await;
    // The way to what runs.
    browser
        .click(&format!("tbody a[href*='job_id={}']", job.id))
        .await;
    row(&browser, &["settle", "Running"]).await;
    let instance: i64 = {
        let ids: Vec<String> = browser
            .script("return [...document.querySelectorAll(\"tbody a[href^='/instances/']\")].map((link) => link.getAttribute('href'))")
            .await;
        ids[0]
            .trim_start_matches("/instances/")
            .parse()
            .expect(&ids[0])
    };
    let view: Instance = server
        .admin()
        .get(&format!("/api/v1/instances/{instance}"))
        .await;
    assert_eq!(view.param, json!({ "day": 2 }));
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let body = json!({ "idempotency_key": "monday" });
    let again: serde_json::Value = server.admin().post(&path, &body).await;
    assert_eq!(again["instance_id"], instance);
    assert_marked(&browser).await;
}

/// Whether what is seen in the middle of `css` is a part of it, and it lies within the window.
async fn assert_uncovered(browser: &Browser, css: &str) {
    let code = format!(
        "const element = document.querySelector('{css}');
         const at = element.getBoundingClientRect();
         const seen = document.elementFromPoint((at.left + at.right) / 2, (at.top + at.bottom) / 2);
         return at.top >= 0 && at.bottom <= innerHeight && element.contains(seen)"
    );
    assert!(browser.script::<bool>(&code).await, "{css} is covered");
}

#[tokio::test]
async fn choosing_moves_no_row_and_what_is_open_stays_beside_its_own() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let mut jobs = Vec::new();
    for n in 0..25 {
        jobs.push(app.job(&format!("job-{n:02}"), |_| {}).await);
    }
    let browser = given_viewer(&server, "/jobs").await;
    browser.texts("tbody tr", |rows| rows.len() == 25).await;
    let before = tops(&browser).await;
    browser
        .click(&format!("[data-choose='{}']", jobs[0].id))
        .await;
    browser.shows(".bulk", "1 chosen").await;
    assert_eq!(tops(&browser).await, before);
    assert_uncovered(&browser, ".bulk").await;
    let to_end = "scrollTo(0, document.documentElement.scrollHeight)";
    let last_is_above =
        "return document.querySelector('tbody tr:last-child').getBoundingClientRect().bottom
        <= document.querySelector('.bulk').getBoundingClientRect().top";
    browser.script::<Option<bool>>(to_end).await;
    assert!(browser.script::<bool>(last_is_above).await);
    assert_uncovered(&browser, ".bulk").await;

    // A menu closes when its row moves away from it.
    let menu = format!("#menu-{}", jobs[24].id);
    let open = async || {
        let button = format!("[popovertarget=menu-{}]", jobs[24].id);
        browser.click(&button).await;
        browser.element(&format!("{menu}:popover-open")).await;
    };
    open().await;
    let up = "scrollBy(0, -100)";
    browser.script::<Option<bool>>(up).await;
    browser.element(&format!("{menu}:not(:popover-open)")).await;
    browser.script::<Option<bool>>(to_end).await;
    open().await;
    browser.shrink().await;
    browser.element(&format!("{menu}:not(:popover-open)")).await;

    browser.script::<Option<bool>>(to_end).await;
    assert!(browser.script::<bool>(last_is_above).await);
    assert_uncovered(&browser, ".bulk").await;
    browser.click("[data-bulk=pause]").await;
    browser.shows(".toast", "Pause: done for 1 job").await;
    assert_uncovered(&browser, ".bulk").await;
}

#[tokio::test]
async fn a_job_is_deleted_from_its_menu_after_its_name_was_typed() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let browser = given_viewer(&server, "/jobs").await;
    browser
        .click(&format!("[popovertarget=menu-{}]", job.id))
        .await;
    browser.click(&format!("[data-delete='{}']", job.id)).await;
    browser.fill("#confirm-typed", "settle").await;
    browser.click("#confirm").await;
    browser.shows(".empty", "No jobs").await;
    browser.is_at("/jobs").await;
}

#[tokio::test]
async fn many_jobs_are_deleted_once_their_number_was_typed_and_what_others_follow_stays() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let follows = |name: &str| serde_json::from_value(json!([{ "job": name }])).unwrap();
    let settle = app.job("settle", |_| {}).await;
    let report = app
        .job("report", |spec| spec.depends_on = follows("settle"))
        .await;
    let clean = app.job("clean", |_| {}).await;
    app.job("archive", |spec| spec.depends_on = follows("clean"))
        .await;
    let browser = given_viewer(&server, "/jobs").await;
    browser.texts("tbody tr", |rows| rows.len() == 4).await;
    for job in [&settle, &report, &clean] {
        browser.click(&format!("[data-choose='{}']", job.id)).await;
    }
    browser.click("[data-bulk=delete]").await;
    browser.shows("dialog[open]", "Delete: 3 jobs?").await;
    for name in ["settle", "report", "clean"] {
        browser.shows("dialog[open] p", name).await;
    }
    browser.element("#confirm:disabled").await;
    browser.fill("#confirm-typed", "3").await;
    browser.click("#confirm").await;
    // The job that follows goes before the one that it follows, whatever the order of the list.
    browser.shows(".toast", "Delete: done for 2 jobs").await;
    browser.shows(".toast .lines", "Refused for 1").await;
    browser
        .shows(
            ".toast .lines",
            "clean: the job `archive` of `shop` follows it",
        )
        .await;
    browser.texts("tbody tr", |rows| rows.len() == 2).await;
    row(&browser, &["clean"]).await;
    row(&browser, &["archive"]).await;
}
