//! The Rust SDK of Antares: write a handler, have it run.
//!
//! A [`Client`] is one process of an app. It registers its handlers with the servers, claims shards of
//! the app's jobs, runs them, and reports how they ended. It needs no inbound port.
//!
//! ```no_run
//! use antares_client::{BoxError, Client, Context};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     Client::builder("shop", "the app's secret")
//!         .server("http://10.0.0.5:22122")
//!         .server("http://10.0.0.6:22122")
//!         .handler("settle", async |ctx: Context| -> Result<String, BoxError> {
//!             let region: Option<String> = ctx.param()?;
//!             ctx.log().info(format!("slice {} of {}", ctx.item(), ctx.total()));
//!             Ok(format!("settled {region:?}"))
//!         })
//!         .build()?
//!         .run()
//!         .await;
//!     Ok(())
//! }
//! ```
//!
//! # Handlers
//!
//! A handler is a function or closure from [`Context`] to a future, or a type that implements [`Job`]. It
//! returns anything that is [`IntoOutcome`]: nothing, text, a number, JSON, a `Result`, or an [`Outcome`]
//! outright. A panic is a failure like an `Err`.
//!
//! A closure that uses what it captured clones it for each call, because calls overlap:
//!
//! ```
//! # use antares_client::{Client, Context};
//! # use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//! let settled = Arc::new(AtomicU64::new(0));
//! Client::builder("shop", "secret").handler("settle", move |_ctx: Context| {
//!     let settled = Arc::clone(&settled);
//!     async move { settled.fetch_add(1, Ordering::Relaxed) }
//! });
//! ```
//!
//! Handlers that carry [`#[job]`](macro@job) are found by [`ClientBuilder::discover`]; they need no list
//! of their own.
//!
//! # What is promised
//!
//! - **At least once.** A shard whose client dies, hangs or loses its network is run again elsewhere. Make
//!   effects idempotent; [`Context::shard_id`] with [`Context::attempt`] names one try.
//! - **Nothing is claimed that cannot be run.** The client holds at most as many shards as it has slots, and
//!   renews its lease until the last handler has returned. The lease is kept on a thread of its own, so
//!   that handlers which block do not cost it.
//! - **One that lost its claim is told.** When the lease passes without a renewal, or the server says a claim
//!   is over, the handler is cancelled ([`Context::cancelled`], [`CancelReason`]), and what it returns is
//!   not reported. It has [`ClientBuilder::cancel_grace`] to stop before it is dropped.
//! - **A result is reported until the server has answered for it**, through restarts of all servers.
//! - **Servers may come and go.** Calls move to the next server on failure, and are repeated with growing,
//!   random delays. The client never gives up by itself; a wrong secret is logged and tried again slowly.
//! - **Stopping is graceful**: no more claims, running handlers get [`ClientBuilder::drain_timeout`], results
//!   and logs are delivered, and what is left goes back at once. See [`Client::run`].
//!
//! # Checkpoints
//!
//! A handler with long work says now and then how far it has come: [`Context::checkpoint`] keeps a value that the next
//! attempt of the shard, wherever it runs, gets from [`Context::last_checkpoint`], and [`Context::progress`] shows a
//! percentage in the console. Both are sent with the next renewal of the lease, a third of it later at most, or with the
//! result. A client that is killed loses what it said since, so the next attempt may do some of the work again.
//!
//! # Scripts
//!
//! With [`ClientBuilder::allow_scripts`] the client runs script jobs. Each runs as a process group of its
//! own, in this process's environment plus `ANTARES_APP`, `ANTARES_JOB`, `ANTARES_INSTANCE_ID`,
//! `ANTARES_SHARD_ID`, `ANTARES_SHARD_ITEM`, `ANTARES_SHARD_TOTAL`, `ANTARES_SHARD_PARAM`,
//! `ANTARES_JOB_PARAM`, `ANTARES_ATTEMPT`, `ANTARES_TRIGGER`, `ANTARES_SCHEDULED_AT`, `ANTARES_FIRED_AT`,
//! and the original's `JOB_SHARD_ITEM` and `JOB_SHARD_PARAM`. A parameter that is text is given as it is,
//! none as empty, any other as JSON. Exit code 0 is success, with the output, stdout and stderr together,
//! as the shard's. A timeout, a cancellation or a stop ends the whole group: SIGTERM, then SIGKILL.
//!
//! # Testing
//!
//! [`Context::detached`] makes a context to call a handler from a unit test. [`api::ClientApi`] makes the
//! calls of the protocol one by one.

// The expansion of `#[job]` names this crate, also inside it.
extern crate self as antares_client;

/// Makes a handler that [`ClientBuilder::discover`] finds.
///
/// It goes on an `async fn` that takes a [`Context`] or nothing, or on a type that implements [`Job`] and
/// [`Default`]. The handler's name is the text given, or else the name of the function or type.
///
/// ```
/// use antares_client::{BoxError, Client, Context, job};
///
/// #[job("settle")]
/// async fn settle_orders(ctx: Context) -> Result<String, BoxError> {
///     Ok(format!("settled slice {}", ctx.item()))
/// }
///
/// let client = Client::builder("shop", "secret")
///     .server("http://10.0.0.5:22122")
///     .discover()
///     .build()?;
/// # drop(client);
/// # Ok::<_, BoxError>(())
/// ```
///
/// Only what is linked is found: a library of handlers that the program does not otherwise use needs a
/// `use that_library as _;`.
pub use antares_client_macros::job;
/// The wire types.
pub use antares_protocol as protocol;
pub use tokio_util::sync::CancellationToken;

pub use crate::builder::{BuildError, ClientBuilder};
pub use crate::checkpoint::CheckpointError;
pub use crate::client::{Client, ClientHandle};
pub use crate::context::{CancelReason, Context, ParamError};
pub use crate::job::Job;
pub use crate::listener::Listener;
pub use crate::log::Logger;
pub use crate::outcome::{BoxError, IntoOutcome, Outcome};

pub mod api;
mod backoff;
mod builder;
mod checkpoint;
mod client;
mod context;
mod engine;
mod job;
mod listener;
mod log;
mod outcome;
mod script;
#[cfg(test)]
mod testing;
mod wall;

/// What the expansion of `#[job]` uses. Not for anyone else.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::job::{Annotated, handler};
}
