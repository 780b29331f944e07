//! What the parts of a replica share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::engine::claimer::Claimer;
use crate::engine::hint::Hints;
use crate::engine::renewer::Renewer;
use crate::engine::reporter::Reporter;
use crate::health::Health;
use crate::http::admin::overview::Latest;
use crate::http::auth::Verified;
use crate::pipeline::cache::{Clients, Jobs};
use crate::reads::Reads;

/// A replica.
pub struct App {
    /// How it was configured.
    pub config: Config,
    /// Connections for requests of people, and for what is done seldom.
    pub pool: PgPool,
    /// Connections for firing, claims, reports, renewals and sweeps.
    pub hot: PgPool,
    /// Another database to read lists and history from, if there is one.
    pub reads: Option<Reads>,
    /// This replica, for as long as the process lives.
    pub server_id: Uuid,
    /// Whether it is ready, and why not.
    pub health: Health,
    /// Wakes the loops of this replica and of the others.
    pub hints: Hints,
    /// Hands out shards.
    pub claimer: Claimer,
    /// Takes results.
    pub reporter: Reporter,
    /// Renews leases of clients.
    pub renewer: Renewer,
    /// Secrets and passwords verified lately.
    pub verified: Verified,
    /// Definitions of jobs.
    pub jobs: Jobs,
    /// Clients seen lately.
    pub clients: Clients,
    /// Set when the replica is to hand over and stop.
    pub stopping: CancellationToken,
    /// The last overview of the console.
    pub overview: Latest,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

/// Shared by every handler and loop.
pub type Shared = Arc<App>;

/// Counters, from the start of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    pub fired: Counter,
    pub claimed: Counter,
    pub reported: Counter,
    pub stale: Counter,
    pub rescued: Counter,
    pub conflicts: Counter,
    pub database_errors: Counter,
}

/// A number that rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
