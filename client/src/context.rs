//! What a handler is told about its shard.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use antares_protocol::client::{ClaimToken, ClaimedShard, Running};
use antares_protocol::job::Script;
use antares_protocol::shard::Trigger;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{CheckpointError, Said};
use crate::log::{LogBuffer, Logger};

/// One shard, as its handler sees it. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    app: Arc<str>,
    shard: ClaimedShard,
    cancelled: CancellationToken,
    reason: OnceLock<CancelReason>,
    logs: Arc<LogBuffer>,
    said: Mutex<Said>,
}

/// Why a handler is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// The claim is no longer this client's: the lease ended, or the server gave the shard to another
    /// client. What the handler returns is not reported.
    Lost,
    /// The instance has ended, or its job was stopped, disabled or deleted. What the handler returns is
    /// not reported.
    Ended,
    /// The shard took longer than its job allows. It is reported as failed.
    TimedOut,
    /// This client stops and its drain timeout has passed. A success is reported; anything else goes
    /// back, for another client to run.
    Shutdown,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the claim was lost",
            Self::Ended => "the instance has ended",
            Self::TimedOut => "timed out",
            Self::Shutdown => "the client is shutting down",
        })
    }
}

/// A parameter that is not of the type asked for.
#[derive(Debug, thiserror::Error)]
#[error("{name}{}{path}: {source}", if path.is_empty() { "" } else { "." })]
pub struct ParamError {
    name: &'static str,
    path: String,
    source: serde_json::Error,
}

impl Context {
    pub(crate) fn new(app: Arc<str>, shard: ClaimedShard, logs: Arc<LogBuffer>) -> Self {
        Self {
            inner: Arc::new(Inner {
                app,
                shard,
                cancelled: CancellationToken::new(),
                reason: OnceLock::new(),
                logs,
                said: Mutex::default(),
            }),
        }
    }

    /// A context that belongs to no client, to call a handler from a unit test. Log lines go to
    /// `tracing` only.
    pub fn detached(shard: ClaimedShard) -> Self {
        Self::new(Arc::from("detached"), shard, Arc::new(LogBuffer::closed()))
    }

    /// Name of the app.
    pub fn app(&self) -> &str {
        &self.inner.app
    }

    /// The instance: one firing of the job.
    pub fn instance_id(&self) -> i64 {
        self.inner.shard.instance_id
    }

    /// The shard.
    pub fn shard_id(&self) -> i64 {
        self.inner.shard.shard_id
    }

    /// Which claim of the shard this is, from 1. Above 1, an earlier one was lost, returned or failed.
    pub fn attempt(&self) -> i16 {
        self.inner.shard.attempt
    }

    /// Name of the job.
    pub fn job(&self) -> &str {
        &self.inner.shard.job
    }

    /// Name of the handler.
    pub fn handler(&self) -> &str {
        &self.inner.shard.handler
    }

    /// Index of the shard, from 0.
    pub fn item(&self) -> i32 {
        self.inner.shard.item
    }

    /// How many shards the instance has.
    pub fn total(&self) -> i32 {
        self.inner.shard.total
    }

    /// The shard's parameter as JSON; null if none is configured.
    pub fn param_value(&self) -> &Value {
        &self.inner.shard.param
    }

    /// The shard's parameter.
    pub fn param<T: DeserializeOwned>(&self) -> Result<T, ParamError> {
        read("param", &self.inner.shard.param)
    }

    /// The job's parameter as JSON; null if none is configured.
    pub fn job_param_value(&self) -> &Value {
        &self.inner.shard.job_param
    }

    /// The job's parameter, or the one given when it was triggered.
    pub fn job_param<T: DeserializeOwned>(&self) -> Result<T, ParamError> {
        read("job_param", &self.inner.shard.job_param)
    }

    /// Why the instance exists.
    pub fn trigger(&self) -> Trigger {
        self.inner.shard.trigger
    }

    /// When the instance was due.
    pub fn scheduled_at(&self) -> DateTime<Utc> {
        self.inner.shard.scheduled_at
    }

    /// When it was fired.
    pub fn fired_at(&self) -> DateTime<Utc> {
        self.inner.shard.fired_at
    }

    /// How long the handler may take, from its start; `None` for no limit.
    pub fn timeout(&self) -> Option<Duration> {
        let timeout_ms = self.inner.shard.timeout_ms;
        (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms))
    }

    /// Keeps `value` for the next attempt of this shard, should this one be lost, fail or end with
    /// [`Outcome::Later`](crate::Outcome::Later): any JSON but null of at most 64 KiB. It replaces the one before, and is
    /// sent with the next renewal of the lease or with the result.
    ///
    /// # Errors
    ///
    /// The value cannot be written as JSON, is too large, or holds U+0000; the checkpoint before stands.
    pub fn checkpoint(&self, value: impl Serialize) -> Result<(), CheckpointError> {
        self.said().checkpoint(&value)
    }

    /// Says how far the handler has come, in percent, for people to see; above 100 is 100.
    pub fn progress(&self, percent: u8) {
        self.said().progress(percent);
    }

    /// The checkpoint that the attempts before this one left, if there is one.
    pub fn last_checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, ParamError> {
        let checkpoint = self.inner.shard.checkpoint.as_ref();
        checkpoint
            .map(|value| read("checkpoint", value))
            .transpose()
    }

    /// Logs for this shard: shown in the console, and emitted through `tracing`.
    pub fn log(&self) -> Logger<'_> {
        Logger::new(self, &self.inner.logs)
    }

    /// Resolves when the handler is to stop. Race it against long waits. A handler that goes on is
    /// dropped at its next `await` after the client's cancel grace.
    pub async fn cancelled(&self) {
        self.inner.cancelled.cancelled().await;
    }

    /// Whether the handler is to stop. Ask between the steps of long work.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.is_cancelled()
    }

    /// The same as a token, to hand to other libraries. Cancelling it does nothing to the shard.
    pub fn cancellation_token(&self) -> CancellationToken {
        self.inner.cancelled.child_token()
    }

    /// Why the handler is to stop, once it is.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.inner.reason.get().copied()
    }

    /// Tells the handler to stop. The first reason stands.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        let _ = self.inner.reason.set(reason);
        self.inner.cancelled.cancel();
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.inner
            .said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The claim, with what the server is to hear of it if that is at most `room` bytes: then also its version and bytes.
    pub(crate) fn running(&self, room: usize) -> (Running, Option<(u64, usize)>) {
        let mut running = Running::from(self.token());
        let news = self.said().news(&mut running, room);
        (running, news)
    }

    /// The server has heard what was said up to `version`.
    pub(crate) fn heard(&self, version: u64) {
        self.said().sent(version);
    }

    /// The checkpoint, if the server may not have heard of it.
    pub(crate) fn unsent_checkpoint(&self) -> Option<Value> {
        self.said().unsent()
    }

    pub(crate) fn script(&self) -> Option<&Script> {
        self.inner.shard.script.as_ref()
    }

    pub(crate) fn token(&self) -> ClaimToken {
        self.inner.shard.token()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("app", &self.inner.app)
            .field("shard", &self.inner.shard)
            .field("cancel_reason", &self.cancel_reason())
            .finish_non_exhaustive()
    }
}

fn read<T: DeserializeOwned>(name: &'static str, value: &Value) -> Result<T, ParamError> {
    serde_path_to_error::deserialize(value).map_err(|error| ParamError {
        name,
        path: match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        },
        source: error.into_inner(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::shard;
    use serde_json::json;

    #[derive(Debug, serde::Deserialize)]
    struct Region {
        #[expect(dead_code, reason = "only its parsing is tested")]
        code: u8,
    }

    #[test]
    fn a_parameter_of_the_wrong_type_names_itself_and_the_field() {
        let ctx = Context::detached(ClaimedShard {
            param: json!({"code": "north"}),
            job_param: json!("all"),
            ..shard(1, "settle")
        });
        let error = ctx.param::<Region>().unwrap_err().to_string();
        assert!(error.starts_with("param.code: "), "{error}");
        let error = ctx.job_param::<u8>().unwrap_err().to_string();
        assert!(error.starts_with("job_param: "), "{error}");
        assert_eq!(ctx.job_param::<String>().unwrap(), "all");
    }

    #[test]
    fn the_first_reason_to_cancel_stands() {
        let ctx = Context::detached(shard(1, "settle"));
        assert_eq!(ctx.cancel_reason(), None);
        ctx.cancel(CancelReason::TimedOut);
        ctx.cancel(CancelReason::Shutdown);
        assert!(ctx.is_cancelled());
        assert_eq!(ctx.cancel_reason(), Some(CancelReason::TimedOut));
    }
}
