//! Running one shard: handler, listeners, cancellation, result.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use antares_protocol::client::{self as protocol, ClaimToken, ShardResult};
use chrono::{DateTime, Utc};
use tracing::Instrument;

use crate::context::CancelReason;
use crate::job::Handler;
use crate::outcome::{MAX_ERROR_BYTES, MAX_SENT_BYTES, truncate};
use crate::{Context, Outcome, listener, wall};

use super::Shared;
use super::table::Table;

/// No shard waits longer: the server would refuse the result.
const MAX_DELAY: Duration = Duration::from_hours(366 * 24);

/// Runs one shard in a task of its own, with a slot that was reserved for it.
pub(super) fn spawn(shared: &Arc<Shared>, table: &Arc<Table>, ctx: Context) {
    shared.running.fetch_add(1, Ordering::AcqRel);
    let slot = Slot {
        shared: Arc::clone(shared),
        table: Arc::clone(table),
        token: ctx.token(),
        result: None,
    };
    let span = tracing::info_span!(
        "shard",
        job = ctx.job(),
        instance_id = ctx.instance_id(),
        shard_id = ctx.shard_id(),
        attempt = ctx.attempt()
    );
    shared.handlers.spawn(run(slot, ctx).instrument(span));
}

/// What a running shard takes up. Dropping it, also when the task is dropped by its runtime, gives the
/// slot back and hands in the result, or hands the shard back if there is none.
struct Slot {
    shared: Arc<Shared>,
    table: Arc<Table>,
    token: ClaimToken,
    result: Option<ShardResult>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // The slot first, so that the call that reports the result can claim for it.
        self.shared.release(1);
        self.table.finish(self.token, self.result.take());
        self.shared.running.fetch_sub(1, Ordering::AcqRel);
        self.shared.wake.notify_one();
    }
}

async fn run(mut slot: Slot, ctx: Context) {
    let shared = Arc::clone(&slot.shared);
    let listeners = &shared.config.listeners;
    let started_at = wall::now();
    let outcome = match shared.config.handlers.get(ctx.handler()) {
        Some(handler) => handle(&shared, handler, &ctx).await,
        None => Outcome::Fail(format!("this client has no handler `{}`", ctx.handler())),
    };
    let ended_at = wall::now();
    let (outcome, is_reported) = judge(&ctx, outcome);
    if !shared.halt.is_cancelled() {
        listener::ended(listeners, &ctx, &outcome).await;
    }
    if is_reported {
        let mut result = result(slot.token, outcome, started_at, ended_at);
        if ctx.cancel_reason() == Some(CancelReason::TimedOut) {
            result.outcome = protocol::Outcome::TimedOut;
        }
        if result.outcome != protocol::Outcome::Succeeded {
            result.checkpoint = ctx.unsent_checkpoint();
        }
        slot.result = Some(result);
    }
}

/// Calls the handler. Once cancelled, it has the grace to return, and is dropped after it.
async fn handle(shared: &Shared, handler: &Handler, ctx: &Context) -> Outcome {
    let work = async {
        listener::before(&shared.config.listeners, ctx).await;
        handler.run_any(ctx.clone()).await
    };
    let mut work = pin!(work);
    tokio::select! {
        biased;
        outcome = &mut work => return outcome,
        () = ctx.cancelled() => {}
    }
    let grace = shared.config.cancel_grace;
    tokio::select! {
        biased;
        outcome = &mut work => outcome,
        () = tokio::time::sleep(grace) => {
            tracing::warn!(?grace, "the handler did not stop when cancelled, and was dropped");
            Outcome::Fail(format!("the handler did not stop within {} ms", grace.as_millis()))
        }
        () = shared.halt.cancelled() => Outcome::Fail("dropped".to_owned()),
    }
}

/// What the outcome becomes if the shard was cancelled, and whether it is reported.
fn judge(ctx: &Context, outcome: Outcome) -> (Outcome, bool) {
    match ctx.cancel_reason() {
        None => (outcome, true),
        Some(CancelReason::TimedOut) => {
            let after = match &outcome {
                Outcome::Success(_) => "the handler then returned success",
                Outcome::Later(_) => "the handler then returned later",
                Outcome::Fail(error) => error,
            };
            (Outcome::Fail(timed_out(ctx, after)), true)
        }
        // Failing because of our own shutdown must not fail the shard for good: another client can run it.
        Some(CancelReason::Shutdown) => {
            let is_reported = !matches!(outcome, Outcome::Fail(_));
            (outcome, is_reported)
        }
        Some(reason @ (CancelReason::Lost | CancelReason::Ended)) => {
            tracing::info!(%reason, "the result is not reported");
            (outcome, false)
        }
    }
}

/// The error of a shard that is over time.
pub(super) fn timed_out(ctx: &Context, after: &str) -> String {
    let timeout = ctx.timeout().unwrap_or(Duration::ZERO);
    format!("timed out after {} ms: {after}", timeout.as_millis())
}

fn result(
    token: ClaimToken,
    outcome: Outcome,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
) -> ShardResult {
    let mut result = ShardResult {
        shard_id: token.shard_id,
        attempt: token.attempt,
        outcome: protocol::Outcome::Succeeded,
        error: None,
        output: None,
        delay_ms: None,
        checkpoint: None,
        started_at,
        ended_at,
    };
    match outcome {
        Outcome::Success(output) => {
            result.output = output.map(|mut output| {
                truncate(&mut output, MAX_SENT_BYTES);
                output
            });
        }
        Outcome::Fail(mut error) => {
            truncate(&mut error, MAX_ERROR_BYTES);
            result.outcome = protocol::Outcome::Failed;
            result.error = Some(error);
        }
        Outcome::Later(delay) => {
            result.outcome = protocol::Outcome::Later;
            result.delay_ms = Some(delay.min(MAX_DELAY).as_millis() as u64);
        }
    }
    result
}
