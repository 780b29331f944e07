//! Calendars.

use antares_protocol::page::Page;
use antares_protocol::problem::{Problem, ProblemKind};
use antares_protocol::schedule::{Calendar, CalendarSpec, ImportCalendar, Span, UpdateCalendar};
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{Datelike as _, Days, NaiveDate};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::domain;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Json, Path, Query, cursor, limit, page, storable};
use crate::pipeline::calendar::CalendarError;
use crate::pipeline::{self, retry};
use crate::store;

/// Routes for calendars.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(import))
        .routes(routes!(spans))
}

/// Refuses texts that cannot be stored, with the field below `prefix`.
fn check_texts(prefix: &str, spec: &CalendarSpec) -> Result<(), ApiError> {
    let check = |field: String, text: &str, most| storable(&format!("{prefix}{field}"), text, most);
    check("name".into(), &spec.name, 1000)?;
    check("description".into(), &spec.description, 10_000)?;
    check("time_zone".into(), &spec.time_zone, 200)?;
    for (index, day) in spec.dates.iter().enumerate() {
        check(format!("dates[{index}].label"), &day.label, 1000)?;
    }
    for (index, hours) in spec.weekly.iter().enumerate() {
        check(format!("weekly[{index}].label"), &hours.label, 1000)?;
    }
    for (index, span) in spec.spans.iter().enumerate() {
        check(format!("spans[{index}].label"), &span.label, 1000)?;
    }
    Ok(())
}

impl From<CalendarError> for ApiError {
    fn from(error: CalendarError) -> Self {
        let detail = error.to_string();
        match error {
            CalendarError::NotFound(_) => Self::new(ProblemKind::NotFound, detail),
            CalendarError::NameTaken(_) => {
                Self::new(ProblemKind::NameTaken, detail).with_field("name")
            }
            CalendarError::Field(error) => error.into(),
            CalendarError::Used(_) => Self::new(ProblemKind::IllegalState, detail),
            CalendarError::Version { .. } => Self::new(ProblemKind::VersionConflict, detail),
            CalendarError::Database(error) => error.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListCalendars {
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List calendars, oldest first.
#[utoipa::path(get, path = "/api/v1/calendars", tag = "calendar", security(("session" = []), ("user" = [])), params(ListCalendars),
    responses((status = 200, body = Page<Calendar>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<ListCalendars>,
) -> Result<axum::Json<Page<Calendar>>, ApiError> {
    let limit = limit(query.limit)?;
    let after = cursor(query.after.as_deref())?.unwrap_or(0);
    let mut conn = app.pool.acquire().await?;
    let rows = store::calendar::list(&mut conn, after, limit + 1).await?;
    Ok(axum::Json(page(rows, limit, |row| row.id.to_string())))
}

async fn read(app: &Shared, id: i64) -> Result<Calendar, ApiError> {
    let mut conn = app.pool.acquire().await?;
    store::calendar::get(&mut conn, id)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("calendar {id}")))
}

/// Create a calendar.
#[utoipa::path(post, path = "/api/v1/calendars", tag = "calendar", security(("session" = []), ("user" = [])), request_body = CalendarSpec,
    responses((status = 201, body = Calendar), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<CalendarSpec>,
) -> Result<(StatusCode, axum::Json<Calendar>), ApiError> {
    check_texts("", &body)?;
    let id = retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::calendar::create(&mut conn, &body, &user.name).await
    })
    .await?;
    Ok((StatusCode::CREATED, axum::Json(read(&app, id).await?)))
}

/// Read a calendar.
#[utoipa::path(get, path = "/api/v1/calendars/{id}", tag = "calendar", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 200, body = Calendar), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<axum::Json<Calendar>, ApiError> {
    Ok(axum::Json(read(&app, id).await?))
}

/// Replace what a calendar holds. Jobs follow it from their next tick on.
#[utoipa::path(put, path = "/api/v1/calendars/{id}", tag = "calendar", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = UpdateCalendar, responses((status = 200, body = Calendar), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
    Json(body): Json<UpdateCalendar>,
) -> Result<axum::Json<Calendar>, ApiError> {
    check_texts("spec.", &body.spec)?;
    retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::calendar::update(&mut conn, id, body.version, &body.spec, &user.name).await
    })
    .await
    .map_err(|error| match error {
        CalendarError::Field(error) => {
            ApiError::field(&format!("spec.{}", error.field), error.to_string())
        }
        error => error.into(),
    })?;
    Ok(axum::Json(read(&app, id).await?))
}

/// Add the events of an iCalendar text, such as a list of holidays, to a calendar.
#[utoipa::path(post, path = "/api/v1/calendars/{id}/import", tag = "calendar", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = ImportCalendar, responses((status = 200, body = Calendar), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn import(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
    Json(body): Json<ImportCalendar>,
) -> Result<axum::Json<Calendar>, ApiError> {
    storable("ics", &body.ics, 2_000_000)?;
    retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::calendar::import(&mut conn, id, &body, &user.name).await
    })
    .await?;
    Ok(axum::Json(read(&app, id).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CoveredSpans {
    /// First day, such as 2026-12-01, in the calendar's zone.
    from: NaiveDate,
    /// Last day, at most 400 days later.
    until: NaiveDate,
}

/// List the stretches of time that a calendar covers.
#[utoipa::path(get, path = "/api/v1/calendars/{id}/spans", tag = "calendar", security(("session" = []), ("user" = [])), params(("id" = i64, Path), CoveredSpans),
    responses((status = 200, body = Vec<Span>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn spans(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Query(query): Query<CoveredSpans>,
) -> Result<axum::Json<Vec<Span>>, ApiError> {
    let years = 1970..2200;
    if !years.contains(&query.from.year()) {
        let detail = format!(
            "{} is not allowed; give a day from 1970 to 2199",
            query.from
        );
        return Err(ApiError::field("from", detail));
    }
    if !(0..=400).contains(&(query.until - query.from).num_days()) {
        let detail = format!(
            "{} is not allowed; give a day from {} to {}",
            query.until,
            query.from,
            query.from + Days::new(400)
        );
        return Err(ApiError::field("until", detail));
    }
    let calendar = domain::calendar::Calendar::new(&read(&app, id).await?.spec)
        .map_err(|error| ApiError::field(&error.field, error.to_string()))?;
    Ok(axum::Json(domain::calendar::covered(
        &calendar,
        query.from,
        query.until,
    )))
}

/// Delete a calendar that no job uses.
#[utoipa::path(delete, path = "/api/v1/calendars/{id}", tag = "calendar", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<StatusCode, ApiError> {
    retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::calendar::delete(&mut conn, id).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
