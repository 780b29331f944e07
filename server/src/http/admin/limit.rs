//! Limits of running shards that jobs name.

use antares_protocol::page::Page;
use antares_protocol::policy::{Limit, PutLimit};
use antares_protocol::problem::{Problem, ProblemKind};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sqlx::Connection as _;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::domain::job::listable;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Json, Path, Query, limit as rows_of, page, storable};
use crate::store::limit;

/// Routes for limits.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListLimits {
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List the limits of running shards that jobs may name.
#[utoipa::path(get, path = "/api/v1/limits", tag = "limit", security(("session" = []), ("user" = [])), params(ListLimits),
    responses((status = 200, body = Page<Limit>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<ListLimits>,
) -> Result<axum::Json<Page<Limit>>, ApiError> {
    let rows = rows_of(query.limit)?;
    let after = query.after.unwrap_or_default();
    storable("after", &after, 200)?;
    let mut conn = app.pool.acquire().await?;
    let found = limit::list(&mut conn, &after, rows + 1).await?;
    Ok(axum::Json(page(found, rows, |row| row.name.clone())))
}

async fn read(app: &Shared, name: &str) -> Result<Limit, ApiError> {
    let mut conn = app.pool.acquire().await?;
    limit::get(&mut conn, name)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("limit called `{name}`")))
}

/// Read a limit.
#[utoipa::path(get, path = "/api/v1/limits/{name}", tag = "limit", security(("session" = []), ("user" = [])), params(("name" = String, Path)),
    responses((status = 200, body = Limit), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(app): State<Shared>,
    _: User,
    Path(name): Path<String>,
) -> Result<axum::Json<Limit>, ApiError> {
    storable("name", &name, 200)?;
    Ok(axum::Json(read(&app, &name).await?))
}

/// Set a limit, or make one. What runs already goes on.
#[utoipa::path(put, path = "/api/v1/limits/{name}", tag = "limit", security(("session" = []), ("user" = [])), params(("name" = String, Path)),
    request_body = PutLimit, responses((status = 200, body = Limit), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn put(
    State(app): State<Shared>,
    _: User,
    Path(name): Path<String>,
    Json(body): Json<PutLimit>,
) -> Result<axum::Json<Limit>, ApiError> {
    listable("name", &name, 200)?;
    storable("description", &body.description, 10_000)?;
    if !(1..=1_000_000).contains(&body.max_running_shards) {
        return Err(ApiError::field(
            "max_running_shards",
            "is not allowed; give 1 to 1000000, or delete the limit",
        ));
    }
    let mut conn = app.pool.acquire().await?;
    let key = limit::named(&name);
    limit::put(&mut conn, &key, body.max_running_shards, &body.description).await?;
    drop(conn);
    Ok(axum::Json(read(&app, &name).await?))
}

/// Delete a limit that no job names.
#[utoipa::path(delete, path = "/api/v1/limits/{name}", tag = "limit", security(("session" = []), ("user" = [])), params(("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    State(app): State<Shared>,
    _: User,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    storable("name", &name, 200)?;
    let mut conn = app.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let users = limit::lock_users(&mut tx, &name)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("limit called `{name}`")))?;
    if let Some((app, job)) = users.first() {
        return Err(ApiError::new(
            ProblemKind::IllegalState,
            format!("the job `{job}` of `{app}` names the limit; change it first"),
        ));
    }
    limit::put(&mut tx, &limit::named(&name), 0, "").await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
