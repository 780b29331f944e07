//! Keeping the lease: a task of its own that depends on no handler and no claim.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use antares_protocol::client::{self as protocol, ClaimToken, Renew};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backoff::jitter;
use crate::context::CancelReason;
use crate::outcome::chain;

use super::Shared;
use super::table::Table;

/// About how many bytes of checkpoints one renewal carries: it must not come late for them.
const MAX_NEWS_BYTES: usize = 512 * 1024;
/// Delay between attempts to renew after one failed.
const RETRY: Duration = Duration::from_millis(300);

/// Until when nobody else can have been given our shards: by our own monotonic clock, and counted from when requests
/// were sent, so it ends before the server's count does.
///
/// A client that holds nothing has a long lease, which ends with a claim that brings shards.
pub(super) struct Trust {
    /// The usual lease.
    lease: Duration,
    until: Mutex<Until>,
    /// The long lease is over, so that it is time to renew.
    sooner: Notify,
}

struct Until {
    /// By the last renewal or claim, of a client that holds something.
    usual: Instant,
    /// By the last renewal, of one that holds nothing.
    long: Instant,
    /// Whether shards have come since the last renewal was sent.
    claimed: bool,
}

impl Trust {
    /// `sent` is when the registration was.
    pub(super) fn new(sent: Instant, lease: Duration) -> Self {
        let until = Until {
            usual: sent + lease,
            long: sent + lease,
            claimed: false,
        };
        Self {
            lease,
            until: Mutex::new(until),
            sooner: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Until> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn until(&self) -> Instant {
        let until = self.lock();
        until.usual.max(until.long)
    }

    /// Whether somebody else may have our shards.
    pub(super) fn is_over(&self) -> bool {
        self.until() <= Instant::now()
    }

    /// A claim that was sent at `sent` has brought shards. They were claimed `waited` after it reached the server, and
    /// from then on there is a lease of `given` at least.
    pub(super) fn claimed(&self, sent: Instant, waited: Duration, given: Duration) {
        let mut until = self.lock();
        let end = sent + waited + given;
        until.usual = until.usual.max(end);
        until.long = until.long.min(end);
        if !std::mem::replace(&mut until.claimed, true) {
            self.sooner.notify_one();
        }
    }

    /// A claim was broken off: the server may take this client for dead.
    pub(super) fn hung_up(&self) {
        self.sooner.notify_one();
    }

    /// A renewal leaves now.
    fn renewing(&self) {
        self.lock().claimed = false;
    }

    /// The renewal that was sent at `sent` has given a lease of `given`. Returns whether shards have come meanwhile.
    fn renewed(&self, sent: Instant, given: Duration) -> bool {
        let mut until = self.lock();
        until.usual = until.usual.max(sent + self.lease.min(given));
        // The server may have handed them out after it gave the lease.
        if !until.claimed {
            until.long = sent + given;
        }
        until.claimed
    }
}

pub(super) struct Lease {
    pub(super) client_id: Uuid,
    /// How often to renew while shards are held.
    pub(super) renew_every: Duration,
    pub(super) trust: Arc<Trust>,
    /// The client is about to leave.
    pub(super) ended: CancellationToken,
}

/// Renews until the lease is lost or ended.
pub(super) async fn keep(shared: Arc<Shared>, table: Arc<Table>, lease: Lease) {
    let mut renew_at = Instant::now() + lease.renew_every;
    loop {
        tokio::select! {
            () = sleep_until(renew_at.min(lease.trust.until())) => {}
            () = lease.trust.sooner.notified() => {
                renew_at = renew_at.min(Instant::now() + lease.renew_every);
                continue;
            }
            () = lease.ended.cancelled() => return,
        }
        let sent = Instant::now();
        let left = lease.trust.until().saturating_duration_since(sent);
        if left.is_zero() || table.lost.is_cancelled() {
            table.lose();
            return;
        }
        lease.trust.renewing();
        let (running, news) = table.running(MAX_NEWS_BYTES);
        let request = Renew { running };
        // A server that hangs must leave time to ask another before the lease is over.
        let limit = left.min(lease.renew_every.max(Duration::from_millis(500)));
        let renewal = shared.api.renew(lease.client_id, &request, limit);
        match timeout(left, renewal).await {
            Ok(Ok(renewed)) => {
                news.heard();
                let given = Duration::from_millis(renewed.lease_ms);
                let holds = lease.trust.renewed(sent, given);
                let next = Duration::from_millis(renewed.renew_every_ms.max(1));
                renew_at = sent + if holds { lease.renew_every } else { next };
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
                if error.is_refusal() {
                    // Should it be for what handlers have said, that is not worth the lease.
                    news.heard();
                }
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
