//! One instance: its progress, its shards, and what may be done to it.

use antares_protocol::cluster;
use antares_protocol::instance::Instance;
use antares_protocol::page::Page;
use antares_protocol::schedule::Overlap;
use antares_tests::{BOUND, End, Work, World};
use serde_json::json;

use super::{assert_marked, given_viewer, mark, row};

#[tokio::test]
async fn an_instance_shows_its_progress_its_errors_as_text_and_runs_again() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let gate = world.gate("held");
    let failing = Work {
        end: End::Fail("<script>window.isHacked = true</script>".to_owned()),
        ..Work::default()
    };
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 3;
            spec.max_shards_per_client = 0;
            spec.shard_params = vec![json!(Work::default()), json!(failing), json!(gate.work())];
        })
        .await;
    let instance = job.trigger().await;
    let browser = given_viewer(&server, &format!("/instances/{instance}")).await;
    mark(&browser).await;
    browser.shows(".heading", "Running").await;
    browser
        .shows("[role=progressbar] ~ .progress-count", "2 / 3")
        .await;
    browser.shows("tbody", "<script>window.isHacked").await;
    browser.element(".timeline rect").await;
    let clients: Page<cluster::Client> = server.admin().get("/api/v1/clients").await;
    let host = &clients.items[0].host;
    browser.shows(".timeline-names", host).await;
    browser.shows("tbody", host).await;
    // A shard opens with its attempts; its address can be passed on.
    browser.click("tbody tr:nth-child(2) td a").await;
    browser.shows(".attempts", "Failed").await;
    browser.shows(".attempts pre", "<script>").await;
    gate.open();
    browser.shows(".heading", "Failed").await;
    browser
        .shows("[role=progressbar] ~ .progress-count", "3 / 3")
        .await;
    assert_marked(&browser).await;
    let is_hacked: Option<bool> = browser.script("return window.isHacked ?? null").await;
    assert_eq!(is_hacked, None);

    browser.click("#rerun").await;
    browser.shows(".toast", "runs what did not succeed").await;
    let address = browser.address().await;
    let again: i64 = address
        .trim_start_matches("/instances/")
        .parse()
        .expect(&address);
    assert!(again > instance);
    world.ended(again, BOUND).await;
    browser.shows(".facts", &format!("#{instance}")).await;
    // From the list of jobs one sees how it ended; from the one that failed, that it was run again.
    browser.go(&format!("{}/jobs", server.url())).await;
    let last = format!("tbody .badge.bad:is(a[href='/instances/{again}'] *)");
    browser.shows(&last, "Failed").await;
    browser
        .go(&format!("{}/instances/{instance}", server.url()))
        .await;
    browser.shows("#caused", "Rerun · shop / settle").await;
    browser.click("#caused li a").await;
    browser.is_at(&format!("/instances/{again}")).await;
    browser
        .go(&format!("{}/instances?cause_id={instance}", server.url()))
        .await;
    browser
        .shows("#filter-cause_id", &format!("Caused by: {instance}"))
        .await;
    browser.shows("tbody", &format!("#{again}")).await;
    drop(client);
}

#[tokio::test]
async fn an_instance_is_terminated_after_a_question() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let instance = job.trigger().await;
    let browser = given_viewer(&server, &format!("/instances/{instance}")).await;
    browser.click("#terminate").await;
    browser
        .shows("dialog[open]", &format!("Terminate instance #{instance}?"))
        .await;
    browser.click("#confirm").await;
    browser.shows(".heading", "Terminated").await;
    browser.shows("main", "No client has claimed a shard").await;
    let ended: Instance = server
        .admin()
        .get(&format!("/api/v1/instances/{instance}"))
        .await;
    assert_eq!(ended.cancelled, 1);
    // It may end by itself before the viewer has answered: that is told.
    let again = job.trigger().await;
    browser
        .go(&format!("{}/instances/{again}", server.url()))
        .await;
    browser.click("#terminate").await;
    browser
        .shows("dialog[open]", &format!("Terminate instance #{again}?"))
        .await;
    job.act("terminate").await;
    browser.shows(".heading", "Terminated").await;
    browser.click("#confirm").await;
    browser.shows(".toast .notice", "Illegal state").await;
    browser
        .go(&format!("{}/instances/999999", server.url()))
        .await;
    browser.shows("h1", "There is no such page").await;
    browser.shows(".empty", "there is no instance").await;
}

#[tokio::test]
async fn new_instances_wait_while_the_viewer_points_at_the_list() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let gate = world.gate("held");
    let job = app
        .job("settle", |spec| {
            spec.overlap = Overlap::Allow(10);
            spec.shard_params = vec![json!(gate.work())];
        })
        .await;
    job.trigger().await;
    let browser = given_viewer(&server, "/instances").await;
    row(&browser, &["settle", "Running"]).await;
    browser.hover("tbody tr").await;
    job.trigger().await;
    browser.shows("#newcomers", "1 new").await;
    browser.texts("tbody tr", |rows| rows.len() == 1).await;
    // What is there goes on.
    gate.open();
    row(&browser, &["settle", "Succeeded"]).await;
    browser.texts("tbody tr", |rows| rows.len() == 1).await;
    browser.click("#newcomers").await;
    browser.texts("tbody tr", |rows| rows.len() == 2).await;
    browser.texts("#newcomers", <[String]>::is_empty).await;
    // They come by themselves when the pointer leaves.
    browser.hover("tbody tr").await;
    job.trigger().await;
    browser.shows("#newcomers", "1 new").await;
    browser.hover("h1").await;
    browser.texts("tbody tr", |rows| rows.len() == 3).await;
    drop(client);
}

#[tokio::test]
async fn a_length_of_time_filters_the_list() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    app.job("settle", |_| {}).await.trigger().await;
    let browser = given_viewer(&server, "/instances").await;
    row(&browser, &["settle"]).await;
    browser.fill("#min_duration_ms", "90m").await;
    // While it is typed, and written plainly once it is left.
    browser.is_at("/instances?min_duration_ms=5400000").await;
    browser.click("h1").await;
    browser.shows(".empty", "Nothing matches").await;
    let value: String = browser
        .script("return document.querySelector('#min_duration_ms').value")
        .await;
    assert_eq!(value, "1 h 30 m");
}

#[tokio::test]
async fn an_address_that_cannot_be_read_names_the_filter_and_leads_back() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    app.job("settle", |_| {}).await.trigger().await;
    let browser = given_viewer(&server, "/instances?from=yesterday").await;
    browser.shows(".notice", "Fired from: ").await;
    browser
        .go(&format!("{}/instances?state=odd", server.url()))
        .await;
    let told = "State: `odd` is not known here; give one of `queued`";
    browser.shows(".notice", told).await;
    browser
        .go(&format!("{}/instances?trigger=odd", server.url()))
        .await;
    browser.shows(".notice", "Trigger: is none of those").await;
    browser.click("#show-all").await;
    row(&browser, &["settle"]).await;
    browser.is_at("/instances").await;
}

#[tokio::test]
async fn what_starts_later_is_not_shown_as_running() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let body = serde_json::json!({ "delay_ms": 3_600_000 });
    let made: antares_protocol::job::Triggered = server.admin().post(&path, &body).await;
    let page = format!("/instances/{}", made.instance_id);
    let browser = given_viewer(&server, &page).await;
    browser.shows("#waits", "it is to start at").await;
    let facts = |facts: &[String]| facts.iter().filter(|fact| fact.contains('–')).count() >= 3;
    browser.texts(".facts > div", facts).await;
    // Nor in the list.
    browser.go(&format!("{}/instances", server.url())).await;
    for column in ["Fired", "Duration"] {
        let cell = format!("tbody td[data-label={column}]");
        browser.shows(&cell, "–").await;
    }
}
