//! What did not succeed of an ended instance runs again.

use antares_protocol::client::{ClaimedShard, Outcome};
use antares_protocol::instance::{Instance, InstanceState};
use antares_protocol::job::Triggered;
use antares_protocol::page::Page;
use antares_protocol::policy::Assignment;
use antares_protocol::shard::Trigger;
use antares_tests::{BOUND, RawClient, Server, World, result, wait_until};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

/// What `client` gets when it asks until it has `n` shards.
async fn claim_exactly(client: &RawClient, n: usize) -> Vec<ClaimedShard> {
    let mut got = Vec::new();
    wait_until(&format!("{n} shards"), BOUND, async || {
        got.extend(client.claim((n - got.len()) as u32, 1000).await);
        if got.len() == n {
            Ok(())
        } else {
            Err(got.len())
        }
    })
    .await;
    got.sort_by_key(|shard| shard.item);
    got
}

/// Reports all of `shards`: those of the items in `failing` as failed, the others as succeeded.
async fn report(client: &RawClient, shards: &[ClaimedShard], failing: &[i32]) {
    let results = shards.iter().map(|shard| {
        let failed = failing.contains(&shard.item);
        let outcome = if failed {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        };
        result(shard.token(), outcome)
    });
    client.report_all(results.collect()).await;
}

fn items(shards: &[ClaimedShard]) -> Vec<i32> {
    shards.iter().map(|shard| shard.item).collect()
}

async fn rerun(server: &Server, instance: i64) -> i64 {
    let path = format!("/api/v1/instances/{instance}/rerun");
    let triggered: Triggered = server.admin().post(&path, &json!({})).await;
    triggered.instance_id
}

/// The problem with which a rerun is refused.
async fn refused(server: &Server, instance: i64) -> (StatusCode, String) {
    let path = format!("/api/v1/instances/{instance}/rerun");
    let (status, body) = server.admin().call(Method::POST, &path, None).await;
    let detail = body["detail"].as_str().unwrap_or_default();
    (status, detail.to_owned())
}

async fn instance(server: &Server, id: i64) -> Instance {
    server.admin().get(&format!("/api/v1/instances/{id}")).await
}

#[tokio::test]
async fn only_what_did_not_succeed_runs_again_as_it_was_defined_then() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 150;
            spec.max_shards_per_client = 0;
            spec.shard_params = vec![json!("nought"), json!(1), json!(2), json!("three")];
        })
        .await;
    let client = app.raw_client(&a, &["work"]).await;
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let triggered: Triggered = a.admin().post(&path, &json!({ "param": "march" })).await;
    let first = triggered.instance_id;
    let held = claim_exactly(&client, 150).await;
    report(&client, &held, &[3, 4, 63, 64, 149]).await;
    assert_eq!(
        world.ended(first, BOUND).await.summary(),
        ("failed", 145, 5, 0)
    );

    let mut spec = job.view().await.spec;
    spec.shard_count = 2;
    spec.shard_params.clear();
    let path = format!("/api/v1/jobs/{}", job.id);
    let (status, body) = a
        .admin()
        .call(Method::PUT, &path, Some(&json!({ "spec": spec })))
        .await;
    assert!(status.is_success(), "{body}");

    let second = rerun(&b, first).await;
    let rows = "select count(*) from shard_ready where instance_id = $1";
    assert_eq!(
        world.number(rows, &[second]).await,
        4,
        "3 and 4 share a row"
    );
    let held = claim_exactly(&client, 5).await;
    assert_eq!(items(&held), [3, 4, 63, 64, 149]);
    assert_eq!((&held[0].param, held[0].total), (&json!("three"), 150));
    assert_eq!(
        (&held[0].job_param, held[0].trigger, held[0].attempt),
        (&json!("march"), Trigger::Rerun, 1)
    );
    let (old, new) = (instance(&a, first).await, instance(&a, second).await);
    assert_eq!((new.cause_id, old.cause_id), (Some(first), None));
    assert_eq!((new.job_version, new.trigger), (1, Trigger::Rerun));
    assert_eq!(new.scheduled_at, old.scheduled_at);
    assert_eq!(
        (new.state, new.succeeded, new.running),
        (InstanceState::Running, 145, Some(5))
    );
    world.assert_consistent().await;
    report(&client, &held, &[64]).await;
    assert_eq!(
        world.ended(second, BOUND).await.summary(),
        ("failed", 149, 1, 0)
    );

    let third = rerun(&a, second).await;
    let held = claim_exactly(&client, 1).await;
    assert_eq!(items(&held), [64]);
    report(&client, &held, &[]).await;
    assert_eq!(
        world.ended(third, BOUND).await.summary(),
        ("succeeded", 150, 0, 0)
    );
    let cause =
        "select cause_id from instance_history where instance_id = $1 and trigger = 'rerun'";
    assert_eq!(world.number(cause, &[third]).await, second);
    // What it caused is found, while it waits, runs and when it has ended.
    let caused = async |id: i64| -> Vec<i64> {
        let path = format!("/api/v1/instances?cause_id={id}");
        let page: Page<Instance> = b.admin().get(&path).await;
        page.items.iter().map(|instance| instance.id).collect()
    };
    assert_eq!(
        [
            caused(first).await,
            caused(second).await,
            caused(third).await
        ],
        [vec![second], vec![third], vec![]]
    );
    let fourth = rerun(&a, first).await;
    assert_eq!(caused(first).await, [fourth, second]);
    report(&client, &claim_exactly(&client, 5).await, &[]).await;
    world.ended(fourth, BOUND).await;
    let last = job.view().await.last_ended.expect("some have ended");
    assert_eq!(
        (last.instance_id, last.state),
        (fourth, InstanceState::Succeeded)
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn the_newest_definition_says_who_runs_a_rerun() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let client = app.raw_client(&a, &["work"]).await;
    let first = job.trigger().await;
    let held = claim_exactly(&client, 1).await;
    report(&client, &held, &[0]).await;
    world.ended(first, BOUND).await;
    let assign = async |assignment: Assignment| {
        let mut spec = job.view().await.spec;
        spec.assignment = assignment;
        let path = format!("/api/v1/jobs/{}", job.id);
        let body = json!({ "spec": spec });
        let (status, body) = a.admin().call(Method::PUT, &path, Some(&body)).await;
        assert!(status.is_success(), "{body}");
    };
    assign(Assignment::Nobody).await;
    // As if many instances had been fired since.
    sqlx::query("select setval('definition_change', 0)")
        .execute(world.pool())
        .await
        .expect("it can be set");
    rerun(&a, first).await;
    assert!(client.claim(1, 1500).await.is_empty());
    assign(Assignment::Any).await;
    let held = claim_exactly(&client, 1).await;
    report(&client, &held, &[]).await;
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn what_a_terminated_instance_did_not_come_to_runs_again() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 70;
            spec.max_shards_per_client = 0;
        })
        .await;
    let client = app.raw_client(&a, &["work"]).await;
    let first = job.trigger().await;
    let held = claim_exactly(&client, 10).await;
    report(&client, &held[..4], &[2]).await;
    let path = format!("/api/v1/instances/{first}/terminate");
    let _: Instance = a.admin().post(&path, &json!({})).await;
    assert_eq!(
        world.ended(first, BOUND).await.summary(),
        ("terminated", 3, 1, 66)
    );
    let second = rerun(&a, first).await;
    let held = claim_exactly(&client, 67).await;
    let expected: Vec<i32> = (2..3).chain(4..70).collect();
    assert_eq!(items(&held), expected);
    report(&client, &held, &[]).await;
    assert_eq!(
        world.ended(second, BOUND).await.summary(),
        ("succeeded", 70, 0, 0)
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_rerun_is_refused_with_the_state_that_forbids_it() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| ()).await;
    let client = app.raw_client(&a, &["work"]).await;
    let conflict = |(status, detail): (StatusCode, String), text: &str| {
        assert_eq!(status, StatusCode::CONFLICT, "{detail}");
        assert!(detail.contains(text), "{detail}");
    };
    assert_eq!(refused(&a, 1 << 40).await.0, StatusCode::NOT_FOUND);

    let failed = job.trigger().await;
    conflict(refused(&a, failed).await, "which is running");
    let held = claim_exactly(&client, 1).await;
    report(&client, &held, &[0]).await;
    let succeeded = job.trigger().await;
    conflict(refused(&a, failed).await, "a job that is running");
    let held = claim_exactly(&client, 1).await;
    report(&client, &held, &[]).await;
    conflict(refused(&a, succeeded).await, "which is succeeded");
    job.act("pause").await;
    conflict(refused(&a, failed).await, "a job that is paused");
    job.act("resume").await;

    // Many at the same time, through both servers: one of them makes an instance.
    let path = format!("/api/v1/instances/{failed}/rerun");
    let calls = (0..8).map(|n| {
        let server = if n % 2 == 0 { &a } else { &b };
        server.admin().call(Method::POST, &path, None)
    });
    let answers = join_all(calls).await;
    let made = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::ACCEPTED)
        .count();
    assert_eq!(made, 1, "{answers:?}");
    let held = claim_exactly(&client, 1).await;
    report(&client, &held, &[]).await;
    world.assert_nothing_left().await;

    // History that is gone cannot say what to run.
    world.execute("delete from attempt_ended").await;
    conflict(refused(&a, failed).await, "history no longer tells");
    job.delete().await;
    assert_eq!(refused(&a, failed).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_follows_a_rerun_gets_the_outputs_of_all_shards() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |spec| {
            spec.shard_count = 3;
            spec.max_shards_per_client = 0;
            spec.max_attempts = 1;
        })
        .await;
    let report_job = app
        .job("report", |spec| {
            spec.depends_on =
                vec![serde_json::from_value(json!({ "job": "work", "pass": "outputs" })).unwrap()];
        })
        .await;
    let client = app.raw_client(&a, &["work"]).await;
    let first = job.trigger().await;
    let shards = claim_exactly(&client, 3).await;
    let done = |shard: &ClaimedShard, output: &str| {
        let mut done = result(shard.token(), Outcome::Succeeded);
        done.output = Some(output.to_owned());
        done
    };
    let results = vec![
        done(&shards[0], "a"),
        result(shards[1].token(), Outcome::Failed),
        done(&shards[2], "c"),
    ];
    client.report_all(results).await;
    world.ended(first, BOUND).await;
    let again = rerun(&a, first).await;
    let shards = claim_exactly(&client, 1).await;
    client.report_all(vec![done(&shards[0], "b")]).await;
    world.ended(again, BOUND).await;
    let caused = async || -> Option<i64> {
        sqlx::query_scalar("select id from instance where job_id = $1")
            .bind(report_job.id)
            .fetch_optional(world.pool())
            .await
            .unwrap()
    };
    let id = wait_until("the report has started", BOUND, async || {
        caused().await.ok_or("not yet")
    })
    .await;
    assert_eq!(instance(&a, id).await.param, json!(["a", "b", "c"]));
}

#[tokio::test]
async fn a_rerun_of_a_broadcast_is_for_those_that_did_not_succeed() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |spec| {
            spec.sharding = antares_protocol::policy::Sharding::Broadcast;
            spec.max_attempts = 1;
        })
        .await;
    let good = app.raw_client(&a, &["work"]).await;
    let bad = app.raw_client(&a, &["work"]).await;
    let first = job.trigger().await;
    let (of_good, of_bad) = (claim_exactly(&good, 1).await, claim_exactly(&bad, 1).await);
    good.report(of_good[0].token(), Outcome::Succeeded).await;
    bad.report(of_bad[0].token(), Outcome::Failed).await;
    world.ended(first, BOUND).await;
    let again = rerun(&a, first).await;
    assert!(good.claim(1, 1500).await.is_empty(), "it has had its shard");
    let late = app.raw_client(&a, &["work"]).await;
    assert!(late.claim(1, 500).await.is_empty(), "its client lives");
    let shards = claim_exactly(&bad, 1).await;
    assert_eq!(
        (shards[0].instance_id, shards[0].item),
        (again, of_bad[0].item)
    );
    bad.report(shards[0].token(), Outcome::Succeeded).await;
    assert_eq!(world.ended(again, BOUND).await.state, "succeeded");
}
