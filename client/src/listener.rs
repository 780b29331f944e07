//! Listeners: code that runs around every shard, whatever its handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};

use crate::{Context, Outcome};

/// Longest time one call of a listener may take; the shard goes on without it.
const LONGEST_CALL: Duration = Duration::from_secs(10);

/// Called around every shard. Implement the methods you need; each may be an `async fn`.
///
/// For one shard the order is `before`, the handler, then `success` or `fail` (neither for
/// [`Outcome::Later`]), then `after`; the report leaves after that. A listener that panics, or takes
/// longer than 10 s, is logged and skipped; it changes nothing about the shard.
pub trait Listener: Send + Sync + 'static {
    /// The handler is about to be called.
    fn before(&self, ctx: &Context) -> impl Future<Output = ()> + Send {
        let _ = ctx;
        async {}
    }

    /// The handler is done.
    fn after(&self, ctx: &Context, outcome: &Outcome) -> impl Future<Output = ()> + Send {
        let _ = (ctx, outcome);
        async {}
    }

    /// The shard succeeded.
    fn success(&self, ctx: &Context) -> impl Future<Output = ()> + Send {
        let _ = ctx;
        async {}
    }

    /// The shard failed.
    fn fail(&self, ctx: &Context, error: &str) -> impl Future<Output = ()> + Send {
        let _ = (ctx, error);
        async {}
    }
}

/// [`Listener`] behind a pointer.
pub(crate) trait AnyListener: Send + Sync {
    fn before_any<'a>(&'a self, ctx: &'a Context) -> BoxFuture<'a, ()>;
    fn ended_any<'a>(&'a self, ctx: &'a Context, outcome: &'a Outcome) -> BoxFuture<'a, ()>;
}

impl<L: Listener> AnyListener for L {
    fn before_any<'a>(&'a self, ctx: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(shielded(ctx, "before", async { self.before(ctx).await }))
    }

    fn ended_any<'a>(&'a self, ctx: &'a Context, outcome: &'a Outcome) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match outcome {
                Outcome::Success(_) => {
                    shielded(ctx, "success", async { self.success(ctx).await }).await;
                }
                Outcome::Fail(error) => {
                    shielded(ctx, "fail", async { self.fail(ctx, error).await }).await;
                }
                Outcome::Later(_) => {}
            }
            shielded(ctx, "after", async { self.after(ctx, outcome).await }).await;
        })
    }
}

async fn shielded(ctx: &Context, call: &'static str, listener: impl Future<Output = ()> + Send) {
    let listener = AssertUnwindSafe(listener).catch_unwind();
    match tokio::time::timeout(LONGEST_CALL, listener).await {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => {
            let panic = crate::job::message(&*panic);
            tracing::error!(
                job = ctx.job(),
                shard_id = ctx.shard_id(),
                call,
                panic,
                "a listener panicked"
            );
        }
        Err(_) => {
            tracing::error!(
                job = ctx.job(),
                shard_id = ctx.shard_id(),
                call,
                "a listener took over 10 s and was skipped"
            );
        }
    }
}

/// All listeners of a client.
pub(crate) type Listeners = Vec<Arc<dyn AnyListener>>;

pub(crate) async fn before(listeners: &Listeners, ctx: &Context) {
    for listener in listeners {
        listener.before_any(ctx).await;
    }
}

pub(crate) async fn ended(listeners: &Listeners, ctx: &Context, outcome: &Outcome) {
    for listener in listeners {
        listener.ended_any(ctx, outcome).await;
    }
}
