//! A replica in this process with clients in the same process: what the handlers of the client protocol call is
//! called directly, without HTTP and JSON.
//!
//! The clients do what the SDK does with handlers that end at once: a claim that waits, and up to four reports
//! with a claim joined to each.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use antares_protocol::client::{ClaimToken, Outcome, RegisterClient, ReportStatus, ShardResult};
use antares_protocol::shard::shard_id;
use antares_server::app::Shared;
use antares_server::boot;
use antares_server::cli::init_log;
use antares_server::config::Config;
use antares_server::engine::hint::Hint;
use antares_server::engine::reporter;
use antares_server::pipeline::attempt;
use antares_server::store::client;
use clap::Args;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::worker::{APP, NOOP};
use crate::{Error, Result};

/// As in the SDK: most shards of a claim and results of a report, when a further report leaves, and most of them.
const MAX_BATCH: usize = 1000;
const FULL_ENOUGH: usize = 250;
const MAX_REPORTS: usize = 4;
/// How long a claim waits.
const WAIT: Duration = Duration::from_secs(20);

/// How the process runs: with the options of a server. On standard input, a line `2 2000` starts two clients with
/// 2000 slots each, an empty one lets them leave. It stops when its standard input closes.
#[derive(Debug, Args)]
pub(crate) struct InProcess {
    #[command(flatten)]
    config: Config,
}

impl InProcess {
    pub(crate) async fn run(&self) -> Result<ExitCode> {
        init_log(self.config.log_format, &self.config.log)?;
        let stopping = CancellationToken::new();
        let url = self.config.database_url.as_deref();
        let url = url.ok_or("database-url: there is none")?;
        let replica = Box::pin(boot::start(self.config.clone(), url, stopping.clone())).await?;
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let mut leaving = CancellationToken::new();
        let mut clients = JoinSet::new();
        loop {
            let line = tokio::select! {
                line = lines.next_line() => line?,
                Some(ended) = clients.join_next() => {
                    ended??;
                    continue;
                }
            };
            let Some(line) = line else { break };
            let Some((n, slots)) = line.split_once(' ') else {
                leaving.cancel();
                leaving = CancellationToken::new();
                continue;
            };
            for _ in 0..n.parse()? {
                let client = Client::register(&replica.app, slots.parse()?).await?;
                clients.spawn(client.run(leaving.clone()));
            }
        }
        stopping.cancel();
        replica.wait().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// A client of the app [`APP`].
struct Client {
    app: Shared,
    id: Uuid,
    slots: usize,
    /// What it has claimed and not reported, which its renewals name.
    held: Mutex<HashSet<ClaimToken>>,
}

/// A call that has come back.
struct Answer {
    is_report: bool,
    asked: usize,
    claimed: Vec<ClaimToken>,
}

impl Client {
    async fn register(app: &Shared, slots: u32) -> Result<Self> {
        let mut conn = app.pool.acquire().await?;
        let app_id = sqlx::query_scalar("select id from app where name = $1");
        let app_id: i64 = app_id.bind(APP).fetch_one(&mut *conn).await?;
        let id = Uuid::now_v7();
        let registered = RegisterClient {
            host: "in process".to_owned(),
            handlers: vec![NOOP.to_owned()],
            slots,
            ..RegisterClient::default()
        };
        let lease_ms = app.config.lease_ms();
        client::register(&mut conn, id, app_id, &registered, lease_ms).await?;
        app.hints.send(&Hint::clients());
        Ok(Self {
            app: Arc::clone(app),
            id,
            slots: slots as usize,
            held: Mutex::default(),
        })
    }

    /// Works until it is to leave, which it must be told only when there is nothing left to do.
    async fn run(self, leaving: CancellationToken) -> Result {
        tokio::select! {
            done = self.work() => done?,
            done = self.renew() => done?,
            () = leaving.cancelled() => {}
        }
        let mut conn = self.app.pool.acquire().await?;
        let ended = attempt::leave(&mut conn, &[self.id]).await?;
        drop(conn);
        self.app.clients.forget(self.id);
        reporter::after(&self.app, &ended);
        self.app.hints.send(&Hint::clients());
        Ok(())
    }

    async fn work(&self) -> Result {
        let mut calls = FuturesUnordered::new();
        // Slots that no call under way may fill. A handler that ends at once gives its slot back at once.
        let mut free = self.slots;
        let mut finished = Vec::new();
        let (mut reports, mut polls) = (0, false);
        // Whether the last claim got all it asked for.
        let mut is_busy = false;
        loop {
            while !finished.is_empty()
                && (reports == 0 || (finished.len() >= FULL_ENOUGH && reports < MAX_REPORTS))
            {
                let batch = finished.drain(..finished.len().min(MAX_BATCH)).collect();
                let asked = if is_busy { free.min(MAX_BATCH) } else { 0 };
                free -= asked;
                reports += 1;
                calls.push(self.call(batch, asked));
            }
            if !polls && free > 0 {
                let asked = free.min(MAX_BATCH);
                free -= asked;
                polls = true;
                calls.push(self.call(Vec::new(), asked));
            }
            let Some(answer) = calls.next().await else {
                continue;
            };
            let answer = answer?;
            if answer.is_report {
                reports -= 1;
            } else {
                polls = false;
            }
            free += answer.asked;
            if answer.asked > 0 {
                is_busy = answer.claimed.len() >= answer.asked;
            }
            finished.extend(answer.claimed.into_iter().map(handle));
        }
    }

    /// Reports, if there is something to report, and then claims, as the handlers of `/client/v1` do.
    async fn call(&self, results: Vec<ShardResult>, asked: usize) -> Result<Answer> {
        let app = &self.app;
        let profile = app.clients.get(&app.pool, self.id).await?;
        let profile = profile.ok_or("the client's lease has ended")?;
        let is_report = !results.is_empty();
        if is_report {
            let tokens: Vec<ClaimToken> = results.iter().map(token).collect();
            let endings = results
                .into_iter()
                .map(|result| {
                    attempt::from_result(self.id, result, &std::collections::HashSet::new())
                })
                .collect();
            let statuses = app.reporter.report(endings).await;
            let statuses = statuses.map_err(|_| "a report was not recorded")?;
            if statuses.contains(&ReportStatus::Stale) {
                return Err("a report came too late".into());
            }
            let mut held = self.held.lock().expect("no holder panics");
            for token in tokens {
                held.remove(&token);
            }
        }
        let mut claimed = Vec::new();
        if asked > 0 {
            let wait = if is_report { Duration::ZERO } else { WAIT };
            let given = app.claimer.claim(profile, asked as u32, wait).await;
            let given = given.map_err(|error| format!("a claim was refused: {error:?}"))?;
            claimed = given
                .shards
                .iter()
                .flat_map(|given| {
                    let (instance, attempt) = (given.known.ready.id, given.attempt);
                    (given.item..given.item + i32::from(given.n)).map(move |item| ClaimToken {
                        shard_id: shard_id(instance, item),
                        attempt,
                    })
                })
                .collect();
            let mut held = self.held.lock().expect("no holder panics");
            held.extend(claimed.iter().copied());
        }
        Ok(Answer {
            is_report,
            asked,
            claimed,
        })
    }

    /// Renews the lease.
    async fn renew(&self) -> Result {
        loop {
            tokio::time::sleep(self.app.config.renew_every()).await;
            let running = {
                let held = self.held.lock().expect("no holder panics");
                held.iter().copied().collect()
            };
            // What it is told to cancel has been reported meanwhile, or its report will say.
            let renewed = self.app.renewer.renew(self.id, running, Vec::new()).await;
            renewed.map_err(|error| Error::from(format!("a renewal was refused: {error:?}")))?;
        }
    }
}

/// The handler, which does nothing.
fn handle(token: ClaimToken) -> ShardResult {
    let now = SystemTime::now().into();
    ShardResult {
        shard_id: token.shard_id,
        attempt: token.attempt,
        outcome: Outcome::Succeeded,
        error: None,
        output: None,
        delay_ms: None,
        checkpoint: None,
        started_at: now,
        ended_at: now,
    }
}

fn token(result: &ShardResult) -> ClaimToken {
    ClaimToken {
        shard_id: result.shard_id,
        attempt: result.attempt,
    }
}
