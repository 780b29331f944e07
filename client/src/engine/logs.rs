//! Sending log lines: in batches, apart from everything that matters more.

use std::sync::Arc;
use std::time::Duration;

use antares_protocol::client::ShardLogs;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::outcome::chain;

use super::Shared;

/// How long lines gather before they are sent.
const GATHER: Duration = Duration::from_millis(200);

/// Sends lines until `flush`, and then what is left.
pub(super) async fn ship(shared: Arc<Shared>, flush: CancellationToken) {
    loop {
        tokio::select! {
            () = shared.logs.filled.notified() => {}
            () = flush.cancelled() => {}
        }
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = flush.cancelled() => {}
        }
        while !shared.logs.is_empty() {
            let lines = shared.logs.take();
            send(&shared, ShardLogs { lines }).await;
        }
        if flush.is_cancelled() {
            return;
        }
    }
}

/// Sends one batch, however long it takes.
async fn send(shared: &Shared, batch: ShardLogs) {
    let mut backoff = Backoff::new(shared.api.servers().len());
    let mut gone = None;
    loop {
        let client_id = registered(shared, gone).await;
        let Err(error) = shared.api.send_logs(client_id, &batch).await else {
            return;
        };
        if error.is_client_gone() {
            gone = Some(client_id);
        } else if error.is_refusal() {
            let lines = batch.lines.len();
            tracing::error!(
                error = chain(&error),
                lines,
                "the server refuses log lines, they are dropped"
            );
            return;
        } else {
            tracing::debug!(error = chain(&error), "sending log lines failed");
            tokio::time::sleep(backoff.failed()).await;
        }
    }
}

/// The client's id, as soon as there is one that is not `gone`.
async fn registered(shared: &Shared, gone: Option<Uuid>) -> Uuid {
    let mut ids = shared.client_id.subscribe();
    loop {
        match *ids.borrow_and_update() {
            Some(client_id) if gone != Some(client_id) => return client_id,
            _ => {}
        }
        // The sender is in `shared`, so it cannot have gone.
        let _ = ids.changed().await;
    }
}
