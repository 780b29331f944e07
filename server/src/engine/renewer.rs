//! Gathers the renewals of many clients into one statement.

use std::collections::HashMap;
use std::time::Duration;

use antares_protocol::client::ClaimToken;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::driver::{self, Backoff};
use crate::app::Shared;
use crate::pipeline::attempt::endings;
use crate::pipeline::shard;
use crate::store::checkpoint::{self, Said};

/// Name in logs and in `/readyz`.
const PART: &str = "renewals";
/// Most clients in one statement: it locks their leases, which their claims need.
const MOST: usize = 700;

/// Why a lease was not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewError {
    /// It had ended.
    Gone,
    /// The database is away. The lease runs on; renewing again is safe.
    Unavailable,
}

type Answer = oneshot::Sender<Result<shard::Renewal, RenewError>>;

struct Request {
    client_id: Uuid,
    running: Vec<ClaimToken>,
    said: Vec<Said>,
    answer: Answer,
}

/// From one statement to the next at least this part of the time between two renewals of a client passes, and no
/// more than that: the renewals of few clients are answered at once, those of thousands are gathered.
const GATHER: u32 = 3;
const MOST_GATHER: Duration = Duration::from_secs(1);

/// Handle of the renewer.
#[derive(Debug)]
pub struct Renewer(mpsc::UnboundedSender<Request>);

/// The receiving end, for [`run`].
pub struct Inbox(mpsc::UnboundedReceiver<Request>);

impl Renewer {
    /// A renewer that is not running yet.
    pub fn new() -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Inbox(receiver))
    }

    /// Renews the lease of a client that says it runs `running`, and keeps what it `said` of them. Answers which of
    /// them it is to stop.
    pub async fn renew(
        &self,
        client_id: Uuid,
        running: Vec<ClaimToken>,
        said: Vec<Said>,
    ) -> Result<shard::Renewal, RenewError> {
        let (answer, receiver) = oneshot::channel();
        let request = Request {
            client_id,
            running,
            said,
            answer,
        };
        self.0.send(request).map_err(|_| RenewError::Unavailable)?;
        receiver.await.unwrap_or(Err(RenewError::Unavailable))
    }
}

/// Runs until every handle is gone.
pub async fn run(app: Shared, mut inbox: Inbox) {
    let mut backoff = Backoff::default();
    let gather = MOST_GATHER.min(app.config.renew_every() / GATHER);
    let mut not_before = Instant::now();
    while let Some(first) = inbox.0.recv().await {
        tokio::select! {
            () = tokio::time::sleep_until(not_before) => {}
            () = app.stopping.cancelled() => {}
        }
        let began = Instant::now();
        let mut running = HashMap::new();
        let mut said = Vec::new();
        let mut answers: Vec<(Uuid, Answer)> = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            answers.push((request.client_id, request.answer));
            running.insert(request.client_id, request.running);
            said.extend(request.said);
            next = if answers.len() < MOST {
                inbox.0.try_recv().ok()
            } else {
                None
            };
        }
        // What did not fit into the statement has been gathered already.
        if answers.len() < MOST {
            not_before = began + gather;
        }
        match renew(&app, &running, said).await {
            Ok(renewals) => {
                backoff.reset();
                driver::well(&app, PART);
                for (client_id, answer) in answers {
                    let renewal = renewals.get(&client_id);
                    let _ = answer.send(if let Some(renewal) = renewal {
                        Ok(renewal.clone())
                    } else {
                        app.clients.forget(client_id);
                        Err(RenewError::Gone)
                    });
                }
            }
            Err(error) => {
                driver::note_request(&app, PART, &error);
                for (_, answer) in answers {
                    let _ = answer.send(Err(RenewError::Unavailable));
                }
                backoff.wait().await;
            }
        }
    }
}

async fn renew(
    app: &Shared,
    running: &HashMap<Uuid, Vec<ClaimToken>>,
    mut said: Vec<Said>,
) -> sqlx::Result<HashMap<Uuid, shard::Renewal>> {
    let mut conn = app.hot.acquire().await?;
    let (renewals, unknown) = shard::renew(
        &mut conn,
        running,
        app.config.lease_ms(),
        app.config.idle_lease_ms(),
    )
    .await?;
    said.retain(|said| renewals.contains_key(&said.client_id));
    if !said.is_empty() {
        // If this fails, so does the renewal, and the clients say it again.
        checkpoint::save(&mut conn, &said).await?;
    }
    if !unknown.is_empty() {
        tracing::info!(
            shards = unknown.len(),
            "taking back claims whose answer was lost"
        );
        app.metrics.rescued.add(unknown.len());
        let reason = "the client does not know of the claim: its answer was lost on the way";
        app.reporter.end(endings(&unknown, "lost", reason));
    }
    Ok(renewals)
}
