//! The buttons of jobs, each where the state allows it.

use antares_protocol::job::JobState;
use antares_tests::browser::Browser;
use antares_tests::{BOUND, Job, World, wait_until};

use super::given_viewer;

/// The buttons that are on, besides running the job with other values.
async fn buttons(browser: &Browser, wanted: &[&str]) {
    let code = "return [...document.querySelectorAll('.heading [data-action]:enabled')].map((b) => b.dataset.action)";
    wait_until("the buttons are those of the state", BOUND, async || {
        let found: Vec<String> = browser.script(code).await;
        if found == wanted { Ok(()) } else { Err(found) }
    })
    .await;
}

/// Where the buttons are.
async fn places(browser: &Browser) -> Vec<f64> {
    browser
        .script("return [...document.querySelectorAll('.heading .button')].map((b) => b.getBoundingClientRect().left)")
        .await
}

async fn is_in(job: &Job, state: JobState) {
    wait_until("the job is in the state", BOUND, async || {
        match job.view().await.state {
            found if found == state => Ok(()),
            found => Err(found),
        }
    })
    .await;
}

#[tokio::test]
async fn each_state_has_its_buttons_and_each_button_does_what_it_says() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let gate = world.gate("held");
    let job = app
        .job("settle", |spec| {
            spec.shard_params = vec![serde_json::json!(gate.work())];
        })
        .await;
    let browser = given_viewer(&server, &format!("/jobs/{}", job.id)).await;
    let press = async |action: &str| {
        browser
            .click(&format!(".heading [data-action={action}]"))
            .await;
    };
    let waiting = ["trigger", "pause", "stop", "disable"];
    buttons(&browser, &waiting).await;
    press("pause").await;
    is_in(&job, JobState::Paused).await;
    buttons(&browser, &["resume", "stop", "disable"]).await;
    // What can be undone offers it.
    browser.shows(".toast", "settle is paused").await;
    browser.click(".toast .button:not(.ghost)").await;
    is_in(&job, JobState::Waiting).await;
    buttons(&browser, &waiting).await;
    press("stop").await;
    is_in(&job, JobState::Stopped).await;
    buttons(&browser, &["schedule", "disable"]).await;
    press("schedule").await;
    is_in(&job, JobState::Waiting).await;
    buttons(&browser, &waiting).await;
    press("disable").await;
    is_in(&job, JobState::Disabled).await;
    buttons(&browser, &["enable"]).await;
    press("enable").await;
    is_in(&job, JobState::Waiting).await;
    buttons(&browser, &waiting).await;

    let before = places(&browser).await;
    browser
        .element(".heading [data-action=terminate][title*='No instance']")
        .await;
    press("trigger").await;
    buttons(
        &browser,
        &["trigger", "terminate", "pause", "stop", "disable"],
    )
    .await;
    // A second click would hit the same.
    assert_eq!(places(&browser).await, before);
    // What ends a run asks first, and does nothing when it is cancelled.
    press("stop").await;
    browser
        .shows("dialog[open]", "An instance is running")
        .await;
    browser.click("dialog[open] .button:not(.primary)").await;
    is_in(&job, JobState::Running).await;
    press("terminate").await;
    browser.click("#confirm").await;
    is_in(&job, JobState::Waiting).await;
    buttons(&browser, &waiting).await;

    // Deleting wants the name typed.
    browser.click("#delete").await;
    let is_off: bool = {
        browser.element("#confirm").await;
        browser
            .script("return document.querySelector('#confirm').disabled")
            .await
    };
    assert!(is_off);
    browser.fill("#confirm-typed", "settle").await;
    browser.click("#confirm").await;
    browser.is_at("/jobs").await;
    browser.shows(".empty", "No jobs").await;
    drop(client);
}

#[tokio::test]
async fn a_definition_is_changed_compared_and_taken_back() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| spec.cron = Some("0 0 3 * * ?".into()))
        .await;
    let browser = given_viewer(&server, &format!("/jobs/{}/edit", job.id)).await;
    browser.element("#name:disabled").await;
    browser.fill("#cron", "0 30 4 * * ?").await;
    browser.shows("#words", "at 04:30 every day").await;
    // A dependency without its job takes nothing of what is told.
    let unfold = "document.querySelectorAll('details').forEach((part) => { part.open = true })";
    browser.script::<Option<bool>>(unfold).await;
    browser.click("#add-dependency").await;
    browser.fill("#cron", "0 31 4 * * ?").await;
    browser.shows("#words", "at 04:31 every day").await;
    browser.texts("#preview li", |fires| fires.len() == 8).await;
    browser.click(".dependency .button").await;
    // A list is typed letter by letter, and instants line by line.
    let value = async |css: &str| -> String {
        browser
            .script(&format!("return document.querySelector('{css}').value"))
            .await
    };
    browser.fill("#exclude-calendars", "holidays, freeze").await;
    assert_eq!(value("#exclude-calendars").await, "holidays, freeze");
    let empty = "const field = document.querySelector('#exclude-calendars'); field.value = '';
        field.dispatchEvent(new Event('input', { bubbles: true }))";
    browser.script::<Option<bool>>(empty).await;
    browser.click("#schedule-kind option[value=at]").await;
    browser.fill("#at", "2030-01-01T00:00:00Z").await;
    browser
        .shows("#words", "once, at 2030-01-01 00:00 UTC")
        .await;
    browser.click("#schedule-kind option[value=cron]").await;
    browser.fill("#cron", "0 30 4 * * ?").await;
    // Somebody else is quicker.
    let mut spec = job.view().await.spec;
    spec.description = "theirs".to_owned();
    let body = serde_json::json!({ "spec": spec });
    let path = format!("/api/v1/jobs/{}", job.id);
    let (status, _) = server
        .admin()
        .call(reqwest::Method::PUT, &path, Some(&body))
        .await;
    assert_eq!(status, 200);
    browser.click("#save").await;
    browser.shows(".notice", "version").await;
    browser.shows("#save", "Save over the newer version").await;
    browser.click("#save").await;
    browser.is_at(&format!("/jobs/{}", job.id)).await;
    assert_eq!(job.view().await.version, 3);
    browser.click("a[href$='tab=versions']").await;
    browser.shows("tbody", "0 30 4 * * ?").await;
    browser.click("tbody tr:last-child button").await;
    browser.click("#confirm").await;
    browser.shows("tbody tr", "4").await;
    wait_until("version 1 holds again", BOUND, async || {
        match job.view().await.spec.cron.as_deref() {
            Some("0 0 3 * * ?") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn lists_are_filtered_by_what_the_address_says() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    for name in ["settle-orders", "settle-returns", "report"] {
        app.job(name, |_| {}).await;
    }
    let browser = given_viewer(&server, "/jobs?search=settle").await;
    browser.texts("tbody tr", |rows| rows.len() == 2).await;
    browser.fill("#filter-search", "returns").await;
    browser.click("h1").await;
    browser.texts("tbody tr", |rows| rows.len() == 1).await;
    browser.is_at("/jobs?search=returns").await;
    browser.click("#filter-state option[value=paused]").await;
    browser.shows(".empty", "Nothing matches").await;
    browser
        .go(&format!(
            "{}/instances?state=failed&trigger=api",
            server.url()
        ))
        .await;
    browser.shows(".empty", "Nothing matches").await;
}
