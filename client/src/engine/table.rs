//! The shards a client holds under one registration, and the results that wait to be reported.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use antares_protocol::client::{ClaimToken, Outcome, Running, ShardResult};
use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Context;
use crate::context::CancelReason;
use crate::wall;

/// What is left of a handler that neither ends nor stops when it is dropped, because it blocks its
/// thread, gets this much more time than its grace.
const BLOCKED: Duration = Duration::from_millis(500);

pub(super) struct Table {
    rows: Mutex<Rows>,
    /// The registration is over: nothing here may be reported any more.
    pub(super) lost: CancellationToken,
    cancel_grace: Duration,
}

#[derive(Default)]
struct Rows {
    /// Claims that the server has been told, or will be told, are this client's.
    held: HashMap<ClaimToken, Held>,
    finished: VecDeque<Finished>,
    /// When to cancel a shard that is over time, and later, to give up on it.
    deadlines: BTreeSet<(Instant, ClaimToken)>,
    closed: bool,
}

struct Held {
    ctx: Context,
    claimed_at: DateTime<Utc>,
    deadline: Option<Instant>,
    /// The handler is done, its result waits for the server's word.
    is_finished: bool,
}

/// A result that waits to be reported.
pub(super) struct Finished {
    pub(super) result: ShardResult,
    /// Whether its instance has other shards, perhaps for the slot that has come free.
    pub(super) is_wide: bool,
}

/// What a renewal says of shards.
#[derive(Default)]
pub(super) struct News(Vec<(Context, u64)>);

impl News {
    /// The server has heard it.
    pub(super) fn heard(self) {
        for (ctx, version) in self.0 {
            ctx.heard(version);
        }
    }
}

impl Finished {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let checkpoint = self.result.checkpoint.as_ref();
        let checkpoint = checkpoint.map_or(0, |value| value.to_string().len());
        200 + text(&self.result.error) + text(&self.result.output) + checkpoint
    }
}

impl Table {
    pub(super) fn new(cancel_grace: Duration) -> Self {
        Self {
            rows: Mutex::default(),
            lost: CancellationToken::new(),
            cancel_grace,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters claims. Returns those whose handlers are to be called: all, unless the registration is
    /// over.
    pub(super) fn enter(&self, claims: Vec<Context>) -> Vec<Context> {
        let now = Instant::now();
        let claimed_at = wall::now();
        let mut rows = self.lock();
        if rows.closed {
            return Vec::new();
        }
        for ctx in &claims {
            let token = ctx.token();
            let deadline = ctx.timeout().and_then(|timeout| now.checked_add(timeout));
            if let Some(deadline) = deadline {
                rows.deadlines.insert((deadline, token));
            }
            let held = Held {
                ctx: ctx.clone(),
                claimed_at,
                deadline,
                is_finished: false,
            };
            rows.held.insert(token, held);
        }
        claims
    }

    /// The handler of `token` is done. Without a result the shard is dropped: it goes back when a renewal
    /// no longer lists it, or when the client leaves.
    pub(super) fn finish(&self, token: ClaimToken, result: Option<ShardResult>) {
        let mut rows = self.lock();
        let rows = &mut *rows;
        // Absent when the claim was lost, or given up on.
        let Some(held) = rows.held.get_mut(&token).filter(|held| !held.is_finished) else {
            return;
        };
        if let Some(deadline) = held.deadline.take() {
            rows.deadlines.remove(&(deadline, token));
        }
        let Some(result) = result else {
            rows.held.remove(&token);
            return;
        };
        held.is_finished = true;
        let is_wide = held.ctx.total() > 1;
        rows.finished.push_back(Finished { result, is_wide });
    }

    /// Everything this client holds, for a renewal, with what handlers have said since the last one: about `max_bytes` of
    /// it, the rest waits for the next. When the server has heard it, it is to be handed to [`News::heard`].
    pub(super) fn running(&self, max_bytes: usize) -> (Vec<Running>, News) {
        let mut room = max_bytes;
        let mut news = News::default();
        let rows = self.lock();
        let running = rows.held.values().map(|held| {
            let (running, said) = held.ctx.running(room);
            if let Some((version, bytes)) = said {
                room -= bytes;
                news.0.push((held.ctx.clone(), version));
            }
            running
        });
        (running.collect(), news)
    }

    /// How many shards this client holds, those included whose results wait for the server's word.
    pub(super) fn held(&self) -> usize {
        self.lock().held.len()
    }

    pub(super) fn finished(&self) -> usize {
        self.lock().finished.len()
    }

    /// Takes results to report: at most `max`, and about `max_bytes` of text.
    pub(super) fn take_finished(&self, max: usize, max_bytes: usize) -> Vec<Finished> {
        let mut rows = self.lock();
        let mut bytes = 0;
        let mut count = 0;
        for finished in rows.finished.iter().take(max) {
            bytes += finished.bytes();
            if count > 0 && bytes > max_bytes {
                break;
            }
            count += 1;
        }
        rows.finished.drain(..count).collect()
    }

    /// Puts results back that could not be delivered, in front.
    pub(super) fn put_back(&self, batch: Vec<Finished>) {
        let mut rows = self.lock();
        if !rows.closed {
            for finished in batch.into_iter().rev() {
                rows.finished.push_front(finished);
            }
        }
    }

    /// The server has answered for these, one way or the other.
    pub(super) fn settle(&self, tokens: impl Iterator<Item = ClaimToken>) {
        let mut rows = self.lock();
        for token in tokens {
            rows.held.remove(&token);
        }
    }

    /// Stops one handler; its claim is no longer ours.
    pub(super) fn revoke(&self, token: ClaimToken, reason: CancelReason) {
        let mut rows = self.lock();
        if let Some(held) = rows.held.remove(&token) {
            if let Some(deadline) = held.deadline {
                rows.deadlines.remove(&(deadline, token));
            }
            drop(rows);
            held.ctx.cancel(reason);
        }
    }

    /// Stops all handlers; their claims stay.
    pub(super) fn cancel_all(&self, reason: CancelReason) {
        let contexts: Vec<Context> = self
            .lock()
            .held
            .values()
            .filter(|held| !held.is_finished)
            .map(|held| held.ctx.clone())
            .collect();
        for ctx in contexts {
            ctx.cancel(reason);
        }
    }

    /// The registration is over: stops all handlers and forgets all results.
    pub(super) fn lose(&self) {
        let mut rows = self.lock();
        rows.closed = true;
        let held = std::mem::take(&mut rows.held);
        rows.finished.clear();
        rows.deadlines.clear();
        drop(rows);
        for held in held.into_values() {
            held.ctx.cancel(CancelReason::Lost);
        }
        self.lost.cancel();
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.lock().deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Cancels the shards whose time is up. One that was cancelled before and whose handler did not even
    /// stop for being dropped is reported without it.
    pub(super) fn enforce_deadlines(&self) {
        let now = Instant::now();
        loop {
            let mut rows = self.lock();
            let Some(&(deadline, token)) = rows.deadlines.first() else {
                return;
            };
            if deadline > now {
                return;
            }
            rows.deadlines.pop_first();
            let Some(held) = rows.held.get_mut(&token) else {
                continue;
            };
            held.deadline = None;
            match held.ctx.cancel_reason() {
                None => {
                    let give_up = now + self.cancel_grace + BLOCKED;
                    held.deadline = Some(give_up);
                    let ctx = held.ctx.clone();
                    rows.deadlines.insert((give_up, token));
                    drop(rows);
                    ctx.cancel(CancelReason::TimedOut);
                }
                Some(CancelReason::TimedOut) => {
                    let result = blocked(held, token);
                    drop(rows);
                    self.finish(token, Some(result));
                }
                Some(_) => {}
            }
        }
    }
}

/// The result of a shard that is over time and whose handler cannot be dropped.
fn blocked(held: &Held, token: ClaimToken) -> ShardResult {
    let error = super::shard::timed_out(&held.ctx, "the handler blocks its thread and goes on");
    ShardResult {
        shard_id: token.shard_id,
        attempt: token.attempt,
        outcome: Outcome::TimedOut,
        error: Some(error),
        output: None,
        delay_ms: None,
        checkpoint: held.ctx.unsent_checkpoint(),
        started_at: held.claimed_at,
        ended_at: wall::now(),
    }
}
