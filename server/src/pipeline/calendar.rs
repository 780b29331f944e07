//! Calendars change, and decide about ticks.

use std::collections::{BTreeSet, HashMap, HashSet};

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{CalendarSpec, ImportCalendar};
use chrono::{DateTime, Months, Utc};
use sqlx::{Connection, PgConnection};

use super::job::JobError;
use super::retry::Conflict;
use crate::domain::calendar::{self, Calendar, Out, ics};
use crate::domain::job::{FieldError, parse_zone};
use crate::domain::schedule::Timing;
use crate::store::calendar as store;
use crate::store::pool;

/// Why a calendar was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// There is no such calendar.
    #[error("there is no calendar {0}")]
    NotFound(i64),
    /// Another calendar has the name.
    #[error("there is a calendar called `{0}` already")]
    NameTaken(String),
    /// A field is not allowed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Jobs name it.
    #[error("jobs use the calendar: {0}; change them first")]
    Used(String),
    /// Somebody else changed it.
    #[error(
        "the change is based on version {based_on}, but the calendar is at version {current}: read it again"
    )]
    Version { based_on: i32, current: i32 },
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Conflict for CalendarError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(error) if pool::is_conflict(error))
    }
}

/// Creates a calendar.
pub async fn create(
    conn: &mut PgConnection,
    spec: &CalendarSpec,
    author: &str,
) -> Result<i64, CalendarError> {
    calendar::validate(spec)?;
    let made = store::create(conn, spec, author).await;
    let made = made.map_err(|error| match pool::violated_constraint(&error) {
        Some("calendar_name_key") => CalendarError::NameTaken(spec.name.clone()),
        _ => error.into(),
    })?;
    Ok(made.id)
}

/// Replaces what a calendar holds. The jobs that name it follow it from their next tick on.
pub async fn update(
    conn: &mut PgConnection,
    id: i64,
    based_on: Option<i32>,
    spec: &CalendarSpec,
    author: &str,
) -> Result<(), CalendarError> {
    calendar::validate(spec)?;
    let mut tx = conn.begin().await?;
    let (name, version) = store::lock(&mut tx, id)
        .await?
        .ok_or(CalendarError::NotFound(id))?;
    if let Some(based_on) = based_on.filter(|based_on| *based_on != version) {
        return Err(CalendarError::Version {
            based_on,
            current: version,
        });
    }
    if name != spec.name {
        return Err(CalendarError::Field(FieldError::new(
            "name",
            format!("cannot change; the calendar is called `{name}`"),
        )));
    }
    store::update(&mut tx, id, spec, author).await?;
    store::undate_delays(&mut tx, &name).await?;
    tx.commit().await?;
    Ok(())
}

/// Adds the events of an iCalendar text to a calendar, or puts them in the place of its dates and spans.
pub async fn import(
    conn: &mut PgConnection,
    id: i64,
    import: &ImportCalendar,
    author: &str,
) -> Result<(), CalendarError> {
    let missing = || CalendarError::NotFound(id);
    let time_zone = store::get(conn, id)
        .await?
        .ok_or_else(missing)?
        .spec
        .time_zone;
    let until = match import.until {
        Some(until) => until,
        None => store::today(conn).await? + Months::new(120),
    };
    let (zone, ics) = (parse_zone(&time_zone)?, import.ics.clone());
    // A long text with many rules takes a while, in which neither the row nor a thread that serves others is held.
    let events = tokio::task::spawn_blocking(move || ics::read(&ics, zone, until)).await;
    let events = events.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let mut tx = conn.begin().await?;
    let (_, version) = store::lock(&mut tx, id).await?.ok_or_else(missing)?;
    let mut spec = store::get(&mut tx, id).await?.ok_or_else(missing)?.spec;
    if spec.time_zone != time_zone {
        return Err(CalendarError::Version {
            based_on: import.version.unwrap_or(version - 1),
            current: version,
        });
    }
    if import.replace {
        spec.dates.clear();
        spec.spans.clear();
    }
    // What is there already is not there twice after the same text is imported again.
    let (mut dates, mut spans) = (HashSet::new(), HashSet::new());
    spec.dates.extend(events.dates);
    spec.dates.retain(|date| dates.insert(date.clone()));
    spec.spans.extend(events.spans);
    spec.spans.retain(|span| spans.insert(span.clone()));
    for (field, found) in [("dates", spec.dates.len()), ("spans", spec.spans.len())] {
        if found > 10_000 {
            return Err(CalendarError::Field(FieldError::new(
                "ics",
                format!(
                    "the calendar would have {found} {field}; the limit is 10,000: give an earlier `until`, or replace"
                ),
            )));
        }
    }
    update(&mut tx, id, import.version, &spec, author).await?;
    tx.commit().await?;
    Ok(())
}

/// Deletes a calendar that no job names.
pub async fn delete(conn: &mut PgConnection, id: i64) -> Result<(), CalendarError> {
    let mut tx = conn.begin().await?;
    let (name, _) = store::lock(&mut tx, id)
        .await?
        .ok_or(CalendarError::NotFound(id))?;
    let users = store::users(&mut tx, &name).await?;
    if !users.is_empty() {
        let names = users.iter().map(|(app, job)| format!("`{job}` of `{app}`"));
        return Err(CalendarError::Used(names.collect::<Vec<_>>().join(", ")));
    }
    store::delete(&mut tx, id).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the calendars that a definition names exist, and keeps them until the transaction ends.
pub async fn check_names(conn: &mut PgConnection, spec: &JobSpec) -> Result<(), JobError> {
    let names: Vec<&String> = spec
        .include_calendars
        .iter()
        .chain(&spec.exclude_calendars)
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let found = store::lock_named(conn, &names).await?;
    all_there(spec, |name| found.contains(name))
}

/// Refuses a definition that names a calendar which is not there.
fn all_there(spec: &JobSpec, is_there: impl Fn(&String) -> bool) -> Result<(), JobError> {
    for (field, names) in [
        ("include_calendars", &spec.include_calendars),
        ("exclude_calendars", &spec.exclude_calendars),
    ] {
        if let Some(name) = names.iter().find(|name| !is_there(name)) {
            return Err(JobError::Spec(FieldError::new(
                field,
                format!("there is no calendar `{name}`; create it first"),
            )));
        }
    }
    Ok(())
}

/// Calendars as they are in the database now.
#[derive(Debug, Default)]
pub struct Calendars(HashMap<String, Calendar>);

impl Calendars {
    /// Reads those of `names`, each once.
    pub async fn read<'a>(
        conn: &mut PgConnection,
        names: impl IntoIterator<Item = &'a String>,
    ) -> sqlx::Result<Self> {
        let names: Vec<&String> = names
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut all = HashMap::new();
        if names.is_empty() {
            return Ok(Self(all));
        }
        for (name, spec) in store::named(conn, &names).await? {
            match Calendar::new(&spec) {
                Ok(calendar) => _ = all.insert(name, calendar),
                // They are checked before they are stored, so this is a newer server's or a hand's work.
                Err(error) => {
                    tracing::error!(name, %error, "cannot read a calendar; it keeps nothing out");
                }
            }
        }
        Ok(Self(all))
    }

    /// Refuses a definition that names a calendar which is not among them.
    pub fn check(&self, spec: &JobSpec) -> Result<(), JobError> {
        all_there(spec, |name| self.0.contains_key(name))
    }

    /// Why a tick of a job is kept out, if it is.
    pub fn lies_out(&self, timing: &Timing, at: DateTime<Utc>) -> Option<Out> {
        let of = |names: &'_ [String]| -> Vec<_> {
            let found = names.iter();
            let found = found.filter_map(|name| self.0.get_key_value(name));
            found.map(|(name, found)| (name.as_str(), found)).collect()
        };
        let (include, exclude) = (of(&timing.include_calendars), of(&timing.exclude_calendars));
        calendar::lies_out(&include, &exclude, at)
    }
}
