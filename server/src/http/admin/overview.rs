//! What goes on, and which job follows which.

use std::sync::Arc;
use std::time::{Duration, Instant};

use antares_protocol::overview::{DependencyGraph, Overview};
use antares_protocol::problem::Problem;
use axum::extract::State;
use tokio::sync::Mutex;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::store;

/// How old an overview may be. Every open console asks again after each change.
const FRESH: Duration = Duration::from_secs(2);

/// The last overview: one caller reads it, the others wait for it.
#[derive(Debug, Default)]
pub struct Latest(Mutex<Option<(Instant, Arc<Overview>)>>);

/// Routes for the overview.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(overview))
        .routes(routes!(dependencies))
}

/// What goes on, what went on in the last 24 hours, and what comes in the next one. At most two seconds old.
#[utoipa::path(get, path = "/api/v1/overview", tag = "overview", security(("session" = []), ("user" = [])),
    responses((status = 200, body = Overview), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn overview(
    State(app): State<Shared>,
    _: User,
) -> Result<axum::Json<Arc<Overview>>, ApiError> {
    let mut latest = app.overview.0.lock().await;
    if let Some((at, overview)) = latest.as_ref()
        && at.elapsed() < FRESH
    {
        return Ok(axum::Json(Arc::clone(overview)));
    }
    let mut conn = app.pool.acquire().await?;
    let overview = Arc::new(store::overview::overview(&mut conn).await?);
    *latest = Some((Instant::now(), Arc::clone(&overview)));
    Ok(axum::Json(overview))
}

/// Which job follows which: up to 5,000 edges, with the jobs at their ends.
#[utoipa::path(get, path = "/api/v1/dependencies", tag = "overview", security(("session" = []), ("user" = [])),
    responses((status = 200, body = DependencyGraph), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn dependencies(
    State(app): State<Shared>,
    _: User,
) -> Result<axum::Json<DependencyGraph>, ApiError> {
    let mut conn = app.pool.acquire().await?;
    Ok(axum::Json(store::overview::graph(&mut conn).await?))
}
