//! What a failed shard means: another attempt, a tolerated loss, or the end of its instance.

use antares_protocol::job::JobSpec;
use antares_protocol::policy::{Backoff, Retry};
use antares_tests::{BOUND, Work, World, wait_for};

fn retry(delay_ms: u64, backoff: Backoff) -> Retry {
    Retry {
        delay_ms,
        backoff,
        max_delay_ms: 40,
        jitter_percent: 50,
    }
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_with_growing_waits_until_none_is_left() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s: &mut JobSpec| {
            s.max_attempts = 4;
            s.retry = Some(retry(10, Backoff::Exponential));
        })
        .await;
    let client = world.client(&app, &[&a, &b]).start().await;
    let failing = job.trigger_with(&Work::fail("no stock")).await;
    assert_eq!(
        world.ended(failing, BOUND).await.summary(),
        ("failed", 0, 1, 0)
    );
    let attempts = world.attempts(failing).await;
    let expected: Vec<(i32, i16, String)> = (1..=4).map(|n| (0, n, "failed".into())).collect();
    assert_eq!(attempts, expected);
    let waits: Vec<f64> = sqlx::query_scalar(
        "select (extract(epoch from claimed_at - before) * 1000)::float8 from (
            select claimed_at, lag(ended_at) over (order by attempt) as before from attempt_history where instance_id = $1) a
         where before is not null",
    )
    .bind(failing)
    .fetch_all(world.pool())
    .await
    .unwrap();
    // 10, 20, 40 ms, each up to half shorter.
    for (wait, least) in waits.iter().zip([5.0, 10.0, 20.0]) {
        assert!(*wait >= least, "{waits:?}");
    }
    // One that succeeds at its third attempt.
    let work = Work {
        until_attempt: 2,
        ..Work::fail("not yet")
    };
    let recovering = job.trigger_with(&work).await;
    assert_eq!(
        world.ended(recovering, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    assert_eq!(world.attempts(recovering).await.len(), 3);
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn as_many_shards_may_fail_as_the_job_allows_and_one_more_cancels_the_rest() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let gate = world.gate("gate");
    let fail = serde_json::json!(Work::fail("bad"));
    let held = serde_json::json!(gate.work());
    let tolerant = app
        .job("tolerant", |s| {
            s.handler = Some("work".into());
            s.shard_count = 5;
            s.max_shards_per_client = 0;
            s.allowed_failures = 2;
            s.shard_params = vec![fail.clone(), fail.clone()];
        })
        .await;
    let strict = app
        .job("strict", |s| {
            s.handler = Some("work".into());
            s.shard_count = 200;
            s.max_shards_per_client = 0;
            s.allowed_failures = 1;
            s.cancel_on_failure = true;
            s.shard_params = vec![fail.clone(), held.clone(), held.clone(), fail.clone(), held];
            s.shard_params.resize(200, serde_json::json!(gate.work()));
        })
        .await;
    let clients = (
        world.client(&app, &[&a, &b]).slots(3).start().await,
        world.client(&app, &[&b, &a]).slots(3).start().await,
    );
    let instance = tolerant.trigger().await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 3, 2, 0)
    );
    let instance = strict.trigger().await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("failed", 0, 2, 198));
    assert!(ended.reason.unwrap().contains("cancels the rest"));
    // Those that run hear of it, and others get the slots.
    let after = tolerant.trigger().await;
    assert_eq!(world.ended(after, BOUND).await.state, "succeeded");
    wait_for("nothing is held any more", BOUND, 0, async || {
        world
            .number("select count(*) from shard_running", &[])
            .await
    })
    .await;
    world.assert_nothing_left().await;
    drop(clients);
}

/// A limit that no shard count reaches was let in once where shards are found out at run time.
#[tokio::test]
async fn failures_are_recorded_however_many_an_old_definition_allows() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("tolerant", |s| {
            s.handler = Some("work".into());
            s.shard_params = vec![serde_json::json!(Work::fail("bad"))];
            s.cancel_on_failure = true;
        })
        .await;
    world
        .execute("update job_version set brief = null, definition = definition || '{\"allowed_failures\": 4294967295}'")
        .await;
    let client = world.client(&app, &[&server]).start().await;
    let instance = job.trigger().await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 0, 1, 0));
    drop(client);
}
