//! Instances, their shards, attempts and logs, and ticks.

use antares_protocol::instance::{Instance, InstanceState, Tick};
use antares_protocol::job::Triggered;
use antares_protocol::page::Page;
use antares_protocol::plan::ExplainedWait;
use antares_protocol::problem::{Problem, ProblemKind};
use antares_protocol::shard::{Attempt, Shard, ShardLog, ShardState, Trigger, split_shard_id};
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::engine::hint::Hint;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Path, Query, cursor, limit, page, storable, storable_time};
use crate::pipeline::{self, retry};
use crate::store::history;

/// No instance lasts longer: a hundred years.
const MOST_MS: u64 = 100 * 366 * 86_400_000;

/// Routes for instances.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(explain))
        .routes(routes!(terminate))
        .routes(routes!(rerun))
        .routes(routes!(shards))
        .routes(routes!(attempts))
        .routes(routes!(logs))
        .routes(routes!(ticks))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListInstances {
    /// Name of the app.
    app: Option<String>,
    /// Job.
    job_id: Option<i64>,
    /// State of the instance.
    #[param(inline)]
    state: Option<InstanceState>,
    /// What caused it.
    #[param(inline)]
    trigger: Option<Trigger>,
    /// The instance that caused it: of which it is a rerun, which it followed, or which planned it.
    cause_id: Option<i64>,
    /// Part of the job's name, in any case.
    job: Option<String>,
    /// Fired from this instant on; of one that is still queued, queued from then on.
    from: Option<DateTime<Utc>>,
    /// Fired before this instant; of one that is still queued, queued before it.
    until: Option<DateTime<Utc>>,
    /// Took at least so many milliseconds, or has run for so long.
    min_duration_ms: Option<u64>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List instances, newest first: running and ended ones together.
#[utoipa::path(get, path = "/api/v1/instances", tag = "instance", security(("session" = []), ("user" = [])), params(ListInstances),
    responses((status = 200, body = Page<Instance>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<ListInstances>,
) -> Result<axum::Json<Page<Instance>>, ApiError> {
    let limit = limit(query.limit)?;
    storable("app", query.app.as_deref().unwrap_or_default(), 200)?;
    storable("job", query.job.as_deref().unwrap_or_default(), 200)?;
    if query.trigger == Some(Trigger::Other) {
        return Err(ApiError::field(
            "trigger",
            "is none of those that are known; give one of `schedule`, `api`, `console`, `sql`, `dependency`, `backfill`, `rerun`, `plan`",
        ));
    }
    for (field, at) in [("from", query.from), ("until", query.until)] {
        if let Some(at) = at {
            storable_time(field, at)?;
        }
    }
    if let (Some(from), Some(until)) = (query.from, query.until)
        && from > until
    {
        return Err(ApiError::field(
            "until",
            "is before from; give a later instant",
        ));
    }
    let filter = history::Filter {
        id: None,
        app: query.app.as_deref(),
        job_id: query.job_id,
        state: query.state.map(|state| match state {
            InstanceState::Queued => "queued",
            InstanceState::Running => "running",
            InstanceState::Succeeded => "succeeded",
            InstanceState::Failed => "failed",
            InstanceState::Terminated => "terminated",
            InstanceState::TimedOut => "timed_out",
        }),
        trigger: query.trigger.map(Trigger::name),
        cause_id: query.cause_id,
        job: query.job.as_deref().filter(|part| !part.is_empty()),
        from: query.from,
        until: query.until,
        min_duration_ms: query.min_duration_ms.map(|ms| ms.min(MOST_MS) as i64),
        before: cursor(query.after.as_deref())?,
        limit: limit + 1,
    };
    let rows = app
        .list(&filter, |conn, filter| {
            Box::pin(history::instances(conn, filter))
        })
        .await?;
    Ok(axum::Json(page(rows, limit, |row| row.id.to_string())))
}

async fn read(app: &Shared, id: i64) -> Result<Instance, ApiError> {
    let mut conn = app.pool.acquire().await?;
    history::instance(&mut conn, id)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("instance {id}")))
}

/// Read an instance, with its waiting and running shards counted.
#[utoipa::path(get, path = "/api/v1/instances/{id}", tag = "instance", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 200, body = Instance), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<axum::Json<Instance>, ApiError> {
    Ok(axum::Json(read(&app, id).await?))
}

/// What does an instance wait for? A sentence for each reason; none if all its shards run, or it has ended.
#[utoipa::path(get, path = "/api/v1/instances/{id}/explain", tag = "instance", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 200, body = ExplainedWait), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn explain(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<axum::Json<ExplainedWait>, ApiError> {
    let instance = read(&app, id).await?;
    let mut conn = app.pool.acquire().await?;
    let told = pipeline::explain::explain_instance(&mut conn, instance).await?;
    Ok(axum::Json(told))
}

/// Terminate a running instance: its shards are cancelled and their handlers told to stop.
#[utoipa::path(post, path = "/api/v1/instances/{id}/terminate", tag = "instance", security(("session" = []), ("user" = [])),
    params(("id" = i64, Path)), responses((status = 200, body = Instance), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn terminate(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
) -> Result<axum::Json<Instance>, ApiError> {
    let reason = format!("terminated by {}", user.name);
    let done = retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::instance::terminate(&mut conn, id, &reason).await
    })
    .await?;
    let instance = read(&app, id).await?;
    if !done {
        return Err(ApiError::new(
            ProblemKind::IllegalState,
            format!("instance {id} has ended already"),
        ));
    }
    app.hints.send(&Hint::instances());
    Ok(axum::Json(instance))
}

/// Run again what failed or was cancelled of an instance that has ended: a new instance of those shards, with the
/// definition, the parameter and the due time of the old one, whose successes it counts as its own.
#[utoipa::path(post, path = "/api/v1/instances/{id}/rerun", tag = "instance", security(("session" = []), ("user" = [])),
    params(("id" = i64, Path)), responses((status = 202, body = Triggered), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn rerun(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<(StatusCode, axum::Json<Triggered>), ApiError> {
    let made = retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::rerun::rerun(&mut conn, app.server_id, id).await
    })
    .await?;
    let instance_id = made.id;
    // Not offered as what was fired just now: its definition may not be the one that says who may run it.
    app.hints.send(&Hint::ready(instance_id));
    Ok((StatusCode::ACCEPTED, axum::Json(Triggered { instance_id })))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListShards {
    /// Only shards in this state.
    state: Option<ShardState>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List the shards of an instance in the order of their items.
#[utoipa::path(get, path = "/api/v1/instances/{id}/shards", tag = "instance", security(("session" = []), ("user" = [])),
    params(("id" = i64, Path), ListShards), responses((status = 200, body = Page<Shard>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn shards(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<ListShards>,
) -> Result<axum::Json<Page<Shard>>, ApiError> {
    let limit = limit(query.limit)?;
    let after = cursor(query.after.as_deref())?.unwrap_or(-1);
    let state = query.state.map(|state| match state {
        ShardState::New => "new",
        ShardState::Running => "running",
        ShardState::Succeeded => "succeeded",
        ShardState::Failed => "failed",
        ShardState::Cancelled => "cancelled",
    });
    let rows = app
        .list(
            &(id, after, limit + 1, state),
            |conn, &(id, after, limit, state)| {
                Box::pin(history::shards(conn, id, after, limit, state))
            },
        )
        .await?;
    if rows.is_empty() {
        // None of an instance, or no instance?
        read(&app, id).await?;
    }
    Ok(axum::Json(page(rows, limit, |row| row.item.to_string())))
}

/// List the ended attempts of an instance, by item and attempt.
#[utoipa::path(get, path = "/api/v1/instances/{id}/attempts", tag = "instance", security(("session" = []), ("user" = [])),
    params(("id" = i64, Path), Paging), responses((status = 200, body = Page<Attempt>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn attempts(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<Paging>,
) -> Result<axum::Json<Page<Attempt>>, ApiError> {
    let limit = limit(query.limit)?;
    let after = match query.after.as_deref() {
        None => (-1, 0, false),
        Some(text) => {
            let mut parts = text.splitn(3, '-');
            let mut part = || parts.next().unwrap_or_default();
            let (item, attempt, is_final) = (part(), part(), part());
            (
                cursor(Some(item))?.unwrap_or(-1),
                cursor(Some(attempt))?.unwrap_or(0),
                cursor(Some(is_final))?.unwrap_or(false),
            )
        }
    };
    let rows = app
        .list(&(id, after, limit + 1), |conn, &(id, after, limit)| {
            Box::pin(history::attempts(conn, id, after, limit))
        })
        .await?;
    if rows.is_empty() {
        // None of an instance, or no instance?
        read(&app, id).await?;
    }
    let cursor = |row: &Attempt| format!("{}-{}-{}", row.item, row.attempt, row.is_final);
    Ok(axum::Json(page(rows, limit, cursor)))
}

/// List the log lines of a shard, oldest first.
#[utoipa::path(get, path = "/api/v1/shards/{id}/logs", tag = "instance", security(("session" = []), ("user" = [])),
    params(("id" = i64, Path), Paging), responses((status = 200, body = Page<ShardLog>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn logs(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<Paging>,
) -> Result<axum::Json<Page<ShardLog>>, ApiError> {
    let limit = limit(query.limit)?;
    let after = cursor(query.after.as_deref())?.unwrap_or(0);
    let (instance_id, item) = split_shard_id(id);
    let instance = read(&app, instance_id).await?;
    if item >= instance.total {
        return Err(ApiError::not_found(format_args!("shard {id}")));
    }
    let rows = app
        .list(&(id, after, limit + 1), |conn, &(id, after, limit)| {
            Box::pin(history::logs(conn, id, after, limit))
        })
        .await?;
    Ok(axum::Json(page(rows, limit, |row| row.id.to_string())))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListTicks {
    /// Job.
    job_id: i64,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List what became of a job's ticks, newest first.
#[utoipa::path(get, path = "/api/v1/ticks", tag = "instance", security(("session" = []), ("user" = [])), params(ListTicks),
    responses((status = 200, body = Page<Tick>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn ticks(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<ListTicks>,
) -> Result<axum::Json<Page<Tick>>, ApiError> {
    let limit = limit(query.limit)?;
    let before: Option<DateTime<Utc>> = cursor(query.after.as_deref())?;
    if let Some(before) = before {
        storable_time("after", before)?;
    }
    let rows = app
        .list(
            &(query.job_id, before, limit + 1),
            |conn, &(job_id, before, limit)| Box::pin(history::ticks(conn, job_id, before, limit)),
        )
        .await?;
    let cursor = |row: &Tick| {
        row.scheduled_at
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
    };
    Ok(axum::Json(page(rows, limit, cursor)))
}
