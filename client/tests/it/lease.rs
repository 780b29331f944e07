//! Keeping the lease, and losing it.

use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use antares_client::protocol::client::Outcome as Reported;
use antares_client::{CancelReason, Context};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::stand_in::{Call, StandIn, shard, soon};

/// A handler that tells why it was cancelled, and then succeeds.
fn tell(told: mpsc::UnboundedSender<Option<CancelReason>>) -> impl antares_client::Job {
    move |ctx: Context| {
        let told = told.clone();
        async move {
            ctx.cancelled().await;
            told.send(ctx.cancel_reason()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_client_that_is_gone_cancels_its_handlers_and_registers_anew() {
    let server = StandIn::start();
    let (told, mut reasons) = mpsc::unbounded_channel();
    server.add([shard(1, "wait")]);
    let client = server
        .client()
        .handler("wait", tell(told))
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap()
        .spawn();
    server
        .until("running", |book| (book.running.len() == 1).then_some(()))
        .await;
    server.edit(|book| book.gone.push(Uuid::from_u128(1)));
    assert_eq!(soon(reasons.recv()).await, Some(Some(CancelReason::Lost)));
    server
        .until("a second registration", |book| {
            book.registered.get(1).map(drop)
        })
        .await;
    server.add([shard(2, "nothing")]);
    server.result_of(2).await;
    assert_eq!(client.client_id(), Some(Uuid::from_u128(2)));
    assert!(
        server.edit(|book| book.result(1).is_none()),
        "a lost shard was reported"
    );
    soon(client.shutdown()).await;
    assert_eq!(server.edit(|book| book.left.clone()), [Uuid::from_u128(2)]);
}

#[tokio::test]
async fn handlers_are_cancelled_when_the_lease_passes_without_a_renewal() {
    let server = StandIn::start();
    let (told, mut reasons) = mpsc::unbounded_channel();
    server.edit(|book| book.lease_ms = 700);
    server.add([shard(1, "wait")]);
    let client = server
        .client()
        .handler("wait", tell(told))
        .build()
        .unwrap()
        .spawn();
    server
        .until("running", |book| (book.running.len() == 1).then_some(()))
        .await;
    server.edit(|book| book.refuse_renewals = true);
    assert_eq!(soon(reasons.recv()).await, Some(Some(CancelReason::Lost)));
    server.edit(|book| book.refuse_renewals = false);
    server
        .until("a second registration", |book| {
            book.registered.get(1).map(drop)
        })
        .await;
    assert!(server.edit(|book| book.results.is_empty()));
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn a_client_that_holds_nothing_renews_seldom_until_it_is_given_a_shard() {
    let server = StandIn::start();
    let (told, mut reasons) = mpsc::unbounded_channel();
    // Idle, it is told to renew after 200 s and has a lease of hours.
    server.edit(|book| (book.lease_ms, book.idle_times) = (2_000, 4_000));
    let client = server
        .client()
        .handler("wait", tell(told))
        .build()
        .unwrap()
        .spawn();
    let idle = |call: &&Call| matches!(call, Call::Renew { running: 0 });
    server
        .until("an idle renewal", |book| {
            book.calls.iter().find(idle).map(drop)
        })
        .await;
    // From the claim on it renews as often as any client that holds something.
    server.edit(|book| book.refuse_renewals = true);
    server.add([shard(1, "wait")]);
    let busy = |call: &&Call| matches!(call, Call::Renew { running: 1 });
    server
        .until("renewals while it holds a shard", |book| {
            (book.calls.iter().filter(busy).count() >= 3).then_some(())
        })
        .await;
    assert_eq!(
        server.edit(|book| book.calls.iter().filter(idle).count()),
        1
    );
    // Nor does it trust the long lease any more.
    assert_eq!(soon(reasons.recv()).await, Some(Some(CancelReason::Lost)));
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn a_renewal_that_fails_for_less_than_a_lease_costs_nothing() {
    let server = StandIn::start();
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    server.edit(|book| book.lease_ms = 5_000);
    server.add([shard(1, "wait")]);
    let client = server
        .client()
        .handler("wait", move |_ctx| {
            let gate = Arc::clone(&gate);
            async move { gate.notified().await }
        })
        .build()
        .unwrap()
        .spawn();
    server
        .until("running", |book| (book.running.len() == 1).then_some(()))
        .await;
    let before = server.edit(|book| {
        book.refuse_renewals = true;
        book.calls.len()
    });
    let renewals = |call: &Call| matches!(call, Call::Renew { .. });
    server
        .until("refused renewals", |book| {
            let refused = book.calls[before..].iter().filter(|call| renewals(call));
            (refused.count() >= 3).then_some(())
        })
        .await;
    server.edit(|book| book.refuse_renewals = false);
    go.notify_one();
    assert_eq!(server.result_of(1).await.outcome, Reported::Succeeded);
    assert_eq!(server.edit(|book| book.registered.len()), 1);
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn handlers_that_block_every_thread_do_not_cost_the_lease() {
    let server = StandIn::start();
    server.edit(|book| book.lease_ms = 2_000);
    let mut timed = shard(2, "block");
    timed.timeout_ms = 200;
    server.add([shard(1, "block"), timed]);
    let handlers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (open, gate) = blocking::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let client = {
        let _inside = handlers.enter();
        server
            .client()
            .cancel_grace(Duration::from_millis(100))
            .handler("block", move |_ctx| {
                // Blocks the thread on purpose, as a careless handler does.
                let _ = gate.lock().unwrap().recv();
                std::future::ready(())
            })
            .build()
            .unwrap()
            .spawn()
    };
    server
        .until("running", |book| (book.running.len() == 2).then_some(()))
        .await;
    let result = server.result_of(2).await;
    let error = result.error.unwrap();
    assert!(
        error.starts_with("timed out after 200 ms: the handler blocks"),
        "{error}"
    );
    let before = server.edit(|book| book.calls.len());
    server
        .until("renewals beyond the lease", |book| {
            (book.calls.len() > before + 60).then_some(())
        })
        .await;
    assert_eq!(server.edit(|book| book.registered.len()), 1);
    drop(open);
    assert_eq!(server.result_of(1).await.outcome, Reported::Succeeded);
    soon(client.shutdown()).await;
    handlers.shutdown_background();
}
