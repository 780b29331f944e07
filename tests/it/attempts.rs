//! How often a shard is claimed, and what the failure that is one too many takes with it, at whatever moment.

use antares_protocol::client::{CancelReason, ClaimedShard, Outcome, ReportStatus};
use antares_protocol::policy::{Backoff, Retry};
use antares_tests::{BOUND, RawClient, World, result, wait_for, wait_until};
use futures_util::future::join;

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
    got.sort_by_key(|shard| (shard.instance_id, shard.item));
    got
}

pub(super) const AT_ONCE: Retry = Retry {
    delay_ms: 0,
    backoff: Backoff::Fixed,
    max_delay_ms: 0,
    jitter_percent: 0,
};

#[tokio::test]
async fn however_its_attempts_end_a_shard_is_claimed_as_often_as_its_job_allows() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    for most in [1, 3] {
        let job = app
            .job(&format!("at most {most}"), |spec| {
                spec.max_attempts = most;
                spec.retry = Some(AT_ONCE);
                spec.shard_timeout_ms = 60_000;
            })
            .await;
        for last in ["failed", "later", "lost", "returned", "timed_out"] {
            let instance = job.trigger().await;
            let mut expected = Vec::new();
            for attempt in 1..=most as i16 {
                let client = app.raw_client(&a, &["work"]).await;
                let token = claim_exactly(&client, 1).await.remove(0).token();
                assert_eq!(token.attempt, attempt, "{last}");
                match last {
                    "failed" => drop(client.report(token, Outcome::Failed).await),
                    "later" => drop(client.report(token, Outcome::Later).await),
                    "returned" => client.leave().await,
                    "lost" => {
                        world
                            .execute("update client_lease set expires_at = now()")
                            .await;
                    }
                    _ => {
                        world
                            .execute("update shard_running set deadline_at = now()")
                            .await;
                    }
                }
                expected.push((0, attempt, last.to_owned()));
            }
            assert_eq!(
                world.ended(instance, BOUND).await.summary(),
                ("failed", 0, 1, 0),
                "{last}"
            );
            assert_eq!(world.attempts(instance).await, expected);
        }
    }
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn whatever_takes_the_last_attempt_counts_as_the_failure_that_cancels_the_rest() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 3;
            spec.max_attempts = 1;
            spec.cancel_on_failure = true;
        })
        .await;
    let other = app.raw_client(&a, &["work"]).await;
    for last in ["failed", "later", "lost", "returned"] {
        let instance = job.trigger().await;
        let client = app.raw_client(&a, &["work"]).await;
        let token = claim_exactly(&client, 1).await.remove(0).token();
        let running = claim_exactly(&other, 1).await.remove(0).token();
        match last {
            "failed" => drop(client.report(token, Outcome::Failed).await),
            "later" => drop(client.report(token, Outcome::Later).await),
            "returned" => client.leave().await,
            _ => {
                sqlx::query("update client_lease set expires_at = now() where client_id = $1")
                    .bind(client.id)
                    .execute(world.pool())
                    .await
                    .unwrap();
            }
        }
        let ended = world.ended(instance, BOUND).await;
        assert_eq!(ended.summary(), ("failed", 0, 1, 2), "{last}");
        assert!(ended.reason.is_some(), "{last}");
        let cancel = other.renew(&[running]).await.remove(0);
        assert_eq!(cancel.reason, CancelReason::Ended, "{last}");
        assert_eq!(
            other.report(running, Outcome::Succeeded).await,
            ReportStatus::Stale
        );
    }
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn failures_at_the_same_moment_are_counted_exactly() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let clients = [
        app.raw_client(&a, &["work"]).await,
        app.raw_client(&b, &["work"]).await,
    ];
    let mut instances = Vec::new();
    for number in 0..30 {
        let job = app
            .job(&format!("job {number}"), |spec| {
                // One may fail, and both may; or the first one that does takes a third shard with it.
                let cancels = number % 3 == 2;
                spec.shard_count = if cancels { 3 } else { 2 };
                spec.allowed_failures = u32::from(!cancels);
                spec.cancel_on_failure = cancels;
            })
            .await;
        instances.push((number % 3, job.trigger().await));
    }
    let (mut left, mut right) = (
        claim_exactly(&clients[0], 30).await,
        claim_exactly(&clients[1], 30).await,
    );
    for shards in [&mut left, &mut right] {
        shards.sort_by_key(|shard| shard.instance_id);
    }
    for (((kind, instance), first), second) in instances.into_iter().zip(&left).zip(&right) {
        let [one, two] = [
            Outcome::Failed,
            if kind == 0 {
                Outcome::Succeeded
            } else {
                Outcome::Failed
            },
        ];
        join(
            clients[0].report(first.token(), one),
            clients[1].report(second.token(), two),
        )
        .await;
        let ended = world.ended(instance, BOUND).await;
        match kind {
            0 => assert_eq!(ended.summary(), ("succeeded", 1, 1, 0)),
            1 => assert_eq!(ended.summary(), ("failed", 0, 2, 0)),
            _ => {
                assert_eq!(ended.state, "failed");
                assert!((1..=2).contains(&ended.failed), "{ended:?}");
                assert_eq!(ended.failed + ended.cancelled, 3, "{ended:?}");
            }
        }
    }
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_server_killed_between_a_failure_and_the_cancelling_has_done_neither() {
    let world = World::new().await;
    let [mut a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 100;
            spec.cancel_on_failure = true;
        })
        .await;
    let instance = job.trigger().await;
    let client = app.raw_client(&a, &["work"]).await;
    let token = claim_exactly(&client, 1).await.remove(0).token();
    // Cancelling waits for this, with the failure counted in its transaction.
    let mut tx = world.pool().begin().await.unwrap();
    sqlx::query("select from shard_ready where instance_id = $1 for update")
        .bind(instance)
        .execute(&mut *tx)
        .await
        .unwrap();
    let request = antares_protocol::client::Report {
        results: vec![result(token, Outcome::Failed)],
    };
    let report = client.api.report(client.id, &request);
    let kill = async {
        wait_for("the report waits for the lock", BOUND, true, async || {
            let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%delete from shard_ready%'
                and pid in (select pid from pg_locks l join pg_class c on c.oid = l.relation
                    where c.relname = 'shard_ready' and c.relnamespace = current_schema()::regnamespace)";
            world.number(waiting, &[]).await > 0
        })
        .await;
        a.process.kill();
    };
    let (answer, ()) = join(report, kill).await;
    assert!(answer.is_err(), "{answer:?}");
    tx.rollback().await.unwrap();
    wait_for("the killed server's transaction is gone", BOUND, 0, async || {
        let locked = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
            where c.relname = 'instance_ended' and c.relnamespace = current_schema()::regnamespace and mode = 'RowExclusiveLock'";
        world.number(locked, &[]).await
    })
    .await;
    assert_eq!(world.try_ended(instance).await, None);
    assert_eq!(world.shards(instance).await.len(), 100);
    world.assert_consistent().await;
    let client = client.at(&app, &b);
    assert_eq!(
        client.report(token, Outcome::Failed).await,
        ReportStatus::Accepted
    );
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("failed", 0, 1, 99)
    );
    world.assert_nothing_left().await;
}
