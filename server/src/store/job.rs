//! Jobs and the versions of their definitions.

use std::collections::HashMap;

use antares_protocol::job::{Job, JobSpec, JobState, LastEnded};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{history, schedule};

/// A job row, locked for a change.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Locked {
    pub id: i64,
    pub app_id: i64,
    pub app: String,
    pub name: String,
    pub state: String,
    pub version: i32,
}

/// Locks a job that is not deleted: the first lock of every change of a job.
pub async fn lock(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Locked>> {
    sqlx::query_as(
        "select j.id, j.app_id, a.name as app, j.name, j.state, j.version from job j join app a on a.id = j.app_id
         where j.id = $1 and j.deleted_at is null for no key update of j",
    )
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// Whether there is such a job.
pub async fn is_there(conn: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar("select exists (select from job where id = $1 and deleted_at is null)")
        .bind(id)
        .fetch_one(conn)
        .await
}

/// Creates a job. A taken name violates `job_name_key`.
pub async fn create(
    conn: &mut PgConnection,
    app_id: i64,
    name: &str,
    state: &str,
) -> sqlx::Result<i64> {
    sqlx::query_scalar("insert into job (app_id, name, state) values ($1, $2, $3) returning id")
        .bind(app_id)
        .bind(name)
        .bind(state)
        .fetch_one(conn)
        .await
}

/// Keeps a version of a job's definition.
pub async fn add_version(
    conn: &mut PgConnection,
    job_id: i64,
    version: i32,
    spec: &JobSpec,
    author: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into job_version (job_id, version, definition, brief, author) values ($1, $2, $3, $4, $5)",
    )
    .bind(job_id)
    .bind(version)
    .bind(sqlx::types::Json(spec))
    .bind(brief(spec))
    .bind(author)
    .execute(conn)
    .await?;
    Ok(())
}

/// A definition as JSON without the fields that have their default.
pub fn brief(spec: &JobSpec) -> String {
    let (mut brief, default) = (json!(spec), json!(JobSpec::new("")));
    if let Some(fields) = brief.as_object_mut() {
        fields.retain(|name, value| name == "name" || default.get(name) != Some(value));
    }
    brief.to_string()
}

/// Makes `version` the current one.
pub async fn set_version(conn: &mut PgConnection, id: i64, version: i32) -> sqlx::Result<()> {
    sqlx::query("update job set version = $2, updated_at = now() where id = $1")
        .bind(id)
        .bind(version)
        .execute(&mut *conn)
        .await?;
    note_newer(conn, id, 0).await
}

/// Notes that instances of a job may be there, fired with `version`, while another holds now.
pub async fn note_newer(conn: &mut PgConnection, id: i64, version: i32) -> sqlx::Result<()> {
    sqlx::query(
        "select setval('definition_change', coalesce(pg_sequence_last_value('instance_id_seq'), 0) + 1000000)
         from job where id = $1 and version <> $2",
    )
    .bind(id)
    .bind(version)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes what changed the state of a job, and who did it.
pub async fn note_action(
    conn: &mut PgConnection,
    id: i64,
    action: &str,
    author: &str,
) -> sqlx::Result<()> {
    sqlx::query("insert into job_action (job_id, action, author) values ($1, $2, $3)")
        .bind(id)
        .bind(action)
        .bind(author)
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets the state of a locked job.
pub async fn set_state(conn: &mut PgConnection, id: i64, state: &str) -> sqlx::Result<()> {
    sqlx::query("update job set state = $2, updated_at = now() where id = $1")
        .bind(id)
        .bind(state)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes a locked job. Its name is free at once; its history stays readable.
pub async fn delete(conn: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query("update job set deleted_at = now(), state = 'disabled' where id = $1")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from job_schedule where job_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// A version of a definition, with the names a client is told.
pub async fn version(
    conn: &mut PgConnection,
    job_id: i64,
    version: i32,
) -> sqlx::Result<Option<sqlx::types::Json<JobSpec>>> {
    sqlx::query_scalar("select definition from job_version where job_id = $1 and version = $2")
        .bind(job_id)
        .bind(version)
        .fetch_optional(conn)
        .await
}

/// The texts of versions of definitions, brief where they have been written so, as many as there are of `keys`, which
/// are a job and a version each.
pub async fn versions(
    conn: &mut PgConnection,
    keys: &[(i64, i32)],
) -> sqlx::Result<Vec<(i64, i32, String)>> {
    sqlx::query_as(
        "select v.job_id, v.version, coalesce(v.brief, v.definition::text) from job_version v
         join unnest($1::bigint[], $2::integer[]) as k (job_id, version) using (job_id, version)",
    )
    .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    pub id: Option<i64>,
    pub app: Option<&'a str>,
    /// Part of the name, in any case.
    pub search: &'a str,
    pub state: Option<&'a str>,
    /// The server that fires it.
    pub server_id: Option<Uuid>,
    /// A calendar that keeps its ticks in or out.
    pub calendar: Option<&'a str>,
    pub after: i64,
    pub limit: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    app_id: i64,
    app: String,
    state: String,
    running_instances: i64,
    queued_instances: i64,
    version: i32,
    prev_fire_at: Option<DateTime<Utc>>,
    next_fire_at: Option<DateTime<Utc>>,
    server_id: Option<Uuid>,
    server_host: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    definition: sqlx::types::Json<JobSpec>,
}

/// Reads a state as `job_view` tells it.
pub fn state(text: &str) -> JobState {
    match text {
        "disabled" => JobState::Disabled,
        "stopped" => JobState::Stopped,
        "paused" => JobState::Paused,
        "running" => JobState::Running,
        _ => JobState::Waiting,
    }
}

/// Jobs in the order of their ids.
pub async fn list(conn: &mut PgConnection, filter: &Filter<'_>) -> sqlx::Result<Vec<Job>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select j.id, j.app_id, v.app, v.state, (select count(*) from instance i where i.job_id = j.id) as running_instances,
            (select count(*) from instance_queued q where q.job_id = j.id) as queued_instances, v.version, v.prev_fire_at, v.next_fire_at, v.server_id,
            (select host from server s where s.id = v.server_id) as server_host, v.created_at, v.updated_at, v.definition
         from job j join job_view v on v.job_id = j.id
         where j.id > $1 and ($2::bigint is null or j.id = $2) and ($3::text is null or v.app = $3)
            and strpos(lower(j.name), lower($4)) > 0 and ($5::text is null or v.state = $5)
            and ($7::uuid is null or v.server_id = $7)
            and ($8::text is null or v.definition -> 'include_calendars' ? $8 or v.definition -> 'exclude_calendars' ? $8)
         order by j.id limit $6",
    )
    .bind(filter.after)
    .bind(filter.id)
    .bind(filter.app)
    .bind(filter.search)
    .bind(filter.state)
    .bind(filter.limit)
    .bind(filter.server_id)
    .bind(filter.calendar)
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut ended: HashMap<i64, LastEnded> = (schedule::last_ended(conn, &ids).await?)
        .into_iter()
        .map(|last| {
            let ended = LastEnded {
                instance_id: last.id,
                state: history::state(&last.state),
                ended_at: last.ended_at,
            };
            (last.job_id, ended)
        })
        .collect();
    Ok(rows
        .into_iter()
        .map(|row| Job {
            id: row.id,
            last_ended: ended.remove(&row.id),
            app_id: row.app_id,
            app: row.app,
            state: state(&row.state),
            running_instances: row.running_instances,
            queued_instances: row.queued_instances,
            version: row.version,
            prev_fire_at: row.prev_fire_at,
            next_fire_at: row.next_fire_at,
            server_id: row.server_id,
            server_host: row.server_host,
            created_at: row.created_at,
            updated_at: row.updated_at,
            spec: row.definition.0,
        })
        .collect())
}

/// One job.
pub async fn get(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Job>> {
    let filter = Filter {
        id: Some(id),
        limit: 1,
        ..Filter::default()
    };
    Ok(list(conn, &filter).await?.pop())
}

/// A job with its app and its definition.
#[derive(Debug, Clone)]
pub struct Scheduled {
    pub id: i64,
    pub app: String,
    pub spec: JobSpec,
}

/// Waiting jobs, of `app` if one is given, in the order of their ids.
pub async fn scheduled(conn: &mut PgConnection, app: Option<&str>) -> sqlx::Result<Vec<Scheduled>> {
    let rows: Vec<(i64, String, sqlx::types::Json<JobSpec>)> = sqlx::query_as(
        "select j.id, a.name, v.definition from job j join app a on a.id = j.app_id
         join job_version v on v.job_id = j.id and v.version = j.version
         where j.deleted_at is null and j.state = 'waiting' and ($1::text is null or a.name = $1) order by j.id",
    )
    .bind(app)
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(id, app, spec)| Scheduled {
            id,
            app,
            spec: spec.0,
        })
        .collect())
}

/// A version of a definition, with who made it when.
pub type VersionRow = (i32, String, DateTime<Utc>, Value);

/// Versions of a job's definition below `before`, newest first.
pub async fn version_rows(
    conn: &mut PgConnection,
    job_id: i64,
    before: i32,
    limit: i64,
) -> sqlx::Result<Vec<VersionRow>> {
    sqlx::query_as(
        "select version, author, created_at, definition from job_version where job_id = $1 and version < $2
         order by version desc limit $3",
    )
    .bind(job_id)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Jobs of an app with their definitions, whatever their state, in the order of their ids.
pub async fn of_app(conn: &mut PgConnection, app: &str) -> sqlx::Result<Vec<Scheduled>> {
    let rows: Vec<(i64, String, sqlx::types::Json<JobSpec>)> = sqlx::query_as(
        "select j.id, a.name, v.definition from job j join app a on a.id = j.app_id
         join job_version v on v.job_id = j.id and v.version = j.version
         where j.deleted_at is null and a.deleted_at is null and a.name = $1 order by j.id",
    )
    .bind(app)
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(id, app, spec)| Scheduled {
            id,
            app,
            spec: spec.0,
        })
        .collect())
}

/// The job of this name that is not deleted.
pub async fn find(conn: &mut PgConnection, app: &str, name: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "select j.id from job j join app a on a.id = j.app_id
         where a.name = $1 and a.deleted_at is null and j.name = $2 and j.deleted_at is null",
    )
    .bind(app)
    .bind(name)
    .fetch_optional(conn)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_definition_is_read_as_what_it_was() {
        let plain = JobSpec::new("settle");
        assert_eq!(brief(&plain), r#"{"name":"settle"}"#);
        let mut spec = plain.clone();
        spec.cron = Some("0 0 3 * * ?".to_owned());
        spec.param = json!({ "a": [1, 1.5, null, "é"], "b": 18_446_744_073_709_551_615_u64 });
        spec.shard_params = vec![json!(null), json!("x")];
        spec.priority = -1;
        for spec in [plain, spec] {
            let read: JobSpec = serde_json::from_str(&brief(&spec)).expect("it can be read");
            assert_eq!(read, spec);
        }
    }
}
