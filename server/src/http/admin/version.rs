//! Versions of definitions, and copies of jobs.

use antares_protocol::job::{Job, JobSpec, UpdateJob};
use antares_protocol::page::Page;
use antares_protocol::problem::Problem;
use antares_protocol::version::{CopyJobs, JobDiff, JobVersion, JobsCopied, Rollback};
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::domain::diff::diff;
use crate::engine::hint::Hint;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Json, Path, Query, cursor, limit, page, storable};
use crate::pipeline::job::JobError;
use crate::pipeline::{self, retry};
use crate::store::job::{self, VersionRow};

/// Routes for versions and copies.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(versions))
        .routes(routes!(version))
        .routes(routes!(compare))
        .routes(routes!(rollback))
        .routes(routes!(copy))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListVersions {
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// What is stored of a version, with every field there, so that versions of different releases compare.
fn read_spec(definition: &Value) -> Result<JobSpec, ApiError> {
    serde_json::from_value(definition.clone())
        .map_err(|error| ApiError::unavailable(&format!("a definition cannot be read: {error}")))
}

fn full(spec: &JobSpec) -> Value {
    serde_json::json!(spec)
}

/// List the versions of a job's definition, newest first, each with what changed.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/versions", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path), ListVersions),
    responses((status = 200, body = Page<JobVersion>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn versions(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<ListVersions>,
) -> Result<axum::Json<Page<JobVersion>>, ApiError> {
    let limit = limit(query.limit)?;
    let before = cursor(query.after.as_deref())?.unwrap_or(i32::MAX);
    let mut conn = app.pool.acquire().await?;
    job::get(&mut conn, id)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("job {id}")))?;
    // One more than the page and its end: the one before tells what changed.
    let rows = job::version_rows(&mut conn, id, before, limit + 2).await?;
    drop(conn);
    let mut versions: Vec<JobVersion> = Vec::with_capacity(rows.len());
    for (version, author, created_at, definition) in rows {
        let spec = read_spec(&definition)?;
        if let Some(newer) = versions.last_mut() {
            newer.changes = diff(&full(&spec), &full(&newer.spec));
        }
        versions.push(JobVersion {
            version,
            author,
            created_at,
            changes: Vec::new(),
            spec,
        });
    }
    versions.truncate(limit as usize + 1);
    Ok(axum::Json(page(versions, limit, |row| {
        row.version.to_string()
    })))
}

/// A version of a job's definition, which `field` of the request names.
async fn row(app: &Shared, id: i64, version: i32, field: &str) -> Result<VersionRow, ApiError> {
    let mut conn = app.pool.acquire().await?;
    let before = version.saturating_add(1);
    let found = job::version_rows(&mut conn, id, before, 1).await?.pop();
    found.filter(|row| row.0 == version).ok_or_else(|| {
        ApiError::not_found(format_args!("version {version} of job {id}")).with_field(field)
    })
}

/// Read a version of a job's definition, with what changed.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/versions/{version}", tag = "job", security(("session" = []), ("user" = [])),
    params(("id" = i64, Path), ("version" = i32, Path)),
    responses((status = 200, body = JobVersion), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn version(
    State(app): State<Shared>,
    _: User,
    Path((id, version)): Path<(i64, i32)>,
) -> Result<axum::Json<JobVersion>, ApiError> {
    let (version, author, created_at, definition) = row(&app, id, version, "version").await?;
    let spec = read_spec(&definition)?;
    let changes = if version > 1 {
        let before = read_spec(&row(&app, id, version - 1, "version").await?.3)?;
        diff(&full(&before), &full(&spec))
    } else {
        Vec::new()
    };
    Ok(axum::Json(JobVersion {
        version,
        author,
        created_at,
        changes,
        spec,
    }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Compare {
    /// The one version.
    from: i32,
    /// The other version.
    to: i32,
}

/// How two versions of a job's definition differ.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/diff", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path), Compare),
    responses((status = 200, body = JobDiff), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn compare(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<Compare>,
) -> Result<axum::Json<JobDiff>, ApiError> {
    let from = read_spec(&row(&app, id, query.from, "from").await?.3)?;
    let to = read_spec(&row(&app, id, query.to, "to").await?.3)?;
    let changes = diff(&full(&from), &full(&to));
    Ok(axum::Json(JobDiff { changes }))
}

/// Make an old version of a definition the newest one: a new version equal to it.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/rollback", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = Rollback, responses((status = 200, body = Job), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn rollback(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
    Json(body): Json<Rollback>,
) -> Result<axum::Json<Job>, ApiError> {
    let spec = read_spec(&row(&app, id, body.version, "version").await?.3)?;
    let update = UpdateJob {
        version: body.based_on,
        spec,
    };
    retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::job::update(&mut conn, id, &update, &user.name).await
    })
    .await?;
    app.hints.queued();
    app.hints.send(&Hint::definitions());
    let mut conn = app.pool.acquire().await?;
    let found = job::get(&mut conn, id).await?;
    found
        .map(axum::Json)
        .ok_or_else(|| ApiError::not_found(format_args!("job {id}")))
}

/// Copy definitions of an app's jobs into another app, all or none.
#[utoipa::path(post, path = "/api/v1/apps/{id}/copy", tag = "app", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = CopyJobs, responses((status = 200, body = JobsCopied), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn copy(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
    Json(body): Json<CopyJobs>,
) -> Result<axum::Json<JobsCopied>, ApiError> {
    storable("to", &body.to, 200)?;
    if body.jobs.as_ref().is_some_and(|jobs| jobs.len() > 1000) {
        return Err(ApiError::field(
            "jobs",
            "names more than 1000 jobs; copy in parts",
        ));
    }
    for name in body.jobs.iter().flatten() {
        storable("jobs", name, 200)?;
    }
    let from = {
        let mut conn = app.pool.acquire().await?;
        crate::store::app::get(&mut conn, id)
            .await?
            .ok_or_else(|| ApiError::not_found(format_args!("app {id}")))?
    };
    let copied = retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::job::copy(&mut conn, &from.name, &body, &user.name).await
    })
    .await
    .map_err(|error| match error {
        JobError::NoApp(_) => ApiError::field("to", error.to_string()),
        error => error.into(),
    })?;
    app.hints.queued();
    app.hints.send(&Hint::definitions());
    Ok(axum::Json(copied))
}
