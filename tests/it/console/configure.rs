//! Apps, calendars and limits: all that is set up once.

use antares_protocol::app::App;
use antares_protocol::page::Page;
use antares_protocol::policy::Limit;
use antares_protocol::schedule::Calendar;
use antares_tests::{BOUND, World, wait_until};

use super::{given_viewer, is_focused, row};

#[tokio::test]
async fn an_app_is_changed_gets_a_new_secret_copies_its_jobs_and_is_deleted() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let shop = world.app(&server, "shop").await;
    let job = shop.job("settle", |_| {}).await;
    let test = world.app(&server, "shop-test").await;
    let browser = given_viewer(&server, "/apps").await;
    row(&browser, &["shop-test"]).await;
    let at = |app: &str, action: &str| {
        let place = if app == "shop" { 1 } else { 2 };
        format!("tbody tr:nth-child({place}) [data-action={action}]")
    };
    browser.click(&at("shop", "edit")).await;
    browser.fill("#app-edit-description", "the web shop").await;
    browser.fill("#app-most", "9000000").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser
        .shows("dialog[open] .field:has(> .field-error)", "1000000")
        .await;
    browser.fill("#app-most", "40").await;
    browser.click("dialog[open] button[type=submit]").await;
    row(&browser, &["shop", "the web shop"]).await;
    let apps: Page<App> = server.admin().get("/api/v1/apps").await;
    assert_eq!(apps.items[0].max_running_shards, 40);

    browser.click(&at("shop", "rotate")).await;
    browser.fill("#confirm-typed", "shop").await;
    browser.click("#confirm").await;
    let secret = browser
        .texts("#secret", |texts| texts.len() == 1)
        .await
        .remove(0);
    // It is told once, and put away by nothing but its own button.
    for _ in 0..3 {
        browser.key("\u{e00c}").await;
        browser.element("dialog[open] #secret").await;
    }
    browser
        .texts("dialog[open] [data-close]", <[String]>::is_empty)
        .await;
    let registration = serde_json::json!({ "host": "h", "handlers": ["work"], "slots": 1 });
    let answer = reqwest::Client::new()
        .post(format!("{}/client/v1/clients", server.url()))
        .basic_auth("shop", Some(secret))
        .json(&registration)
        .send()
        .await
        .expect("the server answers");
    assert_eq!(answer.status(), 201);
    browser.click("#secret-kept").await;
    browser.texts("dialog[open]", <[String]>::is_empty).await;

    browser.click(&at("shop", "copy")).await;
    browser.fill("#copy-to", "shop-test").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser.shows(".toast", "1").await;
    let jobs: Page<antares_protocol::job::Job> =
        server.admin().get("/api/v1/jobs?app=shop-test").await;
    assert_eq!(jobs.items[0].spec.name, "settle");
    assert_ne!(jobs.items[0].id, job.id);

    // An app with jobs is kept, and that is said.
    browser.click(&at("shop-test", "delete")).await;
    browser.fill("#confirm-typed", "shop-test").await;
    browser.click("#confirm").await;
    browser.shows(".toast .notice", "has jobs").await;
    let (status, _) = server
        .admin()
        .call(
            reqwest::Method::DELETE,
            &format!("/api/v1/jobs/{}", jobs.items[0].id),
            None,
        )
        .await;
    assert_eq!(status, 204);
    browser.click(&at("shop-test", "delete")).await;
    browser.fill("#confirm-typed", "shop-test").await;
    browser.click("#confirm").await;
    browser.texts("tbody tr", |rows| rows.len() == 1).await;
    drop(test);
}

#[tokio::test]
async fn a_calendar_is_typed_in_lines_shown_imported_and_deleted() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let browser = given_viewer(&server, "/calendars").await;
    browser.shows(".empty", "No calendar yet").await;
    browser.click("#create-calendar").await;
    browser.fill("#calendar-name", "holidays").await;
    browser
        .fill("#calendar-dates", "2099-12-24 Christmas Eve\n*-12-25")
        .await;
    browser
        .fill("#calendar-weekly", "Sat,Sun weekend\nsometimes")
        .await;
    browser.click("dialog[open] button[type=submit]").await;
    browser
        .shows(
            "dialog[open] .field-error",
            "Line 2 cannot be read: sometimes",
        )
        .await;
    browser.fill("#calendar-weekly", "Sat,Sun weekend").await;
    browser.fill("#calendar-zone", "Europe/Nowhere").await;
    browser.click("dialog[open] button[type=submit]").await;
    browser
        .shows("dialog[open] .field:has(> .field-error)", "Europe/Nowhere")
        .await;
    is_focused(&browser, "calendar-zone").await;
    let wrong = "#calendar-zone[aria-invalid=true][aria-describedby=calendar-zone-error]";
    browser.element(wrong).await;
    browser.fill("#calendar-zone", "Europe/Berlin").await;
    browser
        .texts("dialog[open] .field-error", <[String]>::is_empty)
        .await;
    browser.element("#calendar-zone:not([aria-invalid])").await;
    browser
        .fill("#calendar-dates", "2099-12-24 Christmas Eve\n1066-10-14")
        .await;
    browser.click("dialog[open] button[type=submit]").await;
    let told = "Entry 2: 1066-10-14 is not allowed";
    browser
        .shows(".field:has(#calendar-dates) .field-error", told)
        .await;
    browser
        .fill("#calendar-dates", "2099-12-24 Christmas Eve\n*-12-25")
        .await;
    browser.click("dialog[open] button[type=submit]").await;
    row(&browser, &["holidays", "2 dates", "1 weekly"]).await;
    let calendars: Page<Calendar> = server.admin().get("/api/v1/calendars").await;
    let spec = &calendars.items[0].spec;
    assert_eq!(spec.dates[0].label, "Christmas Eve");
    assert!(spec.dates[1].yearly);

    browser.click("[data-action=import]").await;
    let ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20990101\nSUMMARY:New Year\nEND:VEVENT\nEND:VCALENDAR";
    browser.fill("#ics", ics).await;
    browser.click("dialog[open] button[type=submit]").await;
    row(&browser, &["holidays", "3 dates"]).await;
    browser.click("[data-action=show]").await;
    browser.shows("dialog[open] .covered", "weekend").await;
    browser.click("dialog[open] [data-close]").await;
    browser.click("[data-action=delete]").await;
    browser.click("#confirm").await;
    browser.shows(".empty", "No calendar yet").await;
}

#[tokio::test]
async fn a_limit_is_set_changed_and_deleted() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let browser = given_viewer(&server, "/limits").await;
    browser.click("#create-limit").await;
    browser.fill("#limit-name", "crm").await;
    browser.fill("#limit-most", "3").await;
    browser.click("dialog[open] button[type=submit]").await;
    row(&browser, &["crm", "3"]).await;
    browser.click("tbody [data-action=edit]").await;
    browser.fill("#limit-most", "5").await;
    browser.click("dialog[open] button[type=submit]").await;
    wait_until("the limit is 5", BOUND, async || {
        let limits: Page<Limit> = server.admin().get("/api/v1/limits").await;
        match limits.items[0].max_running_shards {
            5 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    browser.click("tbody [data-action=delete]").await;
    browser.click("#confirm").await;
    browser.shows(".empty", "limit").await;
}
