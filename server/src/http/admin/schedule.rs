//! What schedules will do: previews and simulations; and past ticks, fired on request.

use antares_protocol::plan::{
    Backfill, Backfilled, Explanation, FireTimes, PreviewSchedule, Simulation,
};
use antares_protocol::problem::Problem;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::domain::job::{parse_cron, parse_zone, validate};
use crate::engine::hint::Hint;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Json, Path, Query, storable, storable_time};
use crate::pipeline::job::JobError;
use crate::pipeline::preview::Scheduled;
use crate::pipeline::{self, preview, retry};
use crate::store;

/// Most fire times in one answer.
const MOST_FIRES: u32 = 1000;

/// Routes for schedules.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(next))
        .routes(routes!(cron))
        .routes(routes!(preview_spec))
        .routes(routes!(simulate))
        .routes(routes!(backfill))
        .routes(routes!(explain))
}

fn count(asked: Option<u32>) -> Result<usize, ApiError> {
    match asked.unwrap_or(10) {
        count @ 1..=MOST_FIRES => Ok(count as usize),
        count => Err(ApiError::field(
            "count",
            format!("{count} is not allowed; give 1 to {MOST_FIRES}"),
        )),
    }
}

/// The instant that was given, or now.
async fn instant(app: &Shared, given: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, ApiError> {
    match given {
        Some(given) => Ok(given),
        None => Ok(store::schedule::now(&mut *app.pool.acquire().await?).await?),
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Next {
    /// How many fires, 1 to 1000; 10 if left out.
    count: Option<u32>,
    /// After this instant; now if left out.
    after: Option<DateTime<Utc>>,
}

/// The next fire times of a job's schedule, whatever the job's state.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/next", tag = "schedule", security(("session" = []), ("user" = [])), params(("id" = i64, Path), Next),
    responses((status = 200, body = FireTimes), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn next(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<Next>,
) -> Result<axum::Json<FireTimes>, ApiError> {
    let count = count(query.count)?;
    let after = instant(&app, query.after).await?;
    let mut conn = app.pool.acquire().await?;
    let job = store::job::get(&mut conn, id)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("job {id}")))?;
    let times = preview::preview(&mut conn, &job.app, &job.spec, after, count).await?;
    Ok(axum::Json(times))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PreviewCron {
    /// A Quartz cron expression.
    cron: String,
    /// IANA zone; UTC if left out.
    time_zone: Option<String>,
    /// How many fires, 1 to 1000; 10 if left out.
    count: Option<u32>,
    /// After this instant; now if left out.
    after: Option<DateTime<Utc>>,
}

/// The next fire times of an expression, or what is wrong with it.
#[utoipa::path(get, path = "/api/v1/cron/next", tag = "schedule", security(("session" = []), ("user" = [])), params(PreviewCron),
    responses((status = 200, body = FireTimes), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn cron(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<PreviewCron>,
) -> Result<axum::Json<FireTimes>, ApiError> {
    let count = count(query.count)?;
    let zone = query.time_zone.unwrap_or_else(|| "UTC".to_owned());
    // For errors that name the parameters of this call.
    parse_cron(&query.cron)?;
    parse_zone(&zone)?;
    let mut spec = antares_protocol::job::JobSpec::new("preview");
    spec.cron = Some(query.cron);
    spec.time_zone = zone;
    let after = instant(&app, query.after).await?;
    let mut conn = app.pool.acquire().await?;
    let times = preview::preview(&mut conn, "", &spec, after, count).await?;
    Ok(axum::Json(times))
}

/// When a definition would fire, and when in plain words, before it is saved.
#[utoipa::path(post, path = "/api/v1/schedule/preview", tag = "schedule", security(("session" = []), ("user" = [])), request_body = PreviewSchedule,
    responses((status = 200, body = FireTimes), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn preview_spec(
    State(app): State<Shared>,
    _: User,
    Json(body): Json<PreviewSchedule>,
) -> Result<axum::Json<FireTimes>, ApiError> {
    let count = count(body.count)?;
    storable("app", &body.app, 200)?;
    validate(&body.spec).map_err(JobError::Spec)?;
    let after = instant(&app, body.after).await?;
    let mut conn = app.pool.acquire().await?;
    let times = preview::preview(&mut conn, &body.app, &body.spec, after, count).await?;
    Ok(axum::Json(times))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Simulate {
    /// Name of the app; all apps if left out.
    app: Option<String>,
    /// From this instant on; now if left out.
    from: Option<DateTime<Utc>>,
    /// To before this instant, at most 31 days later; a day later if left out.
    until: Option<DateTime<Utc>>,
}

/// What all waiting jobs will do over a period.
#[utoipa::path(get, path = "/api/v1/schedule/simulation", tag = "schedule", security(("session" = []), ("user" = [])), params(Simulate),
    responses((status = 200, body = Simulation), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn simulate(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<Simulate>,
) -> Result<axum::Json<Simulation>, ApiError> {
    storable("app", query.app.as_deref().unwrap_or_default(), 200)?;
    let from = instant(&app, query.from).await?;
    storable_time("from", from)?;
    let until = query.until.unwrap_or(from + TimeDelta::days(1));
    storable_time("until", until)?;
    if until <= from || until - from > TimeDelta::days(31) {
        return Err(ApiError::field(
            "until",
            "is not after from, or more than 31 days later; use antares-server simulate for more",
        ));
    }
    let mut conn = app.pool.acquire().await?;
    let scheduled = Scheduled::read(&mut conn, query.app.as_deref()).await?;
    let scheduled = scheduled.ok_or_else(|| {
        let name = query.app.as_deref().unwrap_or_default();
        ApiError::field("app", format!("there is no app `{name}`"))
    })?;
    drop(conn);
    preview::simulate(scheduled, (from, until))
        .await
        .map(axum::Json)
        .map_err(|_| ApiError::unavailable("the server is stopping"))
}

/// Fire the ticks of a past period, or tell which they are. A tick is backfilled once, however often it is asked for.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/backfill", tag = "schedule", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = Backfill, responses((status = 200, body = Backfilled), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn backfill(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Json(body): Json<Backfill>,
) -> Result<axum::Json<Backfilled>, ApiError> {
    storable_time("from", body.from)?;
    storable_time("until", body.until)?;
    let answer = retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::backfill::backfill(&mut conn, app.server_id, id, &body).await
    })
    .await?;
    if !answer.instance_ids.is_empty() {
        app.hints.queued();
        app.hints.send(&Hint::instances());
    }
    Ok(axum::Json(answer))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Explain {
    /// Ticks from this instant on; an hour before `until` if left out.
    from: Option<DateTime<Utc>>,
    /// To before this instant; now if left out.
    until: Option<DateTime<Utc>>,
}

/// Why did the job run or not? Its ticks of a period with what came of them, and what its instances wait for.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/explain", tag = "schedule", security(("session" = []), ("user" = [])), params(("id" = i64, Path), Explain),
    responses((status = 200, body = Explanation), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn explain(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<Explain>,
) -> Result<axum::Json<Explanation>, ApiError> {
    let until = instant(&app, query.until).await?;
    storable_time("until", until)?;
    let from = query.from.unwrap_or(until - TimeDelta::hours(1));
    storable_time("from", from)?;
    if from >= until {
        return Err(ApiError::field(
            "until",
            "is not after from; give a later instant",
        ));
    }
    let mut conn = app.pool.acquire().await?;
    let job = store::job::get(&mut conn, id)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("job {id}")))?;
    let explanation = pipeline::explain::explain(&mut conn, &job, from, until).await?;
    Ok(axum::Json(explanation))
}
