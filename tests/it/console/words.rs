//! What definitions and answers say, in the words of either language.

use antares_protocol::schedule::{Misfire, Overlap};
use antares_tests::World;
use reqwest::Method;
use serde_json::{Value, json};

use super::{given_browser, given_viewer, row};
use crate::starting::{DENSE, at_least};

#[tokio::test]
async fn definitions_reasons_and_refusals_are_told_in_the_language_of_the_viewer() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("report", |spec| {
            spec.cron = Some(DENSE.to_owned());
            spec.overlap = Overlap::Queue(5);
            spec.misfire = Misfire::Ignore;
        })
        .await;
    let busy = app
        .job("busy", |spec| spec.cron = Some(DENSE.to_owned()))
        .await;
    let skipped = "select count(*) from tick where job_id = $1 and outcome = 'skipped'";
    at_least(&world, "a tick is skipped", skipped, &busy, 1).await;

    let page = format!("/jobs/{}", job.id);
    let browser = given_browser(&server, &page, "en-US").await;
    browser.log_in().await;
    browser.shows(".definition", "waits behind it, ≤ 5").await;
    browser.shows(".definition", "none fires").await;
    browser.click("#all-fields").await;
    browser.shows(".definition", "a fixed number").await;
    browser.click("#all-fields").await;
    let is_brief = |shown: &[String]| {
        shown
            .first()
            .is_some_and(|all| !all.contains("a fixed number"))
    };
    browser.texts(".definition", is_brief).await;
    browser.click("#language").await;
    browser.shows(".definition", "排队, ≤ 5").await;
    browser.shows(".definition", "不补触发").await;

    // What was changed as well, while it is looked at.
    let mut spec = job.view().await.spec;
    spec.misfire = Misfire::Latest;
    let path = format!("/api/v1/jobs/{}", job.id);
    let body = json!({ "spec": spec });
    let (status, said) = server.admin().call(Method::PUT, &path, Some(&body)).await;
    assert_eq!(status, 200, "{said}");
    browser
        .go(&format!("{}{page}?tab=versions", server.url()))
        .await;
    browser.shows(".change", "错过的触发").await;
    browser.shows(".change del", "不补触发").await;
    browser.click("#language").await;
    browser.shows(".change", "Missed ticks").await;
    browser.shows(".change del", "none fires").await;
    browser.click("#language").await;

    browser
        .go(&format!("{}/jobs/{}?tab=why", server.url(), busy.id))
        .await;
    row(&browser, &["重叠：该任务已有实例在运行"]).await;
    browser.click("[data-action=trigger]").await;
    browser.shows(".toast .notice", "状态不允许").await;
    browser
        .shows(".toast .notice", "无法触发运行中的任务")
        .await;
}

#[tokio::test]
async fn a_calendar_leads_to_the_jobs_that_use_it() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let admin = server.admin();
    let holidays = json!({ "name": "public holidays", "dates": [{ "date": "2099-01-01" }] });
    let _: Value = admin.post("/api/v1/calendars", &holidays).await;
    let app = world.app(&server, "shop").await;
    app.job("other", |_| {}).await;
    app.job("settle", |spec| {
        spec.exclude_calendars = vec!["public holidays".to_owned()];
    })
    .await;
    let browser = given_viewer(&server, "/calendars").await;
    browser.click("[data-action=users]").await;
    browser.is_at("/jobs?calendar=public%20holidays").await;
    let one = |rows: &[String]| rows.len() == 1 && rows[0].contains("settle");
    browser.texts("tbody tr", one).await;
    browser.click("#filter-calendar").await;
    browser.is_at("/jobs").await;
    browser.texts("tbody tr", |rows| rows.len() == 2).await;
}
