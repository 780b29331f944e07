//! How long the lease of a client is.

use std::time::Duration;

use antares_protocol::client::{Claim, ClaimToken, ClaimedShard, Outcome, Renew, Renewed};
use antares_tests::{BOUND, RawClient, World, result, wait_until};
use chrono::{DateTime, TimeDelta, Utc};

/// The usual one.
const LEASE_MS: u64 = 10_000;
/// That of a client which holds nothing.
const IDLE_LEASE_MS: u64 = 60_000;

async fn renew(client: &RawClient, running: Vec<ClaimToken>) -> Renewed {
    let running = running.into_iter().map(Into::into).collect();
    let (request, limit) = (Renew { running }, Duration::from_secs(10));
    let renewed = client.api.renew(client.id, &request, limit).await;
    renewed.expect("the renewal is answered")
}

/// The time, and when the lease of `client` ends, by the database's clock.
async fn lease(world: &World, client: &RawClient) -> (DateTime<Utc>, DateTime<Utc>) {
    sqlx::query_as("select clock_timestamp(), expires_at from client_lease where client_id = $1")
        .bind(client.id)
        .fetch_one(world.pool())
        .await
        .expect("the client has a lease")
}

/// How much of the lease of `client` is left, in milliseconds.
async fn left(world: &World, client: &RawClient) -> i64 {
    let (now, end) = lease(world, client).await;
    (end - now).num_milliseconds()
}

#[tokio::test]
async fn a_client_has_a_long_lease_while_it_holds_nothing() {
    let world = World::new().await;
    let [server] = world.servers_with(&["--failover-wait", "10s"]).await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let client = app.raw_client(&server, &["work"]).await;

    let idle = renew(&client, Vec::new()).await;
    assert_eq!(
        (idle.lease_ms, idle.renew_every_ms),
        (IDLE_LEASE_MS, 19_999)
    );
    let long = left(&world, &client).await;
    assert!(long > 50_000, "{long}");

    // What it is given ends the long lease, at a moment that the client can reckon: never later than the server does.
    let claim = Claim {
        max: 1,
        wait_ms: 60_000,
        results: Vec::new(),
    };
    let (sent, _) = lease(&world, &client).await;
    let (claimed, _) = tokio::join!(client.api.claim(client.id, &claim), job.trigger());
    let claimed = claimed.expect("the claim is answered");
    let (now, usual) = lease(&world, &client).await;
    assert!(usual <= now + TimeDelta::milliseconds(LEASE_MS as i64));
    assert_eq!(claimed.lease_ms, LEASE_MS * 2 / 3);
    let trusted = sent + TimeDelta::milliseconds((claimed.waited_ms + claimed.lease_ms) as i64);
    assert!(trusted <= usual, "{trusted} {usual}");

    let token = claimed.shards[0].token();
    let busy = renew(&client, vec![token]).await;
    assert_eq!((busy.lease_ms, busy.renew_every_ms), (LEASE_MS, 3_333));
    assert!(left(&world, &client).await <= LEASE_MS as i64);

    // Nothing again. A claim that brings nothing leaves the long lease.
    let report = client.report_all(vec![result(token, Outcome::Succeeded)]);
    assert_eq!(report.await.len(), 1);
    assert_eq!(renew(&client, Vec::new()).await.lease_ms, IDLE_LEASE_MS);
    assert!(client.claim(1, 0).await.is_empty());
    assert!(left(&world, &client).await > 50_000);
}

#[tokio::test]
async fn a_client_that_hangs_up_while_it_waits_has_no_long_lease() {
    let world = World::new().await;
    let [server] = world.servers_with(&["--failover-wait", "10s"]).await;
    let app = world.app(&server, "shop").await;
    let client = app.raw_client(&server, &["work"]).await;
    assert_eq!(renew(&client, Vec::new()).await.lease_ms, IDLE_LEASE_MS);
    // It gives up after it has waited a while; renewals go on meanwhile, and show that the claim has come.
    let gives_up = async {
        for _ in 0..3 {
            assert_eq!(renew(&client, Vec::new()).await.lease_ms, IDLE_LEASE_MS);
        }
    };
    tokio::select! {
        shards = client.claim(1, 60_000) => panic!("there are none: {shards:?}"),
        () = gives_up => {}
    }
    let usual = "the lease is the usual one";
    wait_until(usual, BOUND, async || {
        let left = left(&world, &client).await;
        if left <= LEASE_MS as i64 {
            Ok(())
        } else {
            Err(left)
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_with_results_gets_more_of_an_instance_that_the_client_was_full_of() {
    let world = World::new().await;
    let [server] = world.servers_with(&["--failover-wait", "10s"]).await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 8;
            spec.max_shards_per_client = 2;
        })
        .await;
    let client = app.raw_client(&server, &["work"]).await;
    job.trigger().await;
    let mut held = client.claim(8, 10_000).await;
    let mut done = 0;
    while done < 8 {
        assert_eq!(held.len(), 2, "of {done}");
        let results: Vec<_> = held
            .iter()
            .map(|shard| result(shard.token(), Outcome::Succeeded))
            .collect();
        done += results.len();
        let claim = Claim {
            max: 8,
            wait_ms: 0,
            results,
        };
        let claimed = client.api.claim(client.id, &claim).await.expect("answered");
        assert_eq!(claimed.results.len(), 2);
        held = claimed.shards;
    }
    assert!(held.is_empty());
}

#[tokio::test]
async fn a_renewal_sees_shards_of_an_instance_older_than_the_last_renewal_knew() {
    let world = World::new().await;
    let [server] = world.servers_with(&["--failover-wait", "10s"]).await;
    let app = world.app(&server, "shop").await;
    let [older, newer] = [
        app.job("older", |_| {}).await,
        app.job("newer", |_| {}).await,
    ];
    let [other, client] = [
        app.raw_client(&server, &["work"]).await,
        app.raw_client(&server, &["work"]).await,
    ];
    let first = older.trigger().await;
    assert_eq!(other.claim(1, 10_000).await[0].instance_id, first);
    let second = newer.trigger().await;
    let mut held = client.claim(1, 10_000).await;
    assert_eq!(held[0].instance_id, second);
    // From now on the client is known to hold nothing of the first.
    assert_eq!(
        renew(&client, vec![held[0].token()]).await.lease_ms,
        LEASE_MS
    );
    other.leave().await;
    held.extend(client.claim(1, 10_000).await);
    assert_eq!(held[1].instance_id, first);
    for _ in 0..2 {
        let tokens = held.iter().map(ClaimedShard::token).collect();
        let renewed = renew(&client, tokens).await;
        assert!(renewed.cancel.is_empty(), "{:?}", renewed.cancel);
    }
    // What has ended is not taken for held.
    let results = held
        .iter()
        .map(|shard| result(shard.token(), Outcome::Succeeded));
    client.report_all(results.collect()).await;
    assert_eq!(renew(&client, Vec::new()).await.lease_ms, IDLE_LEASE_MS);
}
