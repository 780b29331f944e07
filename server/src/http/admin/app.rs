//! Apps.

use antares_protocol::app::{App, AppWithSecret, CreateApp, RotateSecret, UpdateApp};
use antares_protocol::page::Page;
use antares_protocol::problem::{Problem, ProblemKind};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sqlx::Connection as _;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::domain::secret;
use crate::engine::hint::Hint;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Json, OptionalJson, Path, Query, cursor, limit, page, storable};
use crate::store;
use crate::store::pool::violated_constraint;

/// Routes for apps.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(rotate_secret))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListApps {
    /// Part of the name.
    search: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List apps, oldest first.
#[utoipa::path(get, path = "/api/v1/apps", tag = "app", security(("session" = []), ("user" = [])), params(ListApps),
    responses((status = 200, body = Page<App>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<ListApps>,
) -> Result<axum::Json<Page<App>>, ApiError> {
    let limit = limit(query.limit)?;
    let after = cursor(query.after.as_deref())?.unwrap_or(0);
    let search = query.search.unwrap_or_default();
    storable("search", &search, 200)?;
    let rows = app
        .list(
            &(search, after, limit + 1),
            |conn, (search, after, limit)| Box::pin(store::app::list(conn, search, *after, *limit)),
        )
        .await?;
    Ok(axum::Json(page(rows, limit, |row| row.id.to_string())))
}

fn check_secret(given: Option<String>) -> Result<String, ApiError> {
    let Some(secret) = given else {
        return Ok(secret::generate());
    };
    // HTTP Basic cannot carry control characters.
    if !(6..=200).contains(&secret.chars().count()) || secret.chars().any(char::is_control) {
        return Err(ApiError::field(
            "secret",
            "must have 6 to 200 characters and no control characters; leave it out to have one made",
        ));
    }
    Ok(secret)
}

async fn hash(secret: &str) -> Result<String, ApiError> {
    let secret = secret.to_owned();
    tokio::task::spawn_blocking(move || secret::hash(&secret))
        .await
        .map_err(|_| ApiError::unavailable("the server is stopping"))
}

/// Create an app. The secret is shown this once.
#[utoipa::path(post, path = "/api/v1/apps", tag = "app", security(("session" = []), ("user" = [])), request_body = CreateApp,
    responses((status = 201, body = AppWithSecret), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(app): State<Shared>,
    _: User,
    Json(body): Json<CreateApp>,
) -> Result<(StatusCode, axum::Json<AppWithSecret>), ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !(1..=100).contains(&body.name.len()) || !body.name.chars().all(plain) {
        return Err(ApiError::field(
            "name",
            "must have 1 to 100 letters, digits, `_`, `-` or `.`",
        ));
    }
    // `.` and `..` would be taken for folders wherever a name stands in a path.
    if !body.name.contains(|c: char| c.is_ascii_alphanumeric()) {
        return Err(ApiError::field("name", "must hold a letter or a digit"));
    }
    storable("description", &body.description, 10_000)?;
    let secret = check_secret(body.secret)?;
    let hash = hash(&secret).await?;
    let mut conn = app.pool.acquire().await?;
    let created = store::app::create(&mut conn, &body.name, &body.description, &hash)
        .await
        .map_err(|error| match violated_constraint(&error) {
            Some("app_name_key") => {
                let detail = format!("there is an app called `{}` already", body.name);
                ApiError::new(ProblemKind::NameTaken, detail).with_field("name")
            }
            _ => error.into(),
        })?;
    // What tells of jobs tells of apps too.
    app.hints.send(&Hint::jobs());
    let answer = AppWithSecret {
        app: created,
        secret,
    };
    Ok((StatusCode::CREATED, axum::Json(answer)))
}

fn no_app(id: i64) -> ApiError {
    ApiError::not_found(format_args!("app {id}"))
}

/// Read an app.
#[utoipa::path(get, path = "/api/v1/apps/{id}", tag = "app", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 200, body = App), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<axum::Json<App>, ApiError> {
    let mut conn = app.pool.acquire().await?;
    let found = store::app::get(&mut conn, id).await?;
    found.map(axum::Json).ok_or_else(|| no_app(id))
}

/// Change an app. Its name cannot change.
#[utoipa::path(patch, path = "/api/v1/apps/{id}", tag = "app", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = UpdateApp, responses((status = 200, body = App), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    Json(body): Json<UpdateApp>,
) -> Result<axum::Json<App>, ApiError> {
    storable(
        "description",
        body.description.as_deref().unwrap_or_default(),
        10_000,
    )?;
    if body.max_running_shards.is_some_and(|most| most > 1_000_000) {
        return Err(ApiError::field(
            "max_running_shards",
            "is not allowed; give 0 for no limit, or 1 to 1000000",
        ));
    }
    let mut conn = app.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    store::app::update(&mut tx, id, body.description.as_deref())
        .await?
        .ok_or_else(|| no_app(id))?;
    if let Some(most) = body.max_running_shards {
        store::limit::put(&mut tx, &store::limit::of_app(id), most, "").await?;
        if most > 0 {
            store::limit::count_app(&mut tx, id).await?;
        }
    }
    let found = store::app::get(&mut tx, id).await?;
    tx.commit().await?;
    if body.max_running_shards.is_some_and(|most| most > 0) {
        app.hints.limit_app(id);
    }
    found.map(axum::Json).ok_or_else(|| no_app(id))
}

/// Set a new secret, shown this once. The old one is refused within seconds.
#[utoipa::path(post, path = "/api/v1/apps/{id}/secret", tag = "app", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = Option<RotateSecret>, responses((status = 200, body = AppWithSecret), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn rotate_secret(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
    OptionalJson(body): OptionalJson<RotateSecret>,
) -> Result<axum::Json<AppWithSecret>, ApiError> {
    let secret = check_secret(body.secret)?;
    let hash = hash(&secret).await?;
    let mut conn = app.pool.acquire().await?;
    let found = store::app::set_secret(&mut conn, id, &hash).await?;
    let app = found.ok_or_else(|| no_app(id))?;
    Ok(axum::Json(AppWithSecret { app, secret }))
}

/// Delete an app that has no jobs.
#[utoipa::path(delete, path = "/api/v1/apps/{id}", tag = "app", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<StatusCode, ApiError> {
    let mut conn = app.pool.acquire().await?;
    if store::app::delete(&mut conn, id).await? {
        app.hints.send(&Hint::jobs());
        return Ok(StatusCode::NO_CONTENT);
    }
    match store::app::get(&mut conn, id).await? {
        None => Err(no_app(id)),
        Some(app) => Err(ApiError::new(
            ProblemKind::IllegalState,
            format!("the app `{}` has jobs; delete those first", app.name),
        )),
    }
}
