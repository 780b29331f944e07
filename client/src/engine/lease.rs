//! Keeping the lease: a task of its own that depends on no handler and no claim.

use std::sync::Arc;
use std::time::Duration;

use antares_protocol::client::{self as protocol, ClaimToken, Renew};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backoff::jitter;
use crate::context::CancelReason;
use crate::outcome::chain;

use super::Shared;
use super::table::Table;

/// Delay between attempts to renew after one failed.
const RETRY: Duration = Duration::from_millis(300);

pub(super) struct Lease {
    pub(super) client_id: Uuid,
    pub(super) renew_every: Duration,
    /// Until when nobody else can have been given our shards: by our own monotonic clock, and counted
    /// from when the request was sent, so it ends before the server's count does.
    pub(super) trusted_until: Instant,
    /// The client is about to leave.
    pub(super) ended: CancellationToken,
}

/// Renews until the lease is lost or ended.
pub(super) async fn keep(shared: Arc<Shared>, table: Arc<Table>, mut lease: Lease) {
    let mut renew_at = Instant::now() + lease.renew_every;
    loop {
        tokio::select! {
            () = sleep_until(renew_at.min(lease.trusted_until)) => {}
            () = lease.ended.cancelled() => return,
        }
        let sent = Instant::now();
        let left = lease.trusted_until.saturating_duration_since(sent);
        if left.is_zero() || table.lost.is_cancelled() {
            table.lose();
            return;
        }
        let request = Renew {
            running: table.tokens(),
        };
        // A server that hangs must leave time to ask another before the lease is over.
        let limit = left.min(lease.renew_every.max(Duration::from_millis(500)));
        let renewal = shared.api.renew(lease.client_id, &request, limit);
        match timeout(left, renewal).await {
            Ok(Ok(renewed)) => {
                lease.trusted_until = sent + Duration::from_millis(renewed.lease_ms);
                renew_at = sent + lease.renew_every;
                for cancel in &renewed.cancel {
                    revoke(&table, cancel);
                }
            }
            Ok(Err(error)) if error.is_client_gone() => {
                tracing::warn!(error = chain(&error), "the server has ended the lease");
                table.lose();
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    error = chain(&error),
                    left_ms = left.as_millis(),
                    "renewing failed"
                );
                renew_at = Instant::now() + jitter(RETRY.min(lease.renew_every));
            }
            Err(_) => renew_at = Instant::now(),
        }
    }
}

fn revoke(table: &Table, cancel: &protocol::Cancel) {
    let token = ClaimToken {
        shard_id: cancel.shard_id,
        attempt: cancel.attempt,
    };
    tracing::info!(shard_id = token.shard_id, attempt = token.attempt, reason = ?cancel.reason, "the server cancels a shard");
    let reason = match cancel.reason {
        protocol::CancelReason::Ended => CancelReason::Ended,
        protocol::CancelReason::Lost | protocol::CancelReason::Other => CancelReason::Lost,
    };
    table.revoke(token, reason);
}
