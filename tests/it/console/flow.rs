//! A new user: an app, its secret, a job, a client, and the run, with what the screen says.

use antares_protocol::app::App as AppView;
use antares_protocol::page::Page;
use antares_tests::{App, BOUND, World};

use super::{given_viewer, is_refusal, row};

#[tokio::test]
async fn a_new_user_creates_an_app_and_a_job_starts_a_client_and_sees_it_run() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let browser = given_viewer(&server, "/overview").await;
    browser.shows(".begin", "Create an app").await;
    browser.click("nav a[href='/jobs']").await;
    browser.shows(".empty", "Create an app").await;

    browser.click("nav a[href='/apps']").await;
    browser.shows(".empty", "No app yet").await;
    browser.click("#create-app").await;
    browser.fill("#app-name", "not a name!").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser
        .shows(
            "dialog[open] .field:has(> .field-error)",
            "must have 1 to 100 letters",
        )
        .await;
    browser.fill("#app-name", "shop").await;
    browser.click("dialog[open] button[type=submit]").await;
    let secret = browser
        .texts("#secret", |texts| texts.len() == 1)
        .await
        .remove(0);
    assert!(secret.len() >= 20, "{secret}");
    browser.shows("dialog[open] pre", &secret).await;
    browser.shows("dialog[open] pre", "discover()").await;
    browser.click("dialog[open] .tab:nth-child(2)").await;
    browser.shows("dialog[open] pre", "curl").await;
    let curl = browser.texts("dialog[open] pre", |_| true).await.remove(0);
    browser.click("dialog[open] .tab:nth-child(3)").await;
    browser
        .shows("dialog[open] pre", "allow_scripts(true)")
        .await;
    browser.shows("dialog[open] pre", &secret).await;
    browser.click("#secret-kept").await;
    row(&browser, &["shop"]).await;
    // It is not in the page any more, nor anywhere else.
    let kept: String = browser
        .script("return document.documentElement.outerHTML + JSON.stringify(localStorage)")
        .await;
    assert!(!kept.contains(&secret));

    browser.click("nav a[href='/jobs']").await;
    browser.click("#create-job").await;
    browser.is_at("/jobs/new").await;
    browser.fill("#name", "greet").await;
    browser.fill("#handler", "work").await;
    browser.click("#schedule-kind option[value=cron]").await;
    browser.fill("#cron", "0 15 10 ? * 6L").await;
    browser
        .shows("#words", "at 10:15 on the last Friday of every month")
        .await;
    browser.fill("#cron", "0 0 25 * * ?").await;
    browser.shows(".field:has(> .field-error)", "hours").await;
    browser.fill("#cron", "0 0 3 * * ?").await;
    browser.shows("#words", "at 03:00 every day").await;
    browser.fill("#shard-count", "2").await;
    browser.click("#param").await;
    browser.click("#save").await;
    browser.shows("h1", "greet").await;
    browser.shows(".heading", "Waiting").await;

    let apps: Page<AppView> = server.admin().get("/api/v1/apps").await;
    let app = App::known(server.admin(), apps.items[0].id, "shop", &secret);
    let client = world.client(&app, &[&server]).start().await;
    browser.click("[data-action=trigger]").await;
    browser.shows(".toast", "greet runs as instance").await;
    browser.click(".toast .button:not(.ghost)").await;
    browser.shows("h1", "greet").await;
    browser.shows(".heading", "Succeeded").await;
    browser.shows(".counters", "2").await;
    let by: Vec<String> = sqlx::query_scalar("select trigger from instance_history")
        .fetch_all(world.pool())
        .await
        .expect("the view can be read");
    assert_eq!(by, ["console"]);
    drop(client);

    // The calls by hand, as they were shown.
    let job = app
        .job("by-hand", |s| s.handler = Some("my-job".into()))
        .await;
    let instance = job.trigger().await;
    let ran = tokio::process::Command::new("sh")
        .args(["-e", "-c", &curl])
        .output()
        .await
        .expect("sh is there");
    assert!(ran.status.success(), "{ran:?}");
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 1, 0, 0));
    let complaints = browser
        .errors(|complaint| is_refusal(complaint) || complaint.contains("422"))
        .await;
    assert_eq!(complaints, [""; 0]);
}
