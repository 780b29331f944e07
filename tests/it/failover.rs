//! Clients and servers die with work in their hands.

use antares_protocol::client::{CancelReason, Outcome, ReportStatus};
use antares_tests::{BOUND, Work, World, wait_until};
use std::time::Duration;

fn attempts(of: &[(i32, i16, &str)]) -> Vec<(i32, i16, String)> {
    of.iter()
        .map(|(item, attempt, outcome)| (*item, *attempt, (*outcome).to_owned()))
        .collect()
}

#[tokio::test]
async fn what_a_killed_client_held_is_run_by_others_and_ends_once() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 4;
            spec.max_shards_per_client = 0;
        })
        .await;
    let mut first = world.client(&app, &[&a, &b]).name("first").start().await;
    let instance = job.trigger_with(&Work::hang().until_attempt(1)).await;
    world.begun(instance, 4).await;
    let second = world.client(&app, &[&a, &b]).name("second").start().await;
    first.process.kill();
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 4, 0, 0));
    let expected: Vec<_> = (0..4)
        .flat_map(|item| [(item, 1, "lost"), (item, 2, "succeeded")])
        .collect();
    assert_eq!(world.attempts(instance).await, attempts(&expected));
    let by_second = world.executed(instance).await;
    assert!(
        by_second
            .iter()
            .filter(|row| row.attempt == 2)
            .all(|row| row.client == "second")
    );
    world.assert_nothing_left().await;
    drop(second);
}

#[tokio::test]
async fn a_hung_client_that_goes_on_has_its_handlers_cancelled_and_changes_nothing() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 2;
            spec.max_shards_per_client = 0;
        })
        .await;
    let mut first = world.client(&app, &[&a, &b]).name("first").start().await;
    let old_id = first.id(&world).await;
    let instance = job.trigger_with(&Work::hang().until_attempt(1)).await;
    world.begun(instance, 2).await;
    first.process.hang();
    let second = world.client(&app, &[&a, &b]).name("second").start().await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 2, 0, 0));

    first.process.go_on();
    wait_until(
        "the handlers of the first client are cancelled",
        BOUND,
        async || {
            let executed = world.executed(instance).await;
            let cancelled = executed
                .iter()
                .filter(|row| {
                    row.client == "first"
                        && row.event == "cancelled"
                        && row.detail.as_deref() == Some("Lost")
                })
                .count();
            if cancelled == 2 {
                Ok(())
            } else {
                Err(executed)
            }
        },
    )
    .await;
    wait_until(
        "the first client registers again",
        BOUND,
        async || match first.id(&world).await {
            id if id == old_id => Err(id),
            id => Ok(id),
        },
    )
    .await;
    assert_eq!(
        world.attempts(instance).await,
        attempts(&[
            (0, 1, "lost"),
            (0, 2, "succeeded"),
            (1, 1, "lost"),
            (1, 2, "succeeded")
        ])
    );
    assert_eq!(world.ended(instance, BOUND).await, ended);
    world.assert_nothing_left().await;
    drop(second);
}

#[tokio::test]
async fn a_late_report_of_a_client_that_lost_its_lease_is_stale() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| ()).await;
    let late = app.raw_client(&a, &["work"]).await;
    let instance = job.trigger().await;
    let claimed = late.claim(1, 10_000).await;
    // It renews no more.
    wait_until("the shard goes back", BOUND, async || {
        match world.attempts(instance).await {
            ended if ended == attempts(&[(0, 1, "lost")]) => Ok(()),
            ended => Err(ended),
        }
    })
    .await;
    let other = app.raw_client(&a, &["work"]).await;
    let again = other.claim(1, 10_000).await;
    assert_eq!(
        (again[0].shard_id, again[0].attempt),
        (claimed[0].shard_id, 2)
    );

    assert_eq!(
        late.report(claimed[0].token(), Outcome::Failed).await,
        ReportStatus::Stale
    );
    // Not by naming the attempt of the other one either.
    assert_eq!(
        late.report(again[0].token(), Outcome::Failed).await,
        ReportStatus::Stale
    );
    assert!(
        late.try_renew(&[claimed[0].token()])
            .await
            .unwrap_err()
            .is_client_gone()
    );
    assert!(late.try_claim(1, 0).await.unwrap_err().is_client_gone());
    world.assert_consistent().await;
    assert_eq!(world.shards(instance).await, [("running".to_owned(), 0, 2)]);

    assert_eq!(
        other.report(again[0].token(), Outcome::Succeeded).await,
        ReportStatus::Accepted
    );
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    assert_eq!(
        late.report(claimed[0].token(), Outcome::Failed).await,
        ReportStatus::Stale
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn losing_the_last_attempt_fails_the_shard_with_the_reason() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |spec| spec.max_attempts = 2).await;
    let instance = job.trigger_with(&Work::hang()).await;
    for attempt in 1..=2 {
        let mut client = world.client(&app, &[&a]).start().await;
        let begun = world.begun(instance, attempt).await;
        assert_eq!(begun.last().unwrap().attempt as usize, attempt);
        client.process.kill();
    }
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("failed", 0, 1, 0)
    );
    let error: String =
        sqlx::query_scalar("select error from shard_history where instance_id = $1")
            .bind(instance)
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(
        error,
        "no attempt is left, the limit is 2: the client was gone: killed, hung or cut off"
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_goes_back_after_a_lease() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| ()).await;
    let client = app.raw_client(&a, &["work"]).await;
    let instance = job.trigger().await;
    let lost = client.claim(1, 10_000).await[0].token();
    // A renewal may overtake the answer to a claim: it must not take the claim back at once.
    assert!(client.renew(&[]).await.is_empty());
    assert_eq!(world.shards(instance).await, [("running".to_owned(), 0, 1)]);
    let again = wait_until("the client gets the shard again", BOUND, async || {
        client.renew(&[]).await;
        client.claim(1, 0).await.pop().ok_or("nothing")
    })
    .await;
    assert_eq!((again.shard_id, again.attempt), (lost.shard_id, 2));
    assert_eq!(world.attempts(instance).await, attempts(&[(0, 1, "lost")]));

    // The same client, the same shard, an attempt that is over.
    assert_eq!(
        client.report(lost, Outcome::Failed).await,
        ReportStatus::Stale
    );
    assert_eq!(world.shards(instance).await, [("running".to_owned(), 0, 2)]);
    let cancel = client.renew(&[lost, again.token()]).await;
    assert_eq!(cancel.len(), 1);
    assert_eq!(
        (cancel[0].attempt, cancel[0].reason),
        (1, CancelReason::Lost)
    );
    assert_eq!(
        client.report(again.token(), Outcome::Succeeded).await,
        ReportStatus::Accepted
    );
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn what_a_leaving_client_holds_goes_back_at_once() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "60s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 3;
            spec.max_shards_per_client = 0;
        })
        .await;
    let leaving = app.raw_client(&a, &["work"]).await;
    let staying = app.raw_client(&b, &["work"]).await;
    let instance = job.trigger().await;
    let held = leaving.claim(3, 10_000).await;
    assert_eq!(held.len(), 3);
    leaving.leave().await;
    leaving.leave().await;
    let mut got = Vec::new();
    wait_until(
        "the other client has them",
        Duration::from_secs(5),
        async || {
            got.extend(staying.claim(3, 1000).await);
            if got.len() == 3 {
                Ok(())
            } else {
                Err(got.len())
            }
        },
    )
    .await;
    assert!(got.iter().all(|shard| shard.attempt == 2));
    assert_eq!(
        leaving.report(held[0].token(), Outcome::Succeeded).await,
        ReportStatus::Stale
    );
    for shard in &got {
        assert_eq!(
            staying.report(shard.token(), Outcome::Succeeded).await,
            ReportStatus::Accepted
        );
    }
    let expected: Vec<_> = (0..3)
        .flat_map(|item| [(item, 1, "returned"), (item, 2, "succeeded")])
        .collect();
    assert_eq!(world.attempts(instance).await, attempts(&expected));
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn clients_go_to_another_server_when_theirs_is_killed_and_nothing_is_lost() {
    let world = World::new().await;
    let [mut a, b] = world.servers().await;
    let app = world.app(&b, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 120;
            spec.max_shards_per_client = 0;
        })
        .await;
    let clients = futures_util::future::join_all(
        (0..3).map(|_| world.client(&app, &[&a, &b]).slots(4).start()),
    )
    .await;
    let instance = job.trigger_with(&Work::sleep(50)).await;
    world.begun(instance, 30).await;
    a.process.kill();
    assert_eq!(
        world.ended(instance, 2 * BOUND).await.summary(),
        ("succeeded", 120, 0, 0)
    );
    // The clients kept their leases: no attempt was lost but those whose claim died with the server.
    let lost = "select count(*) from attempt_history where instance_id = $1 and outcome = 'lost'
        and error not like '%its answer was lost%'";
    assert_eq!(world.number(lost, &[instance]).await, 0);
    world.assert_nothing_left().await;
    drop(clients);
}
