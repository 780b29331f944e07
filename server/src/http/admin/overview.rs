//! What goes on, and which job follows which.

use std::sync::Arc;
use std::time::{Duration, Instant};

use antares_protocol::overview::{DependencyGraph, Overview, OverviewHour, Rankings};
use antares_protocol::problem::Problem;
use axum::extract::State;
use chrono::{DurationRound as _, TimeDelta};
use serde::Deserialize;
use sqlx::PgConnection;
use tokio::sync::Mutex;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::pipeline::next_hour;
use crate::store;

/// How old an overview may be. Every open console asks again after each change.
const FRESH: Duration = Duration::from_secs(2);
/// How old its rankings may be: they read the most.
const RANKINGS_FRESH: Duration = Duration::from_mins(1);
/// After this an hour does not change any more: no transaction that ends instances is so long.
const SETTLED: TimeDelta = TimeDelta::minutes(5);

/// The last overview: one caller reads it, the others wait for it.
#[derive(Debug, Default)]
pub struct Latest(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    overview: Option<(Instant, Arc<Overview>)>,
    rankings: Option<(Instant, Rankings)>,
    /// Hours that do not change any more.
    hours: Vec<OverviewHour>,
    next_hour: Option<NextHour>,
}

/// The ticks of the next hour, when they were counted and how long that took.
#[derive(Debug)]
struct NextHour {
    at: Instant,
    took: Duration,
    minutes: Vec<i64>,
}

impl NextHour {
    /// Counting again takes 2 % of a thread at most.
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < 50 * self.took
    }
}

impl Known {
    /// Reads what goes on, and of the past what is not known yet.
    async fn read(&mut self, conn: &mut PgConnection) -> sqlx::Result<Overview> {
        let mut overview = store::overview::now(conn).await?;
        let this = overview
            .at
            .duration_trunc(TimeDelta::hours(1))
            .expect("an hour parts every time that PostgreSQL tells");
        let first = this - TimeDelta::hours(23);
        self.hours.retain(|hour| hour.at >= first);
        // A clock that was set back would leave a gap at the beginning.
        if self.hours.first().is_some_and(|hour| hour.at > first) {
            self.hours.clear();
        }
        let from = self
            .hours
            .last()
            .map_or(first, |hour| hour.at + TimeDelta::hours(1));
        let read = store::overview::hours(conn, from, this).await?;
        overview.hours = self.hours.iter().chain(&read).cloned().collect();
        let settled = overview.at - SETTLED - TimeDelta::hours(1);
        self.hours
            .extend(read.into_iter().filter(|hour| hour.at <= settled));
        overview.rankings = match &self.rankings {
            Some((at, rankings)) if at.elapsed() < RANKINGS_FRESH => rankings.clone(),
            _ => {
                let rankings = store::overview::rankings(conn).await?;
                self.rankings = Some((Instant::now(), rankings.clone()));
                rankings
            }
        };
        if !self.next_hour.as_ref().is_some_and(NextHour::is_fresh) {
            let at = Instant::now();
            let minutes = next_hour::count(conn, overview.at).await?;
            let took = at.elapsed();
            self.next_hour = Some(NextHour { at, took, minutes });
        }
        let counted = self.next_hour.iter();
        overview.next_hour = counted.flat_map(|next| next.minutes.clone()).collect();
        Ok(overview)
    }
}

/// Routes for the overview.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(overview))
        .routes(routes!(dependencies))
}

/// What goes on, what went on in the last 24 hours, and what comes in the next one. At most two seconds old,
/// the rankings a minute.
#[utoipa::path(get, path = "/api/v1/overview", tag = "overview", security(("session" = []), ("user" = [])),
    responses((status = 200, body = Overview), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn overview(
    State(app): State<Shared>,
    _: User,
) -> Result<axum::Json<Arc<Overview>>, ApiError> {
    let mut known = app.overview.0.lock().await;
    if let Some((at, overview)) = &known.overview
        && at.elapsed() < FRESH
    {
        return Ok(axum::Json(Arc::clone(overview)));
    }
    let mut conn = app.pool.acquire().await?;
    let overview = Arc::new(known.read(&mut conn).await?);
    known.overview = Some((Instant::now(), Arc::clone(&overview)));
    Ok(axum::Json(overview))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfJob {
    /// Only what leads to this job and away from it.
    job_id: Option<i64>,
}

/// Which job follows which: up to 5,000 edges, with the jobs at their ends.
#[utoipa::path(get, path = "/api/v1/dependencies", tag = "overview", security(("session" = []), ("user" = [])), params(OfJob),
    responses((status = 200, body = DependencyGraph), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn dependencies(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<OfJob>,
) -> Result<axum::Json<DependencyGraph>, ApiError> {
    let mut conn = app.pool.acquire().await?;
    let graph = store::overview::graph(&mut conn, query.job_id).await?;
    Ok(axum::Json(graph))
}
