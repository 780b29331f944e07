//! Where lists and history are read: from the read database while it can be used, else where all is written.

use sqlx::SqlStr;
use sqlx::postgres::{PgConnectOptions, PgPool};
use tokio::sync::{Notify, watch};

use crate::app::App;
use crate::store::pool;
use crate::store::read::{self, Query};

/// Connections to the read database, for lists. One more watches it.
const SIZE: u32 = 4;

/// The read database.
pub struct Reads {
    /// How to connect to it, for the connection that watches it.
    pub options: PgConnectOptions,
    /// The statement that begins a transaction on it.
    pub beginning: SqlStr,
    /// Lists have met with an error: look at it now.
    pub doubt: Notify,
    pool: PgPool,
    usable: watch::Sender<bool>,
}

impl Reads {
    /// A database that is not used before it was looked at.
    pub fn new(options: PgConnectOptions, namespace: &str) -> Self {
        Self {
            pool: pool::pool(options.clone(), SIZE),
            options,
            beginning: read::beginning(namespace),
            doubt: Notify::new(),
            usable: watch::Sender::new(false),
        }
    }

    /// Whether lists are read from it.
    pub fn is_usable(&self) -> bool {
        *self.usable.borrow()
    }

    /// Notes whether it can be used. Lists that wait for it are read elsewhere at once when it cannot.
    pub fn set_usable(&self, usable: bool) {
        self.usable.send_replace(usable);
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Reads by `query`; `None` when that is to be done elsewhere.
    async fn try_list<A, T>(
        &self,
        arguments: &A,
        query: impl Query<A, T>,
    ) -> Option<sqlx::Result<T>> {
        if !self.is_usable() {
            return None;
        }
        let mut usable = self.usable.subscribe();
        let done = tokio::select! {
            done = read::on_pool(&self.pool, self.beginning.clone(), arguments, query) => done,
            _ = usable.wait_for(|usable| !usable) => return None,
        };
        match done {
            // A standby also breaks off a query that is in the way of what it replays.
            Err(error) if pool::is_unavailable(&error) || pool::is_conflict(&error) => {
                tracing::debug!(%error, "a list is read from database-url instead");
                self.doubt.notify_one();
                None
            }
            done => Some(done),
        }
    }
}

impl App {
    /// Reads a list or history by `query`. What it finds may be older than what the caller has just written.
    pub async fn list<A, T>(&self, arguments: &A, query: impl Query<A, T>) -> sqlx::Result<T> {
        if let Some(reads) = &self.reads
            && let Some(done) = reads.try_list(arguments, &query).await
        {
            return done;
        }
        let mut conn = self.pool.acquire().await?;
        query(&mut conn, arguments).await
    }
}
