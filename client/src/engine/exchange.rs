//! Claims and reports: few calls for many shards, and none that waits for another without need.

use std::sync::Arc;
use std::time::Duration;

use antares_protocol::client::{
    Claim, ClaimToken, Claimed, MAX_HELD, Report, ReportStatus, ShardResult,
};
use futures_util::future::{BoxFuture, OptionFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::Context;
use crate::api::ApiError;
use crate::backoff::{Backoff, jitter};
use crate::context::CancelReason;
use crate::outcome::chain;

use super::lease::Trust;
use super::table::{Finished, Table};
use super::{Shared, after_failure, shard};

/// Most shards one claim may ask for, and most results one report may carry.
const MAX_BATCH: usize = 1_000;
/// About how many bytes of errors and outputs one report carries.
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// A report leaves at once when none is under way; a further one when so many results wait.
const FULL_ENOUGH: usize = 250;
/// Most reports under way.
const MAX_REPORTS: usize = 4;
/// A long-poll that ends empty sooner than this did not wait.
const TOO_SOON: Duration = Duration::from_millis(100);

/// How serving ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The lease is lost.
    Lost,
    /// All is done and reported, or the time for that has run out.
    Drained,
    /// Told to stop at once.
    Halted,
}

pub(super) struct Exchange {
    shared: Arc<Shared>,
    table: Arc<Table>,
    trust: Arc<Trust>,
    client_id: Uuid,
    /// A claim that waits at the server.
    poll: OptionFuture<BoxFuture<'static, Call>>,
    /// Slots that `poll` may fill.
    poll_asked: usize,
    /// Reports under way, some with a claim joined to them.
    reports: FuturesUnordered<BoxFuture<'static, Call>>,
    /// Slots that `reports` may fill.
    reports_asked: usize,
    backoff: Backoff,
    /// No call before this.
    not_before: Instant,
    /// No long-poll before this.
    no_poll_before: Instant,
    /// Long-polls in a row that came back empty without having waited.
    empty_polls: u32,
    /// Whether the last claim got all it asked for, so that there is probably more.
    is_busy: bool,
    /// Most results of the next report; lower after a refusal, to find the result that is refused.
    batch_limit: usize,
    drain: Drain,
}

/// A call that has come back.
struct Call {
    batch: Vec<Finished>,
    asked: usize,
    is_poll: bool,
    sent: Instant,
    answer: Result<Claimed, ApiError>,
}

/// How far the drain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    No,
    /// Handlers may end until then.
    Waiting(Instant),
    /// Handlers are cancelled; what is not done then is left behind.
    Cancelled(Instant),
}

impl Exchange {
    pub(super) fn new(
        shared: &Arc<Shared>,
        table: &Arc<Table>,
        trust: &Arc<Trust>,
        client_id: Uuid,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            table: Arc::clone(table),
            trust: Arc::clone(trust),
            client_id,
            poll: OptionFuture::from(None),
            poll_asked: 0,
            reports: FuturesUnordered::new(),
            reports_asked: 0,
            backoff: Backoff::new(shared.api.servers().len()),
            not_before: Instant::now(),
            no_poll_before: Instant::now(),
            empty_polls: 0,
            is_busy: false,
            batch_limit: MAX_BATCH,
            drain: Drain::No,
        }
    }

    /// Claims, runs and reports until the lease is lost or the client is done.
    pub(super) async fn run(&mut self) -> End {
        let shared = Arc::clone(&self.shared);
        let table = Arc::clone(&self.table);
        let mut switches = shared.api.switches();
        loop {
            if self.drain == Drain::No && shared.drain.is_cancelled() {
                self.drop_poll();
                self.drain = Drain::Waiting(Instant::now() + shared.config.drain_timeout);
            }
            self.issue();
            if self.drain != Drain::No && self.is_done() {
                return End::Drained;
            }
            let next_step = self.next_step();
            tokio::select! {
                biased;
                () = table.lost.cancelled() => {
                    self.drop_calls();
                    return End::Lost;
                }
                () = shared.halt.cancelled() => return End::Halted,
                Some(call) = self.reports.next() => {
                    self.reports_asked -= call.asked;
                    self.settle(call);
                }
                Some(call) = &mut self.poll => {
                    self.poll = OptionFuture::from(None);
                    self.poll_asked = 0;
                    self.settle(call);
                }
                () = shared.wake.notified() => {}
                () = shared.drain.cancelled(), if self.drain == Drain::No => {}
                // The server we poll may hang; the one that was found instead gets the claim.
                Ok(()) = switches.changed() => self.drop_poll(),
                () = until(next_step) => {
                    self.table.enforce_deadlines();
                    self.step_drain();
                }
            }
        }
    }

    /// Sends what can be sent now.
    fn issue(&mut self) {
        let now = Instant::now();
        if now < self.not_before {
            return;
        }
        loop {
            let waiting = self.table.finished();
            let may_report = self.reports.is_empty()
                || (waiting >= FULL_ENOUGH && self.reports.len() < MAX_REPORTS);
            if waiting == 0 || !may_report {
                break;
            }
            let batch = self.table.take_finished(self.batch_limit, MAX_BATCH_BYTES);
            let more = self.is_busy || batch.iter().any(|finished| finished.is_wide);
            let may_claim = more && self.drain == Drain::No && self.batch_limit == MAX_BATCH;
            let asked = if may_claim {
                self.shared.reserve(self.room())
            } else {
                0
            };
            self.reports_asked += asked;
            self.reports.push(self.call(batch, asked, false));
        }
        if self.drain == Drain::No && self.poll_asked == 0 && now >= self.no_poll_before {
            self.poll_asked = self.shared.reserve(self.room());
            if self.poll_asked > 0 {
                self.poll = Some(self.call(Vec::new(), self.poll_asked, true)).into();
            }
        }
    }

    /// How many shards one claim may ask for. Slots are not the only limit: a slot is free when its handler is done,
    /// and while the server takes results more slowly than handlers end, those pile up.
    fn room(&self) -> usize {
        let asked = self.poll_asked + self.reports_asked;
        MAX_BATCH.min(MAX_HELD.saturating_sub(self.table.held() + asked))
    }

    fn call(&self, batch: Vec<Finished>, asked: usize, is_poll: bool) -> BoxFuture<'static, Call> {
        let shared = Arc::clone(&self.shared);
        let client_id = self.client_id;
        Box::pin(async move {
            let sent = Instant::now();
            let (results, wide): (Vec<ShardResult>, Vec<bool>) = batch
                .into_iter()
                .map(|finished| (finished.result, finished.is_wide))
                .unzip();
            let (results, answer) = if asked > 0 {
                let wait = if is_poll {
                    shared.config.poll_wait
                } else {
                    Duration::ZERO
                };
                let request = Claim {
                    max: asked as u32,
                    wait_ms: wait.as_millis() as u64,
                    results,
                };
                let answer = shared.api.claim(client_id, &request).await;
                (request.results, answer)
            } else {
                let request = Report { results };
                let answer = shared.api.report(client_id, &request).await;
                let answer = answer.map(|reported| Claimed {
                    results: reported.results,
                    ..Claimed::default()
                });
                (request.results, answer)
            };
            Call {
                batch: results
                    .into_iter()
                    .zip(wide)
                    .map(|(result, is_wide)| Finished { result, is_wide })
                    .collect(),
                asked,
                is_poll,
                sent,
                answer,
            }
        })
    }

    fn settle(&mut self, call: Call) {
        match call.answer {
            Ok(claimed) => {
                self.backoff.reset();
                self.batch_limit = (self.batch_limit * 2).min(MAX_BATCH);
                self.acknowledge(&call.batch, &claimed);
                if call.is_poll {
                    self.pace_polls(claimed.shards.is_empty(), call.sent.elapsed());
                }
                if call.asked > 0 {
                    self.is_busy = claimed.shards.len() >= call.asked;
                }
                if !claimed.shards.is_empty() {
                    let [waited, lease] =
                        [claimed.waited_ms, claimed.lease_ms].map(Duration::from_millis);
                    self.trust.claimed(call.sent, waited, lease);
                    if self.trust.is_over() {
                        self.table.lose();
                    }
                }
                self.start(claimed, call.asked);
            }
            Err(error) => {
                if call.is_poll {
                    self.trust.hung_up();
                }
                self.shared.release(call.asked);
                self.fail(call.batch, &error);
            }
        }
    }

    fn acknowledge(&self, batch: &[Finished], claimed: &Claimed) {
        for stale in claimed
            .results
            .iter()
            .filter(|reported| reported.status == ReportStatus::Stale)
        {
            tracing::warn!(
                shard_id = stale.shard_id,
                attempt = stale.attempt,
                "a report came too late: the shard was no longer this client's"
            );
        }
        if !batch.is_empty() {
            self.table.settle(batch.iter().map(token));
        }
    }

    fn start(&self, claimed: Claimed, asked: usize) {
        let contexts = claimed
            .shards
            .into_iter()
            .map(|shard| {
                let app = Arc::clone(&self.shared.config.app);
                Context::new(app, shard, Arc::clone(&self.shared.logs))
            })
            .collect();
        let contexts = self.table.enter(contexts);
        self.shared.release(asked.saturating_sub(contexts.len()));
        for ctx in contexts {
            shard::spawn(&self.shared, &self.table, ctx);
        }
    }

    /// Keeps a server that answers long-polls without waiting from being asked in a tight loop.
    fn pace_polls(&mut self, is_empty: bool, took: Duration) {
        if !is_empty || took >= TOO_SOON {
            self.empty_polls = 0;
            return;
        }
        self.empty_polls += 1;
        // A few are the luck of the draw: another client was faster.
        if self.empty_polls > 5 && self.shared.config.poll_wait > TOO_SOON {
            self.no_poll_before = Instant::now() + jitter(TOO_SOON);
        }
    }

    fn fail(&mut self, batch: Vec<Finished>, error: &ApiError) {
        if error.is_client_gone() {
            tracing::warn!(error = chain(error), "the server has ended the lease");
            self.table.lose();
            return;
        }
        if error.is_refusal() && batch.len() > 1 {
            tracing::warn!(
                error = chain(error),
                results = batch.len(),
                "the server refuses a report, trying smaller ones"
            );
            self.batch_limit = batch.len() / 2;
            self.table.put_back(batch);
            return;
        }
        // Only the server's own word ends a result; a proxy's does not.
        if let [only] = &batch[..]
            && error.is_refusal()
            && error.problem().is_some()
        {
            tracing::error!(
                shard_id = only.result.shard_id,
                error = chain(error),
                "the server refuses a result; the shard goes back"
            );
            self.table.settle(batch.iter().map(token));
            return;
        }
        self.table.put_back(batch);
        let delay = after_failure(&self.shared, &mut self.backoff, "claim and report", error);
        self.not_before = Instant::now() + delay;
    }

    /// Nothing left to wait for.
    fn is_done(&self) -> bool {
        let handlers_ended = self.shared.running() == 0;
        let time_is_up = matches!(self.drain, Drain::Cancelled(until) if Instant::now() >= until);
        time_is_up || (handlers_ended && self.table.held() == 0)
    }

    /// When there is something to do even if nothing happens.
    fn next_step(&self) -> Option<Instant> {
        let drain = match self.drain {
            Drain::No => None,
            Drain::Waiting(until) | Drain::Cancelled(until) => Some(until),
        };
        let now = Instant::now();
        [
            self.table.next_deadline(),
            drain,
            Some(self.not_before).filter(|&gate| gate > now),
            Some(self.no_poll_before).filter(|&gate| gate > now),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn step_drain(&mut self) {
        if let Drain::Waiting(until) = self.drain
            && Instant::now() >= until
        {
            tracing::warn!(
                running = self.shared.running(),
                "the drain timeout has passed, handlers are cancelled"
            );
            self.table.cancel_all(CancelReason::Shutdown);
            let grace = self.shared.config.cancel_grace + Duration::from_secs(1);
            self.drain = Drain::Cancelled(Instant::now() + grace);
        }
    }

    fn drop_calls(&mut self) {
        self.drop_poll();
        self.reports.clear();
        self.shared.release(std::mem::take(&mut self.reports_asked));
    }

    fn drop_poll(&mut self) {
        if self.poll_asked > 0 {
            self.trust.hung_up();
        }
        self.poll = OptionFuture::from(None);
        self.shared.release(std::mem::take(&mut self.poll_asked));
    }
}

fn token(finished: &Finished) -> ClaimToken {
    ClaimToken {
        shard_id: finished.result.shard_id,
        attempt: finished.result.attempt,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
