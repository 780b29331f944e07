//! Login and logout.

use std::time::Duration;

use antares_protocol::problem::{Problem, ProblemKind};
use antares_protocol::session::{Login, Session};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::domain::secret;
use crate::http::auth::{COOKIE, User, check_password, ready, refuse_cross_site, session_token};
use crate::http::error::ApiError;
use crate::http::extract::Json;
use crate::store::session;

/// How long a session lasts.
const TTL: Duration = Duration::from_hours(12);

/// Routes for sessions.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(current))
}

/// Log in. The answer sets a session cookie that scripts cannot read.
#[utoipa::path(post, path = "/api/v1/login", tag = "session", request_body = Login,
    responses((status = 200, body = Session), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn login(
    State(app): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Login>,
) -> Result<Response, ApiError> {
    ready(&app)?;
    refuse_cross_site(&Method::POST, &headers)?;
    if !check_password(&app, &body.user, body.password).await? {
        return Err(ApiError::new(
            ProblemKind::Unauthorized,
            "the user name or the password is wrong",
        ));
    }
    let token = secret::generate();
    let mut conn = app.pool.acquire().await?;
    let ttl_ms = TTL.as_millis() as i64;
    let expires_at =
        session::create(&mut conn, &secret::digest(&token), &body.user, ttl_ms).await?;
    let cookie = cookie(&app, &token, TTL);
    let session = Session {
        user: body.user,
        expires_at: Some(expires_at),
    };
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(session)).into_response())
}

fn cookie(app: &Shared, token: &str, age: Duration) -> String {
    let secure = if app.config.secure_cookies {
        "; Secure"
    } else {
        ""
    };
    let age = age.as_secs();
    format!("{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}

/// Log out: the session ends on the server.
#[utoipa::path(post, path = "/api/v1/logout", tag = "session", security((), ("session" = [])), responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn logout(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, ApiError> {
    ready(&app)?;
    refuse_cross_site(&Method::POST, &headers)?;
    if let Some(token) = session_token(&headers) {
        let mut conn = app.pool.acquire().await?;
        session::delete(&mut conn, &secret::digest(&token)).await?;
    }
    let gone = cookie(&app, "", Duration::ZERO);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", security(("session" = []), ("user" = [])),
    responses((status = 200, body = Session), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn current(user: User) -> axum::Json<Session> {
    axum::Json(Session {
        user: user.name,
        expires_at: user.expires_at,
    })
}
