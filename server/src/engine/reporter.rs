//! Gathers the results of many clients into one transaction, and answers each after its commit.

use antares_protocol::client::ReportStatus;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::driver::{self, Backoff};
use super::hint::Hint;
use crate::app::{App, Shared};
use crate::pipeline::{attempt, retry};
use crate::store::attempt::{Ended, Ending};
use crate::store::pool;

/// Name in logs and in `/readyz`.
const PART: &str = "reports";
/// Most results in one transaction.
const MOST: usize = 2000;

/// The database is away: the report was not recorded, as far as is known. Reporting again is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrecorded;

struct Report {
    endings: Vec<Ending>,
    answer: Option<oneshot::Sender<Result<Vec<ReportStatus>, Unrecorded>>>,
}

/// Handle of the reporter.
#[derive(Debug)]
pub struct Reporter(mpsc::UnboundedSender<Report>);

/// The receiving end, for [`run`].
pub struct Inbox(mpsc::UnboundedReceiver<Report>);

impl Reporter {
    /// A reporter that is not running yet.
    pub fn new() -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Inbox(receiver))
    }

    /// Records how claims ended. Answers, in order, which counted.
    pub async fn report(&self, endings: Vec<Ending>) -> Result<Vec<ReportStatus>, Unrecorded> {
        let (answer, receiver) = oneshot::channel();
        let report = Report {
            endings,
            answer: Some(answer),
        };
        self.0.send(report).map_err(|_| Unrecorded)?;
        receiver.await.unwrap_or(Err(Unrecorded))
    }

    /// Ends claims that nobody waits for. If that fails, leases end them later.
    pub fn end(&self, endings: Vec<Ending>) {
        let _ = self.0.send(Report {
            endings,
            answer: None,
        });
    }
}

/// Runs until every handle is gone.
pub async fn run(app: Shared, mut inbox: Inbox) {
    let mut backoff = Backoff::default();
    while let Some(first) = inbox.0.recv().await {
        let mut reports = vec![first];
        let mut size = reports[0].endings.len();
        while size < MOST {
            let Ok(report) = inbox.0.try_recv() else {
                break;
            };
            size += report.endings.len();
            reports.push(report);
        }
        match record(&app, &reports).await {
            Ok(statuses) => {
                backoff.reset();
                driver::well(&app, PART);
                answer(&app, reports, statuses);
            }
            Err(error) if reports.len() > 1 && !pool::is_unavailable(&error) => {
                // Something in the batch cannot be stored: only its own report may fail for it.
                driver::note_request(&app, PART, &error);
                for report in reports {
                    let report = vec![report];
                    match record(&app, &report).await {
                        Ok(statuses) => answer(&app, report, statuses),
                        Err(error) => refuse(&app, report, &error),
                    }
                }
            }
            Err(error) => {
                refuse(&app, reports, &error);
                backoff.wait().await;
            }
        }
    }
}

fn refuse(app: &Shared, reports: Vec<Report>, error: &sqlx::Error) {
    driver::note_request(app, PART, error);
    for report in reports {
        if let Some(answer) = report.answer {
            let _ = answer.send(Err(Unrecorded));
        }
    }
}

async fn record(app: &App, reports: &[Report]) -> sqlx::Result<Vec<ReportStatus>> {
    let endings: Vec<Ending> = reports
        .iter()
        .flat_map(|r| r.endings.iter().cloned())
        .collect();
    let mut conn = app.hot.acquire().await?;
    let mut ended = Vec::new();
    for chunk in endings.chunks(MOST) {
        ended.extend(end(app, &mut conn, chunk).await?);
    }
    let statuses = attempt::statuses(&mut conn, &endings, &ended).await?;
    drop(conn);
    after(app, &ended);
    Ok(statuses)
}

async fn end(
    app: &App,
    conn: &mut sqlx::PgConnection,
    endings: &[Ending],
) -> sqlx::Result<Vec<Ended>> {
    // A closure cannot lend its captured connection to the future it returns; a lock can.
    let conn = tokio::sync::Mutex::new(conn);
    retry::on_conflict(app, || async {
        let mut conn = conn.lock().await;
        attempt::end(&mut conn, endings).await
    })
    .await
}

/// Tells the loops what the endings made possible. Call it after their commit.
pub fn after(app: &App, ended: &[Ended]) {
    if ended.is_empty() {
        return;
    }
    let mut clients: Vec<Uuid> = ended.iter().map(|e| e.client_id).collect();
    clients.dedup();
    app.claimer.unblock(clients);
    if ended.iter().any(|e| e.is_final) {
        app.hints.ended();
    }
    let again = ended.iter().filter(|e| !e.is_final);
    let ready = again
        .clone()
        .filter(|e| e.delay_ms == 0)
        .map(|e| e.instance_id)
        .min();
    app.hints.send(&Hint {
        ready,
        instances: true,
        due_in_ms: again.filter(|e| e.delay_ms > 0).map(|e| e.delay_ms).min(),
        ..Hint::default()
    });
}

fn answer(app: &Shared, reports: Vec<Report>, statuses: Vec<ReportStatus>) {
    let stale = statuses
        .iter()
        .filter(|s| **s == ReportStatus::Stale)
        .count();
    app.metrics.stale.add(stale);
    app.metrics.reported.add(statuses.len() - stale);
    let mut statuses = statuses.into_iter();
    for report in reports {
        let own: Vec<ReportStatus> = statuses.by_ref().take(report.endings.len()).collect();
        if let Some(answer) = report.answer {
            // A client that hung up reports again, and is told that it counted.
            let _ = answer.send(Ok(own));
        }
    }
}
