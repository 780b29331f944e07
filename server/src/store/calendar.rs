//! Calendars.

use antares_protocol::schedule::{Calendar, CalendarSpec};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    spec: Json<CalendarSpec>,
}

impl From<Row> for Calendar {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            spec: row.spec.0,
        }
    }
}

/// Creates a calendar. A taken name violates `calendar_name_key`.
pub async fn create(
    conn: &mut PgConnection,
    spec: &CalendarSpec,
    author: &str,
) -> sqlx::Result<Calendar> {
    let row: Row = sqlx::query_as(
        "insert into calendar (name, spec, author) values ($1, $2, $3) returning id, version, created_at, updated_at, spec",
    )
    .bind(&spec.name)
    .bind(Json(spec))
    .bind(author)
    .fetch_one(conn)
    .await?;
    Ok(row.into())
}

/// Calendars with an id above `after`, in the order of their ids.
pub async fn list(conn: &mut PgConnection, after: i64, limit: i64) -> sqlx::Result<Vec<Calendar>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, version, created_at, updated_at, spec from calendar where id > $1 order by id limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Calendar::from).collect())
}

/// One calendar.
pub async fn get(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Calendar>> {
    let row: Option<Row> = sqlx::query_as(
        "select id, version, created_at, updated_at, spec from calendar where id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Calendar::from))
}

/// Locks a calendar: its name and version.
pub async fn lock(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<(String, i32)>> {
    sqlx::query_as("select name, version from calendar where id = $1 for update")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// The day by the database's clock, in UTC.
pub async fn today(conn: &mut PgConnection) -> sqlx::Result<NaiveDate> {
    sqlx::query_scalar("select (now() at time zone 'UTC')::date")
        .fetch_one(conn)
        .await
}

/// Changes a locked calendar.
pub async fn update(
    conn: &mut PgConnection,
    id: i64,
    spec: &CalendarSpec,
    author: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "update calendar set spec = $2, author = $3, version = version + 1, updated_at = now() where id = $1",
    )
    .bind(id)
    .bind(Json(spec))
    .bind(author)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes back the next ticks of fixed delays that the calendar decided: they were set past what it kept out. The starter
/// sets them anew, as after an instance.
pub async fn undate_delays(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update job_schedule s set next_fire_at = null
         where s.fixed_delay_ms is not null and s.next_fire_at > now()
            and (select v.definition -> 'include_calendars' ? $1 or v.definition -> 'exclude_calendars' ? $1
                from job_version v where v.job_id = s.job_id and v.version = s.version)",
    )
    .bind(name)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a locked calendar.
pub async fn delete(conn: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query("delete from calendar where id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Jobs whose current definition names a calendar, as app and job: the first few.
pub async fn users(conn: &mut PgConnection, name: &str) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as(
        "select a.name, j.name from job j join app a on a.id = j.app_id
         join job_version v on v.job_id = j.id and v.version = j.version
         where j.deleted_at is null and (v.definition -> 'include_calendars' ? $1 or v.definition -> 'exclude_calendars' ? $1)
         order by 1, 2 limit 5",
    )
    .bind(name)
    .fetch_all(conn)
    .await
}

/// Which of `names` exist, locked so that none is deleted meanwhile.
pub async fn lock_named(conn: &mut PgConnection, names: &[&String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("select name from calendar where name = any($1) order by name for share")
        .bind(names)
        .fetch_all(conn)
        .await
}

/// Calendars by their names.
pub async fn named(
    conn: &mut PgConnection,
    names: &[&String],
) -> sqlx::Result<Vec<(String, Json<CalendarSpec>)>> {
    sqlx::query_as("select name, spec from calendar where name = any($1)")
        .bind(names)
        .fetch_all(conn)
        .await
}
