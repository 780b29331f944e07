//! `antares-server simulate`: what the schedules will do.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::Args;
use sqlx::{Connection as _, PgConnection};

use crate::boot::{self, StartError};
use crate::pipeline::preview;
use crate::store::schedule;

/// Longest period: ten years.
const LONGEST: TimeDelta = TimeDelta::days(3660);

/// What PostgreSQL says of a table that is not there.
const NO_TABLE: &str = "42P01";

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// PostgreSQL to read the jobs from.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// Namespace, which is a schema of the database.
    #[arg(long, env = "ANTARES_NAMESPACE", default_value = "antares", value_parser = crate::config::parse_namespace)]
    namespace: String,
    /// Only jobs of this app.
    #[arg(long)]
    app: Option<String>,
    /// RFC 3339 instant at which to begin; now if left out.
    #[arg(long, value_parser = instant)]
    from: Option<DateTime<Utc>>,
    /// RFC 3339 instant before which to end; a month after the beginning if left out.
    #[arg(long, value_parser = instant)]
    until: Option<DateTime<Utc>>,
    /// Print how many fires each job has, and the busiest minutes, instead of each fire.
    #[arg(long)]
    summary: bool,
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|error| format!("{error}; write one like 2026-03-09T08:06:09+08:00"))
}

fn told(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Simulate {
    pub(super) async fn run(&self) -> Result<ExitCode, StartError> {
        let namespace = &self.namespace;
        let failed = |error: sqlx::Error| match error.as_database_error() {
            Some(error) if error.code().as_deref() == Some(NO_TABLE) => StartError(format!(
                "namespace: there is no Antares in the schema `{namespace}`; name another one, or make it with `antares-server migrate`"
            )),
            _ => StartError(format!("the database failed: {error}")),
        };
        let options = boot::connect_options(
            &self.database_url,
            &self.namespace,
            "antares-server simulate",
        )?;
        let mut conn = PgConnection::connect_with(&options).await.map_err(failed)?;
        let from = match self.from {
            Some(from) => from,
            None => schedule::now(&mut conn).await.map_err(failed)?,
        };
        let until = self.until.unwrap_or(from + TimeDelta::days(31));
        if until <= from || until - from > LONGEST {
            return Err(StartError(
                "until: is not after from, or more than ten years later".into(),
            ));
        }
        let mut fires = Vec::new();
        let mut jobs: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        let mut minutes: BTreeMap<i64, u64> = BTreeMap::new();
        let scheduled = preview::Scheduled::read(&mut conn, self.app.as_deref()).await;
        let scheduled = scheduled.map_err(failed)?.ok_or_else(|| {
            let name = self.app.as_deref().unwrap_or_default();
            StartError(format!("app: there is no app `{name}`"))
        })?;
        scheduled.fires((from, until), |fire| {
            if !self.summary {
                fires.push(fire);
                return;
            }
            let counts = jobs.entry((fire.app, fire.job)).or_default();
            if fire.kept_out.is_some() {
                counts.1 += 1;
            } else {
                counts.0 += 1;
                *minutes
                    .entry(fire.at.timestamp().div_euclid(60))
                    .or_default() += 1;
            }
        });
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let written = (|| {
            if self.summary {
                for ((app, job), (fires, kept_out)) in &jobs {
                    writeln!(
                        out,
                        "{app}/{job}: {fires} fires, {kept_out} kept out by calendars"
                    )?;
                }
                let mut busiest: Vec<(u64, i64)> = minutes.iter().map(|(m, n)| (*n, *m)).collect();
                busiest.sort_unstable_by_key(|(n, minute)| (std::cmp::Reverse(*n), *minute));
                for (n, minute) in busiest.iter().take(5) {
                    let at = DateTime::from_timestamp(minute * 60, 0).map(told);
                    writeln!(
                        out,
                        "busiest: {n} fires in the minute of {}",
                        at.unwrap_or_default()
                    )?;
                }
            }
            fires.sort_unstable_by_key(|fire| (fire.at, fire.job_id));
            for fire in &fires {
                let kept_out = fire.kept_out.as_deref();
                let kept_out =
                    kept_out.map_or_else(String::new, |reason| format!(" (kept out: {reason})"));
                writeln!(out, "{} {}/{}{kept_out}", told(fire.at), fire.app, fire.job)?;
            }
            out.flush()
        })();
        match written {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
            Err(error) => Err(StartError(format!("cannot print: {error}"))),
            Ok(()) => Ok(ExitCode::SUCCESS),
        }
    }
}
