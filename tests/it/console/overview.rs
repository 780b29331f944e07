//! The first page, and the graph: what they say is what happened.

use antares_protocol::overview::Overview;
use antares_tests::{BOUND, End, Work, World, wait_until};
use serde_json::json;

use super::{given_viewer, row};

#[tokio::test]
async fn the_overview_counts_what_ended_and_leads_to_it() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let good = app.job("settle", |_| {}).await;
    let failing = Work {
        end: End::Fail("the bank <b>refuses</b>".to_owned()),
        ..Work::default()
    };
    let bad = app
        .job("report", |spec| {
            spec.max_attempts = 1;
            spec.shard_params = vec![json!(failing)];
        })
        .await;
    for _ in 0..3 {
        world
            .ended(good.trigger_with(&Work::default()).await, BOUND)
            .await;
    }
    let failed = bad.trigger().await;
    world.ended(failed, BOUND).await;
    let browser = given_viewer(&server, "/overview").await;
    let tile = async |label: &str, number: &str| {
        let has = |tiles: &[String]| {
            tiles
                .iter()
                .any(|tile| tile.contains(label) && tile.contains(number))
        };
        browser.texts(".tile", has).await;
    };
    tile("Succeeded in 24 h", "3").await;
    tile("Failed in 24 h", "1").await;
    tile("Timed out in 24 h", "0").await;
    tile("Clients", "1").await;
    browser.shows(".ranking", "settle").await;
    // The error as text, and the way to the instance.
    browser
        .shows(".ranking-error", "the bank <b>refuses</b>")
        .await;
    browser
        .element(&format!(".ranking a[href='/instances/{failed}']"))
        .await;
    // What runs, with its progress, while it runs.
    browser
        .shows("#running-now", "Nothing runs at the moment")
        .await;
    let gate = world.gate("held");
    let held = good.trigger_with(&gate.work()).await;
    browser
        .shows("#running-now", &format!("settle · #{held}"))
        .await;
    browser.shows("#running-now .progress-count", "0 / 1").await;
    gate.open();
    browser
        .shows("#running-now", "Nothing runs at the moment")
        .await;
    // The tile leads to the same instances as it counts.
    browser.click(".tile[href*='state=failed']").await;
    row(&browser, &["report", "Failed"]).await;
    browser.texts("tbody tr", |rows| rows.len() == 1).await;

    // Later hours add to it, and what is counted stays counted.
    let overview = async || -> Overview { server.admin().get("/api/v1/overview").await };
    assert_eq!(overview().await.hours.len(), 24);
    world
        .ended(good.trigger_with(&Work::default()).await, BOUND)
        .await;
    wait_until("the next one is counted", BOUND, async || {
        let told = overview().await;
        match told.hours.iter().map(|hour| hour.succeeded).sum() {
            4 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    drop(client);
}

#[tokio::test]
async fn hours_that_are_over_are_counted_too() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let job = app.job("settle", |_| {}).await;
    for _ in 0..4 {
        world
            .ended(job.trigger_with(&Work::default()).await, BOUND)
            .await;
    }
    // One two hours ago, one late by a second, one that timed out, one before the day began.
    let namespace = world.namespace();
    for (place, change) in [
        (0, "ended_at = ended_at - interval '2 hours'"),
        (
            1,
            "ended_at = ended_at - interval '3 hours', trigger = 'schedule', scheduled_at = fired_at - interval '1 second'",
        ),
        (
            2,
            "ended_at = ended_at - interval '3 hours', state = 'timed_out'",
        ),
        (3, "ended_at = ended_at - interval '30 hours'"),
    ] {
        world
            .execute(&format!(
                "update {namespace}.instance_ended set {change} where id = (select id from {namespace}.instance_ended order by id offset {place} limit 1)"
            ))
            .await;
    }
    let overview: Overview = server.admin().get("/api/v1/overview").await;
    let hour = |ago: usize| &overview.hours[23 - ago];
    assert_eq!((hour(2).succeeded, hour(2).timed_out), (1, 0));
    assert_eq!((hour(3).succeeded, hour(3).timed_out), (1, 1));
    assert_eq!(
        [
            hour(3).late_p50_ms,
            hour(3).late_p95_ms,
            hour(3).late_max_ms
        ],
        [Some(1000); 3]
    );
    assert_eq!(hour(2).late_max_ms, None);
    assert_eq!(
        overview
            .hours
            .iter()
            .map(|hour| hour.succeeded)
            .sum::<i64>(),
        2
    );
    drop(client);
}

#[tokio::test]
async fn the_graph_draws_who_follows_whom_and_so_does_the_page_of_a_job() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let first = app.job("collect", |_| {}).await;
    for (name, follows) in [
        ("settle", "collect"),
        ("report", "settle"),
        ("other", "another"),
    ] {
        if name == "other" {
            app.job("another", |_| {}).await;
        }
        let spec = json!({ "name": name, "depends_on": [{ "job": follows }] });
        let _: serde_json::Value = server
            .admin()
            .post("/api/v1/jobs", &json!({ "app": "shop", "spec": spec }))
            .await;
    }
    let browser = given_viewer(&server, "/dependencies").await;
    let drawn = async |css: &str, wanted: usize| {
        let code = format!("return document.querySelectorAll('{css}').length");
        wait_until(css, BOUND, async || {
            match browser.script::<usize>(&code).await {
                found if found == wanted => Ok(()),
                other => Err(other),
            }
        })
        .await;
    };
    drawn(".graph a", 5).await;
    row(&browser, &["collect", "settle"]).await;
    // Of a job what leads to it and away from it, not what has nothing to do with it.
    browser
        .go(&format!("{}/jobs/{}", server.url(), first.id))
        .await;
    drawn(".graph a", 3).await;
    drawn(".graph .node.own", 1).await;
}
