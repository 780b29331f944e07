//! Which replicas live, and who owns which bucket.
//!
//! One connection of its own holds the advisory lock that shows that this replica lives. Once a second, about, it
//! takes the cluster's pulse; whoever sees that a server died, or that buckets are not spread evenly,
//! reassigns them for all, one at a time. Epochs fence off whoever does not know yet.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::driver::{self, Backoff};
use super::hint::Hint;
use super::listener;
use super::load::Meter;
use crate::app::Shared;
use crate::pipeline;
use crate::store::bucket::{self, Owned};
use crate::store::server::{self, Identity};

/// Name in logs and in `/readyz`.
const PART: &str = "membership";
/// How often to take the pulse. A killed replica is replaced within two of these.
const PULSE: Duration = Duration::from_millis(800);

/// What this replica owns, and how long it may trust that.
#[derive(Debug, Clone, Default)]
pub struct Held {
    server: Uuid,
    owned: Arc<Vec<Owned>>,
    /// Monotonic: start of the renewal + lease − margin.
    trust_until: Option<Instant>,
}

/// Follows what this replica owns.
#[derive(Debug, Clone)]
pub struct Ownership(watch::Receiver<Held>);

impl Ownership {
    /// The replica's id and buckets, unless its lease may have ended.
    pub fn trusted(&mut self) -> Option<(Uuid, Arc<Vec<Owned>>)> {
        let held = self.0.borrow_and_update();
        held.trust_until
            .filter(|until| Instant::now() < *until)
            .map(|_| (held.server, Arc::clone(&held.owned)))
    }

    /// Waits until it changes.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // Membership has ended; the replica is stopping.
            std::future::pending::<()>().await;
        }
    }
}

/// The two ends of ownership.
pub fn ownership() -> (watch::Sender<Held>, Ownership) {
    let (sender, receiver) = watch::channel(Held::default());
    (sender, Ownership(receiver))
}

/// Joins, stays a member, and hands over when the replica stops.
pub async fn run(
    app: Shared,
    options: PgConnectOptions,
    mut identity: Identity,
    held: watch::Sender<Held>,
) {
    let mut backoff = Backoff::default();
    let mut registered = false;
    loop {
        if std::mem::take(&mut registered) {
            // Declared dead, or the connection with the lock is gone: come back as a new server.
            identity.previous = Some(identity.id);
            identity.id = Uuid::now_v7();
        }
        let result = session(&app, &options, &identity, &held, &mut registered).await;
        held.send_modify(|held| held.trust_until = None);
        match result {
            Ok(Left::Stopped) => return,
            Ok(Left::DeclaredDead) => {
                tracing::warn!("the other servers took this one for dead; joining again");
            }
            Err(error) => {
                driver::note(&app, PART, &error);
                if app.stopping.is_cancelled() {
                    // What was not handed over goes to others when the lock is seen to be gone.
                    return;
                }
                backoff.wait().await;
            }
        }
    }
}

enum Left {
    Stopped,
    DeclaredDead,
}

async fn session(
    app: &Shared,
    options: &PgConnectOptions,
    identity: &Identity,
    held: &watch::Sender<Held>,
    registered: &mut bool,
) -> sqlx::Result<Left> {
    let lease_ms = app.config.lease_ms();
    let mut conn = PgConnection::connect_with(options).await?;
    server::register(&mut conn, identity, lease_ms).await?;
    *registered = true;
    tracing::info!(server_id = %identity.id, "joined");
    let mut known = (-1, -1);
    let mut meter = Meter::default();
    let mut renewed_at = Instant::now();
    let mut joined = false;
    loop {
        let pulse = server::pulse(&mut conn, identity.id).await?;
        if !pulse.alive {
            return Ok(Left::DeclaredDead);
        }
        let uneven = pulse.orphans > 0 || pulse.most > pulse.least + 1;
        if pulse.someone_died || uneven {
            pipeline::server::reassign(&mut conn, lease_ms).await?;
            app.hints.send(&Hint::servers());
        }
        let changed = known != (pulse.own_buckets, pulse.own_epochs);
        if changed
            || pulse.someone_died
            || uneven
            || renewed_at.elapsed() >= app.config.renew_every()
        {
            let started = Instant::now();
            let Some(owned) = bucket::renew(&mut conn, identity.id, lease_ms, meter.look()).await?
            else {
                return Ok(Left::DeclaredDead);
            };
            renewed_at = started;
            let now = (owned.len() as i64, owned.iter().map(|o| o.epoch).sum());
            if now != known {
                tracing::info!(buckets = owned.len(), "owns buckets");
                known = now;
            }
            let margin = app.config.failover_wait / 10;
            held.send_replace(Held {
                server: identity.id,
                owned: Arc::new(owned),
                trust_until: Some(started + app.config.failover_wait - margin),
            });
            driver::well(app, PART);
        }
        if !joined {
            joined = true;
            app.hints.send(&Hint::servers());
        }
        tokio::select! {
            () = tokio::time::sleep(PULSE) => {}
            () = app.hints.membership.notified() => {}
            () = app.stopping.cancelled() => {
                held.send_modify(|held| held.trust_until = None);
                pipeline::server::hand_over(&mut conn, identity.id, lease_ms).await?;
                tracing::info!("handed over");
                // Directly: the loop that gathers hints may have ended. Without it the others see it at
                // their next pulse.
                let _ = listener::send(app, Hint::servers()).await;
                return Ok(Left::Stopped);
            }
        }
    }
}
