//! What handlers say of how far they have come reaches the next attempt, and nothing else.

use std::time::Duration;

use antares_protocol::client::{
    ClaimToken, ClaimedShard, MAX_CHECKPOINT, Outcome, Renew, ReportStatus, Running,
};
use antares_protocol::page::Page;
use antares_protocol::shard::{Shard, ShardState, shard_id};
use antares_server::store::checkpoint::{self, Said};
use antares_tests::{BOUND, RawClient, Work, World, result, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

/// The one shard that there is, once `client` gets it.
async fn claim(client: &RawClient) -> ClaimedShard {
    wait_until("a shard", BOUND, async || {
        client.claim(1, 1000).await.pop().ok_or("none")
    })
    .await
}

fn running(token: ClaimToken, checkpoint: Option<Value>, progress: Option<u8>) -> Running {
    Running {
        checkpoint,
        progress,
        ..token.into()
    }
}

/// Renews with this alone; the field that is refused, if one is.
async fn try_say(client: &RawClient, running: Running) -> Result<(), Option<String>> {
    let request = Renew {
        running: vec![running],
    };
    let renewed = client
        .api
        .renew(client.id, &request, Duration::from_secs(10))
        .await;
    renewed
        .map(|_| ())
        .map_err(|error| error.problem().and_then(|problem| problem.field.clone()))
}

async fn say(client: &RawClient, token: ClaimToken, checkpoint: Value) {
    try_say(client, running(token, Some(checkpoint), None))
        .await
        .expect("the renewal is answered");
}

#[tokio::test]
async fn a_killed_clients_checkpoint_reaches_the_attempt_on_another_client() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| ()).await;
    let mut first = world.client(&app, &[&a, &b]).name("first").start().await;
    let work = Work {
        checkpoint: Some(json!({ "page": 7 })),
        progress: Some(40),
        ..Work::hang().until_attempt(1)
    };
    let instance = job.trigger_with(&work).await;
    let path = format!("/api/v1/instances/{instance}/shards");
    wait_until("the progress is shown", BOUND, async || {
        let shard = a.admin().get::<Page<Shard>>(&path).await.items.remove(0);
        if shard.progress == Some(40) {
            Ok(())
        } else {
            Err(shard)
        }
    })
    .await;
    first.process.kill();
    let second = world.client(&app, &[&b, &a]).name("second").start().await;
    let begun = world.begun(instance, 2).await;
    let seen: Vec<(&str, i16, Option<&str>)> = begun
        .iter()
        .map(|row| (&*row.client, row.attempt, row.detail.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [("first", 1, None), ("second", 2, Some(r#"{"page":7}"#))]
    );
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    let shard = a.admin().get::<Page<Shard>>(&path).await.items.remove(0);
    assert_eq!((shard.state, shard.progress), (ShardState::Succeeded, None));
    world.assert_nothing_left().await;
    drop(second);

    // A server tidies up when it starts, and then now and again.
    let tidy = world.server().start().await;
    wait_for("the checkpoint is forgotten", BOUND, 0, async || {
        world
            .number("select count(*) from shard_checkpoint", &[])
            .await
    })
    .await;
    drop(tidy);
}

#[tokio::test]
async fn only_the_client_whose_claim_stands_can_change_a_checkpoint() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |spec| spec.max_attempts = 5).await;
    job.trigger().await;
    let (old, new) = (
        app.raw_client(&a, &["work"]).await,
        app.raw_client(&b, &["work"]).await,
    );
    let first = claim(&old).await;
    assert_eq!(first.checkpoint, None);
    say(&old, first.token(), json!("one")).await;
    // With the result, for a handler that ends before a renewal was due.
    let mut later = result(first.token(), Outcome::Later);
    later.checkpoint = Some(json!(["two"]));
    assert_eq!(old.report_all(vec![later]).await, [ReportStatus::Accepted]);
    let second = claim(&new).await;
    assert_eq!(
        (second.attempt, &second.checkpoint),
        (2, &Some(json!(["two"])))
    );

    // Of an attempt that is over, of one that is not there, and of one that is another client's.
    say(&old, first.token(), json!("late")).await;
    say(
        &new,
        ClaimToken {
            attempt: 3,
            ..second.token()
        },
        json!("early"),
    )
    .await;
    say(&old, second.token(), json!("foreign")).await;
    let mut stale = result(first.token(), Outcome::Failed);
    stale.checkpoint = Some(json!("stale"));
    old.report_all(vec![stale]).await;
    // Progress alone leaves the checkpoint.
    try_say(&new, running(second.token(), None, Some(10)))
        .await
        .expect("the renewal is answered");
    let later = result(second.token(), Outcome::Later);
    assert_eq!(new.report_all(vec![later]).await, [ReportStatus::Accepted]);
    let third = claim(&old).await;
    assert_eq!(
        (third.attempt, &third.checkpoint),
        (3, &Some(json!(["two"])))
    );
    let progress = "select count(*) from shard_checkpoint where progress = 10 and attempt = 2";
    assert_eq!(world.number(progress, &[]).await, 1);
    // Another attempt's progress is not this one's.
    say(&old, third.token(), json!("three")).await;
    let none = "select count(*) from shard_checkpoint where progress is null and attempt = 3";
    assert_eq!(world.number(none, &[]).await, 1);
    assert_eq!(
        old.report(third.token(), Outcome::Succeeded).await,
        ReportStatus::Accepted
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn what_an_earlier_attempt_said_never_replaces_what_a_later_one_did() {
    let world = World::new().await;
    world.migrate().await;
    let client_id = Uuid::now_v7();
    // As it is seen by a statement that began before the second attempt.
    sqlx::query(
        "insert into shard_running (client_id, instance_id, chunk, attempt, open) values ($1, 1, 1, 1, 2), ($1, 1, 1, 3, 2)",
    )
    .bind(client_id)
    .execute(world.pool())
    .await
    .unwrap();
    world
        .execute(
            "insert into shard_checkpoint (instance_id, item, attempt, checkpoint) values (1, 65, 2, '2')",
        )
        .await;
    let mut conn = world.pool().acquire().await.unwrap();
    let mut said = Said {
        client_id,
        shard_id: shard_id(1, 65),
        attempt: 1,
        checkpoint: Some(json!(1)),
        progress: None,
    };
    let read = async || {
        world
            .number(
                "select sum(checkpoint::bigint)::bigint from shard_checkpoint",
                &[],
            )
            .await
    };
    checkpoint::save(&mut conn, &[said.clone()]).await.unwrap();
    assert_eq!(read().await, 2);
    said.attempt = 3;
    said.checkpoint = Some(json!(3));
    // Of a shard of the chunk that is not the claim's.
    let other = Said {
        shard_id: shard_id(1, 66),
        ..said.clone()
    };
    checkpoint::save(&mut conn, &[said, other]).await.unwrap();
    assert_eq!(read().await, 3);
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_kept_is_refused_by_name() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    app.job("settle", |_| ()).await.trigger().await;
    let client = app.raw_client(&a, &["work"]).await;
    let token = claim(&client).await.token();
    let largest = json!("x".repeat(MAX_CHECKPOINT - 2));
    say(&client, token, largest.clone()).await;
    for (checkpoint, progress, field) in [
        (
            Some(json!("x".repeat(MAX_CHECKPOINT - 1))),
            None,
            "checkpoint",
        ),
        (Some(json!({ "a\0": 1 })), None, "checkpoint"),
        (None, Some(101), "progress"),
    ] {
        let refused = try_say(&client, running(token, checkpoint, progress)).await;
        assert_eq!(refused, Err(Some(format!("running[0].{field}"))));
    }
    let mut result = result(token, Outcome::Later);
    result.checkpoint = Some(json!("\0"));
    let report = antares_protocol::client::Report {
        results: vec![result.clone()],
    };
    let refused = client.api.report(client.id, &report).await.unwrap_err();
    let field = refused.problem().and_then(|problem| problem.field.clone());
    assert_eq!(field.as_deref(), Some("results[0].checkpoint"));
    result.checkpoint = None;
    client.report_all(vec![result]).await;
    let next = claim(&client).await;
    assert_eq!((next.attempt, next.checkpoint), (2, Some(largest)));
}
