//! Handlers: the trait an application implements, and how annotated ones are found.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use crate::{Context, IntoOutcome, Outcome};

/// The work of a job: called once for each shard this client claims.
///
/// A closure or function from [`Context`] to a future is a `Job` too. A handler runs at least once for
/// each shard: after a crash or a lost lease another client runs the shard again, so make its effects
/// idempotent.
///
/// ```
/// use antares_client::{BoxError, Context, Job};
///
/// struct Settle {
///     currency: &'static str,
/// }
///
/// impl Job for Settle {
///     type Output = Result<u64, BoxError>;
///
///     async fn run(&self, ctx: Context) -> Self::Output {
///         let region: String = ctx.param()?;
///         ctx.log().info(format!("settling {region} in {}", self.currency));
///         Ok(42)
///     }
/// }
/// ```
pub trait Job: Send + Sync + 'static {
    /// What it returns, such as [`Outcome`], `()` or `Result<u64, MyError>`.
    type Output: IntoOutcome;

    /// Runs one shard.
    fn run(&self, ctx: Context) -> impl Future<Output = Self::Output> + Send;
}

impl<F, Fut> Job for F
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send,
    Fut::Output: IntoOutcome,
{
    type Output = Fut::Output;

    fn run(&self, ctx: Context) -> impl Future<Output = Self::Output> + Send {
        self(ctx)
    }
}

/// A handler whose type is forgotten.
pub(crate) type Handler = Arc<dyn AnyJob>;

/// [`Job`] behind a pointer.
pub trait AnyJob: Send + Sync {
    /// Runs one shard. A panic is a failure with the panic's message.
    fn run_any(&self, ctx: Context) -> BoxFuture<'_, Outcome>;
}

impl<J: Job> AnyJob for J {
    fn run_any(&self, ctx: Context) -> BoxFuture<'_, Outcome> {
        // The call itself goes inside, because the part of a closure before its future may panic too.
        let run = async move { self.run(ctx).await.into_outcome() };
        Box::pin(AssertUnwindSafe(run).catch_unwind().map(|result| {
            result.unwrap_or_else(|panic| Outcome::Fail(format!("panicked: {}", message(&*panic))))
        }))
    }
}

/// The text a panic was raised with.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

/// A handler that carries [`job`](macro@crate::job).
#[derive(Debug)]
pub struct Annotated {
    /// Name of the handler.
    pub name: &'static str,
    /// Where it is defined.
    pub module: &'static str,
    /// Makes it.
    pub make: fn() -> Handler,
}

inventory::collect!(Annotated);

/// Forgets the type of `job`.
pub fn handler(job: impl Job) -> Handler {
    Arc::new(job)
}
