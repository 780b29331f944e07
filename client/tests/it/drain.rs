//! Stopping: gracefully, after the drain timeout, and at once.

use std::sync::Arc;
use std::time::Duration;

use antares_client::protocol::client::Outcome as Reported;
use antares_client::{CancelReason, Context, Outcome};
use tokio::sync::{Notify, mpsc};

use crate::stand_in::{Call, StandIn, shard, soon};

#[tokio::test]
async fn a_drain_waits_for_handlers_keeps_the_lease_and_leaves_last() {
    let server = StandIn::start();
    server.edit(|book| book.lease_ms = 2_000);
    server.add([shard(1, "wait")]);
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let client = server
        .client()
        .handler("wait", move |ctx: Context| {
            let gate = Arc::clone(&gate);
            async move {
                gate.notified().await;
                ctx.log().info("last words");
            }
        })
        .build()
        .unwrap()
        .spawn();
    server
        .until("running", |book| (book.running.len() == 1).then_some(()))
        .await;
    client.begin_shutdown();
    let before = server.edit(|book| book.calls.len());
    server
        .until("renewals beyond the lease", |book| {
            (book.calls.len() > before + 60).then_some(())
        })
        .await;
    // Not for a draining client.
    server.add([shard(2, "wait")]);
    go.notify_one();
    soon(client.stopped()).await;
    assert_eq!(client.client_id(), None);
    server.edit(|book| {
        assert_eq!(book.result(1).unwrap().outcome, Reported::Succeeded);
        assert_eq!(book.ready.len(), 1, "a draining client claimed");
        assert_eq!(book.lines[0].message, "last words");
        assert_eq!(book.calls.last(), Some(&Call::Leave));
        let claims = |call: &Call| matches!(call, Call::Claim { .. });
        assert!(!book.calls[before..].iter().any(claims));
    });
}

#[tokio::test]
async fn after_the_drain_timeout_handlers_are_cancelled_and_only_successes_reported() {
    let server = StandIn::start();
    let (told, mut reasons) = mpsc::unbounded_channel();
    server.add([shard(1, "fail"), shard(2, "succeed"), shard(3, "deaf")]);
    let client = server
        .client()
        .drain_timeout(Duration::from_millis(100))
        .cancel_grace(Duration::from_millis(200))
        .handler("fail", move |ctx: Context| {
            let told = told.clone();
            async move {
                ctx.cancelled().await;
                told.send(ctx.cancel_reason()).unwrap();
                Outcome::fail("interrupted")
            }
        })
        .handler("succeed", async |ctx: Context| ctx.cancelled().await)
        .handler("deaf", async |_ctx: Context| {
            std::future::pending::<()>().await;
        })
        .build()
        .unwrap()
        .spawn();
    server
        .until("running", |book| (book.running.len() == 3).then_some(()))
        .await;
    soon(client.shutdown()).await;
    assert_eq!(
        soon(reasons.recv()).await,
        Some(Some(CancelReason::Shutdown))
    );
    server.edit(|book| {
        assert_eq!(book.result(2).unwrap().outcome, Reported::Succeeded);
        assert_eq!(book.results.len(), 1, "{:?}", book.results);
        assert_eq!(book.calls.last(), Some(&Call::Leave));
    });
}

#[tokio::test]
async fn an_abort_drops_handlers_at_once_and_hands_their_shards_back() {
    let server = StandIn::start();
    server.add([shard(1, "deaf")]);
    let client = server
        .client()
        .cancel_grace(Duration::from_hours(1))
        .handler("deaf", async |_ctx: Context| {
            std::future::pending::<()>().await;
        })
        .build()
        .unwrap()
        .spawn();
    server
        .until("running", |book| (book.running.len() == 1).then_some(()))
        .await;
    client.abort();
    soon(client.stopped()).await;
    assert_eq!(client.running(), 0);
    server.edit(|book| {
        assert!(book.results.is_empty());
        assert_eq!(book.left.len(), 1);
    });
}

#[tokio::test]
async fn dropping_the_handle_stops_the_client() {
    let server = StandIn::start();
    let client = server
        .client()
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap()
        .spawn();
    soon(client.registered()).await;
    drop(client);
    server
        .until("leaving", |book| book.left.first().copied())
        .await;
}

#[tokio::test]
async fn a_client_can_be_stopped_before_it_ever_reached_a_server() {
    let server = StandIn::reserved();
    let client = server
        .client()
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap()
        .spawn();
    soon(client.shutdown()).await;
}
