//! Failures, panics, listeners, time limits and what the server makes of results.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use antares_client::protocol::client::{Cancel, CancelReason as Reason, Outcome as Reported};
use antares_client::{CancelReason, Context, Listener, Outcome};
use tokio::sync::mpsc;

use crate::stand_in::{Call, StandIn, shard, soon};

#[tokio::test]
async fn an_error_and_a_panic_are_failures_and_the_process_goes_on() {
    let server = StandIn::start();
    server.add([
        shard(1, "err"),
        shard(2, "panic"),
        shard(3, "early"),
        shard(4, "unknown"),
    ]);
    let client = server
        .client()
        .handler("err", async |_ctx: Context| {
            Err::<(), _>(std::io::Error::other("disk full"))
        })
        .handler("panic", async |ctx: Context| {
            let item = ctx.item();
            assert!(item > 0, "item {item} is not to be settled");
        })
        .handler("early", |_ctx: Context| -> std::future::Ready<()> {
            panic!("before the future")
        })
        .build()
        .unwrap()
        .spawn();
    for (shard_id, error) in [
        (1, "disk full"),
        (2, "panicked: item 0 is not to be settled"),
        (3, "panicked: before the future"),
        (4, "this client has no handler `unknown`"),
    ] {
        let result = server.result_of(shard_id).await;
        assert_eq!(result.outcome, Reported::Failed);
        assert_eq!(result.error.as_deref(), Some(error));
    }
    server.add([shard(5, "err")]);
    server.result_of(5).await;
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn errors_and_outputs_are_cut_at_their_limits() {
    let server = StandIn::start();
    server.add([shard(1, "fail"), shard(2, "print")]);
    let client = server
        .client()
        .handler("fail", async |_ctx: Context| {
            Outcome::fail("é".repeat(9_000))
        })
        .handler("print", async |_ctx: Context| "y".repeat(2_000_000))
        .build()
        .unwrap()
        .spawn();
    let error = server.result_of(1).await.error.unwrap();
    assert!(error.len() <= 8 * 1024 && error.ends_with("[cut: 18000 bytes in all]"));
    let output = server.result_of(2).await.output.unwrap();
    assert!(output.len() <= 1024 * 1024 && output.ends_with("[cut: 2000000 bytes in all]"));
    soon(client.shutdown()).await;
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn note(&self, what: &str, ctx: &Context) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{what} {}", ctx.shard_id()));
    }
}

impl Listener for Recorder {
    async fn before(&self, ctx: &Context) {
        self.note("before", ctx);
    }

    async fn after(&self, ctx: &Context, _outcome: &Outcome) {
        self.note("after", ctx);
    }

    async fn success(&self, ctx: &Context) {
        self.note("success", ctx);
    }

    async fn fail(&self, ctx: &Context, error: &str) {
        assert_eq!(error, "no");
        self.note("fail", ctx);
    }
}

struct Clumsy;

impl Listener for Clumsy {
    async fn before(&self, _ctx: &Context) {
        panic!("clumsy before");
    }

    async fn after(&self, _ctx: &Context, _outcome: &Outcome) {
        panic!("clumsy after");
    }
}

#[tokio::test]
async fn listeners_run_in_order_and_their_panics_lose_no_report() {
    let server = StandIn::start();
    let recorder = Recorder::default();
    server.add([shard(1, "choose"), shard(2, "choose"), shard(3, "choose")]);
    let client = server
        .client()
        .slots(1)
        .listener(Clumsy)
        .listener(recorder.clone())
        .handler("choose", async |ctx: Context| match ctx.shard_id() {
            1 => Outcome::success(),
            2 => Outcome::fail("no"),
            _ => Outcome::later(Duration::from_secs(1)),
        })
        .build()
        .unwrap()
        .spawn();
    server.result_of(3).await;
    assert_eq!(server.result_of(1).await.outcome, Reported::Succeeded);
    assert_eq!(server.result_of(2).await.outcome, Reported::Failed);
    soon(client.shutdown()).await;
    let noted = recorder.0.lock().unwrap().join(", ");
    assert_eq!(
        noted,
        "before 1, success 1, after 1, before 2, fail 2, after 2, before 3, after 3"
    );
}

#[tokio::test]
async fn a_shard_over_time_is_cancelled_and_failed_whatever_its_handler_does() {
    let server = StandIn::start();
    let (told, mut reasons) = mpsc::unbounded_channel();
    for (shard_id, handler) in [(1, "polite"), (2, "deaf"), (3, "late")] {
        let mut shard = shard(shard_id, handler);
        shard.timeout_ms = 100;
        server.add([shard]);
    }
    let client = server
        .client()
        .cancel_grace(Duration::from_millis(150))
        .handler("polite", move |ctx: Context| {
            let told = told.clone();
            async move {
                ctx.cancelled().await;
                told.send(ctx.cancel_reason()).unwrap();
                Outcome::fail("cleaned up")
            }
        })
        .handler("deaf", async |_ctx: Context| {
            std::future::pending::<()>().await;
        })
        .handler("late", async |ctx: Context| ctx.cancelled().await)
        .build()
        .unwrap()
        .spawn();
    for (shard_id, error) in [
        (1, "timed out after 100 ms: cleaned up"),
        (
            2,
            "timed out after 100 ms: the handler did not stop within 150 ms",
        ),
        (
            3,
            "timed out after 100 ms: the handler then returned success",
        ),
    ] {
        let result = server.result_of(shard_id).await;
        assert_eq!(result.outcome, Reported::TimedOut);
        assert_eq!(result.error.as_deref(), Some(error));
    }
    assert_eq!(
        soon(reasons.recv()).await,
        Some(Some(CancelReason::TimedOut))
    );
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn a_shard_within_its_time_is_not_touched() {
    let server = StandIn::start();
    let mut quick = shard(1, "quick");
    quick.timeout_ms = 60_000;
    server.add([quick]);
    let client = server
        .client()
        .handler("quick", async |ctx: Context| {
            assert_eq!(ctx.timeout(), Some(Duration::from_mins(1)));
        })
        .build()
        .unwrap()
        .spawn();
    assert_eq!(server.result_of(1).await.outcome, Reported::Succeeded);
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn the_server_cancels_a_handler_whose_result_is_then_not_reported() {
    let server = StandIn::start();
    let (told, mut reasons) = mpsc::unbounded_channel();
    server.add([shard(1, "wait"), shard(2, "wait")]);
    let client = server
        .client()
        .handler("wait", move |ctx: Context| {
            let told = told.clone();
            async move {
                ctx.cancelled().await;
                told.send((ctx.shard_id(), ctx.cancel_reason().unwrap()))
                    .unwrap();
            }
        })
        .build()
        .unwrap()
        .spawn();
    server
        .until("both running", |book| {
            (book.running.len() == 2).then_some(())
        })
        .await;
    let cancel = |shard_id, reason| Cancel {
        shard_id,
        attempt: 1,
        reason,
    };
    server.edit(|book| book.cancel.push(cancel(1, Reason::Ended)));
    assert_eq!(soon(reasons.recv()).await, Some((1, CancelReason::Ended)));
    server.edit(|book| book.cancel.push(cancel(2, Reason::Lost)));
    assert_eq!(soon(reasons.recv()).await, Some((2, CancelReason::Lost)));
    server
        .until("nothing listed", |book| {
            book.running.is_empty().then_some(())
        })
        .await;
    soon(client.shutdown()).await;
    assert!(server.edit(|book| book.results.is_empty()));
}

#[tokio::test]
async fn a_stale_answer_changes_nothing_for_the_others() {
    let server = StandIn::start();
    server.edit(|book| book.stale = Some(1));
    server.add([shard(1, "nothing"), shard(2, "nothing")]);
    let client = server
        .client()
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap()
        .spawn();
    server.result_of(2).await;
    server
        .until("nothing listed", |book| {
            let is_last = matches!(book.calls.last(), Some(Call::Renew { running: 0 }));
            is_last.then_some(())
        })
        .await;
    soon(client.shutdown()).await;
    assert_eq!(server.edit(|book| book.registered.len()), 1);
}

#[tokio::test]
async fn a_result_that_the_server_refuses_does_not_hold_up_the_others() {
    let server = StandIn::start();
    server.edit(|book| book.poison = Some(7));
    server.add((0..16).map(|id| shard(id, "nothing")));
    let client = server
        .client()
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap()
        .spawn();
    server
        .until("all but one", |book| {
            (book.results.len() == 15).then_some(())
        })
        .await;
    server
        .until("nothing listed", |book| {
            let is_last = matches!(book.calls.last(), Some(Call::Renew { running: 0 }));
            is_last.then_some(())
        })
        .await;
    soon(client.shutdown()).await;
}
