//! Watches the read database: lists come from it only while it is there, is a copy of ours, and keeps up.

use std::collections::VecDeque;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use crate::app::{App, Shared};
use crate::reads::Reads;
use crate::store::read::{self, Standing};
use crate::store::{self, direct};

/// Name in logs and in `/readyz`.
const PART: &str = "read-database-url";
/// How often to look.
const PERIOD: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const BOUND: Duration = Duration::from_secs(2);
/// Places in the log that are remembered: those of the last minutes.
const MOST_MARKS: usize = 600;

/// Runs until the replica stops; ends at once without a read database.
pub async fn run(app: Shared) {
    let Some(reads) = &app.reads else { return };
    let mut watch = Watch::default();
    loop {
        let looked = tokio::time::timeout(BOUND, watch.look(&app, reads));
        let found = looked
            .await
            .unwrap_or_else(|_| Err("it does not answer".to_owned()));
        match found {
            Ok(None) => {}
            Ok(Some(())) => {
                reads.set_usable(true);
                if app.health.settled(PART) {
                    tracing::info!("{PART}: lists and history are read from it again");
                }
            }
            Err(why) => {
                reads.set_usable(false);
                watch.conn = None;
                let what = format!("{why}; lists and history come from database-url meanwhile");
                if app.health.notice(PART, &what) {
                    tracing::warn!("{PART}: {what}");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = reads.doubt.notified() => {}
            () = app.stopping.cancelled() => return,
        }
    }
}

#[derive(Default)]
struct Watch {
    conn: Option<PgConnection>,
    lag: Lag,
}

impl Watch {
    /// Whether the read database can be used; an error says why not. `None`: what it is to be compared with is
    /// away itself.
    async fn look(&mut self, app: &App, reads: &Reads) -> Result<Option<()>, String> {
        // First, so that what the read database has not got yet is as old as it seems.
        let Ok(ours) = standing(app).await else {
            return Ok(None);
        };
        self.lag.mark(ours.position.unwrap_or(0), Instant::now());
        let theirs = self.ask(reads).await.map_err(|error| trouble(&error))?;
        let behind = match theirs.position {
            Some(replayed) if theirs.is_standby => self.lag.behind(replayed, Instant::now()),
            _ => Duration::ZERO,
        };
        judge(&ours, &theirs, behind, app.config.failover_wait / 2).map(Some)
    }

    async fn ask(&mut self, reads: &Reads) -> sqlx::Result<Standing> {
        let conn = match self.conn.take() {
            Some(conn) => self.conn.insert(conn),
            None => self
                .conn
                .insert(PgConnection::connect_with(&reads.options).await?),
        };
        let beginning = reads.beginning.clone();
        read::on(conn, beginning, &(), |conn, ()| {
            Box::pin(read::standing(conn))
        })
        .await
    }
}

async fn standing(app: &App) -> sqlx::Result<Standing> {
    read::standing(&mut *app.pool.acquire().await?).await
}

/// What is wrong, and the remedy.
fn trouble(error: &sqlx::Error) -> String {
    let code = error
        .as_database_error()
        .and_then(|e| e.code().map(std::borrow::Cow::into_owned));
    let remedy = match code.as_deref() {
        Some("28P01" | "28000") => "check user and password in --read-database-url",
        Some("3D000") => "name a database in --read-database-url that is there",
        Some("42P01") => "the namespace is not there: name a standby of --database-url",
        Some("42501") => "let its user read the namespace",
        _ if direct::is_from_pooler(error) => {
            "use the pooler in transaction or session mode, or a direct address"
        }
        _ => "see whether it runs and can be reached",
    };
    format!("{error}: {remedy}")
}

/// Whether lists can be read from `theirs`, which lies `behind` ours by so much.
///
/// Leases are renewed each third of the failover wait. A standby that is behind by less than the rest shows no
/// server and no client as gone that is alive: so `most` is half of the wait.
fn judge(
    ours: &Standing,
    theirs: &Standing,
    behind: Duration,
    most: Duration,
) -> Result<(), String> {
    if theirs.installed_at != ours.installed_at {
        return Err(
            "it holds another installation: name a standby of --database-url, or choose its --namespace"
                .to_owned(),
        );
    }
    let needed = store::MIGRATOR.iter().map(|m| m.version).max();
    if theirs.version < needed {
        return Err(format!(
            "it has migration {}, and {} is needed: see whether its replication works",
            theirs.version.unwrap_or(0),
            needed.unwrap_or(0)
        ));
    }
    if behind > most {
        return Err(format!(
            "it is behind by {} s, more than half of the failover wait: see whether its replication works",
            behind.as_secs()
        ));
    }
    Ok(())
}

/// When our log was where, to tell how old a standby is without comparing clocks.
#[derive(Default)]
struct Lag(VecDeque<(i64, Instant)>);

impl Lag {
    /// Our log is at `position` now.
    fn mark(&mut self, position: i64, now: Instant) {
        if self.0.back().is_some_and(|(last, _)| *last >= position) {
            return;
        }
        if self.0.len() == MOST_MARKS {
            // Not the oldest, which says how far it is behind.
            self.0.pop_back();
        }
        self.0.push_back((position, now));
    }

    /// How long ago our log was at the first place that is not `replayed` yet.
    fn behind(&mut self, replayed: i64, now: Instant) -> Duration {
        while self.0.front().is_some_and(|(first, _)| *first <= replayed) {
            self.0.pop_front();
        }
        self.0.front().map_or(Duration::ZERO, |(_, at)| now - *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_is_as_old_as_the_first_place_that_it_has_not_replayed() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut lag = Lag::default();
        assert_eq!(lag.behind(0, at(0)), Duration::ZERO);
        lag.mark(100, at(0));
        lag.mark(200, at(10));
        assert_eq!(lag.behind(150, at(11)), Duration::from_secs(1));
        // Nothing is written for an hour: what was replayed is still all there is.
        assert_eq!(lag.behind(200, at(12)), Duration::ZERO);
        lag.mark(200, at(3600));
        assert_eq!(lag.behind(200, at(3600)), Duration::ZERO);
        // The oldest place is kept however long it takes.
        for second in 0..2 * MOST_MARKS as u64 {
            lag.mark(300 + second as i64, at(4000 + second));
        }
        let end = 4000 + 2 * MOST_MARKS as u64;
        assert_eq!(lag.behind(200, at(end)), Duration::from_secs(end - 4000));
    }

    #[test]
    fn a_read_database_is_refused_with_its_remedy() {
        let standing = |version, installed_at| Standing {
            version,
            installed_at: chrono::DateTime::from_timestamp(installed_at, 0),
            is_standby: true,
            position: None,
        };
        let newest = store::MIGRATOR.iter().map(|m| m.version).max();
        let ours = standing(newest, 1);
        let most = Duration::from_secs(5);
        let judge = |theirs: &Standing, seconds| {
            judge(&ours, theirs, Duration::from_secs(seconds), most).err()
        };
        assert_eq!(judge(&standing(newest, 1), 5), None);
        // A newer replica has migrated already.
        assert_eq!(judge(&standing(newest.map(|v| v + 1), 1), 0), None);
        for (theirs, seconds, named) in [
            (standing(newest, 2), 0, "another installation"),
            (standing(newest.map(|v| v - 1), 1), 0, "is needed"),
            (standing(None, 1), 0, "migration 0"),
            (standing(newest, 1), 6, "behind by 6 s"),
        ] {
            let refused = judge(&theirs, seconds).expect("it is refused");
            assert!(refused.contains(named), "{refused}");
        }
    }
}
