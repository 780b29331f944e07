//! Hints between replicas: one connection listens, and what this one has to tell is sent, gathered.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use uuid::Uuid;

use super::driver::{self, Backoff};
use super::hint::Hint;
use crate::app::Shared;

/// Name in logs and in `/readyz`.
const PART: &str = "notifications";
/// Shortest time between two notifications: at most forty a second.
const SPACING: Duration = Duration::from_millis(25);

#[derive(Serialize, Deserialize)]
struct Message {
    from: Uuid,
    #[serde(flatten)]
    hint: Hint,
}

fn channel(namespace: &str) -> String {
    format!("antares_{namespace}")
}

/// Listens until the replica stops. While it cannot, the loops run on their periods.
pub async fn listen(app: Shared, options: PgConnectOptions) {
    let mut backoff = Backoff::default();
    loop {
        tokio::select! {
            result = listen_once(&app, &options) => {
                if let Err(error) = result {
                    driver::note(&app, PART, &error);
                }
            }
            () = app.stopping.cancelled() => return,
        }
        backoff.wait().await;
    }
}

async fn listen_once(app: &Shared, options: &PgConnectOptions) -> sqlx::Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options.clone())
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(&channel(&app.config.namespace)).await?;
    driver::well(app, PART);
    // What was missed while nobody listened.
    let everything = Hint {
        definitions: true,
        ready: Some(0),
        jobs: true,
        instances: true,
        servers: true,
        clients: true,
        due_in_ms: None,
    };
    app.hints.receive(&everything);
    // `None` means that the connection was lost and made again: what came meanwhile is lost too.
    while let Some(notification) = listener.try_recv().await? {
        match serde_json::from_str::<Message>(notification.payload()) {
            Ok(message) if message.from == app.server_id => {}
            Ok(message) => app.hints.receive(&message.hint),
            Err(error) => tracing::debug!(%error, "a notification of another version"),
        }
    }
    Ok(())
}

/// Sends what this replica has to tell, until it stops.
pub async fn tell(app: Shared) {
    let mut backoff = Backoff::default();
    loop {
        let hint = tokio::select! {
            hint = app.hints.outgoing() => hint,
            () = app.stopping.cancelled() => return,
        };
        // Other loops log that the database is away.
        if send(&app, hint.clone()).await.is_ok() {
            backoff.reset();
            tokio::time::sleep(SPACING).await;
        } else {
            app.hints.tell(&hint);
            backoff.wait().await;
        }
    }
}

/// Sends one hint. A commit that notifies takes a lock on the whole database, so it is never part of other
/// work, and does not wait for the disk: the setting is that of the statement's own transaction.
pub async fn send(app: &Shared, hint: Hint) -> sqlx::Result<()> {
    let message = Message {
        from: app.server_id,
        hint,
    };
    let payload = serde_json::to_string(&message).unwrap_or_default();
    sqlx::query("select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)")
        .bind(channel(&app.config.namespace))
        .bind(payload)
        .execute(&app.pool)
        .await?;
    Ok(())
}
