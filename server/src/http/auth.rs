//! Who is asking: clients by HTTP Basic with their app's secret, people by a session cookie or HTTP Basic.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use antares_protocol::problem::ProblemKind;
use antares_protocol::shard::Trigger;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::error::ApiError;
use crate::app::{App, Shared};
use crate::domain::secret;
use crate::store;

/// Name of the session cookie.
pub const COOKIE: &str = "antares_session";
/// How long a verdict about a secret is remembered: a changed secret is refused after that.
const REMEMBER: Duration = Duration::from_secs(5);
/// How long looking it up again may take, while which others rely on the old verdict.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How many secrets are hashed at once, so that wrong ones cannot take all cores.
const HASHERS: usize = 2;
/// How many callers may wait for a hasher before more are turned away.
const MOST_WAITING: usize = 256;

/// Secrets and passwords checked lately. Hashing one takes tens of milliseconds; a client asks often.
#[derive(Debug)]
pub struct Verified {
    verdicts: Mutex<HashMap<String, Verdict>>,
    hashers: Semaphore,
    waiting: Semaphore,
}

#[derive(Debug, Clone)]
struct Verdict {
    digest: [u8; 32],
    app_id: Option<i64>,
    stored: Arc<str>,
    until: Instant,
}

impl Default for Verified {
    fn default() -> Self {
        Self {
            verdicts: Mutex::default(),
            hashers: Semaphore::new(HASHERS),
            waiting: Semaphore::new(MOST_WAITING),
        }
    }
}

impl Verified {
    /// The verdict about the secret with this digest, if it was compared with the hash `stored`.
    fn remembered(&self, key: &str, digest: &[u8; 32], stored: &str) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().expect("no holder panics");
        let verdict = verdicts.get(key)?;
        let is_it = bool::from(verdict.digest.ct_eq(digest)) && *verdict.stored == *stored;
        is_it.then(|| verdict.clone())
    }

    /// The verdict about the secret with this digest, unless it has run out. Then one caller gets none and looks again, while
    /// the others rely on it a little longer: thousands of clients would all ask the database at once.
    fn fresh(&self, key: &str, digest: &[u8; 32]) -> Option<Verdict> {
        let mut verdicts = self.verdicts.lock().expect("no holder panics");
        let verdict = verdicts.get_mut(key)?;
        let now = Instant::now();
        if !bool::from(verdict.digest.ct_eq(digest)) {
            return None;
        }
        if now < verdict.until {
            return Some(verdict.clone());
        }
        verdict.until = now + LOOK_AGAIN;
        None
    }

    fn forget(&self, key: &str) {
        let mut verdicts = self.verdicts.lock().expect("no holder panics");
        verdicts.remove(key);
    }

    fn remember(&self, key: &str, verdict: Verdict) {
        let mut verdicts = self.verdicts.lock().expect("no holder panics");
        if verdicts.len() > 10_000 {
            verdicts.clear();
        }
        verdicts.insert(key.to_owned(), verdict);
    }

    /// Whether `given`, whose digest is `digest`, is what `stored` was made of. Slow; few at a time.
    async fn verify(
        &self,
        key: &str,
        digest: &[u8; 32],
        given: String,
        stored: String,
    ) -> Result<bool, ApiError> {
        let busy = || {
            ApiError::new(
                ProblemKind::TooManyRequests,
                "too many secrets are being checked; try again in a few seconds",
            )
        };
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let _hasher = self.hashers.acquire().await.map_err(|_| busy())?;
        // Thousands of clients may come with the same secret at once: those who waited find it checked.
        if let Some(verdict) = self.remembered(key, digest, &stored) {
            return Ok(verdict.app_id.is_some());
        }
        tokio::task::spawn_blocking(move || secret::verify(&given, &stored))
            .await
            .map_err(|_| ApiError::unavailable("the server is stopping"))
    }
}

/// User name and password of an `authorization: Basic` header.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// A client's app, proven by its secret.
#[derive(Debug, Clone, Copy)]
pub struct ClientApp {
    pub app_id: i64,
}

impl FromRequestParts<Shared> for ClientApp {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        ready(app)?;
        let refused = || {
            ApiError::new(
                ProblemKind::Unauthorized,
                "send HTTP Basic with the app's name and secret; check both",
            )
        };
        let (name, given) = basic(&parts.headers).ok_or_else(refused)?;
        if name.contains('\0') {
            return Err(refused());
        }
        let key = format!("app {name}");
        let digest = secret::digest(&given);
        if let Some(verdict) = app.verified.fresh(&key, &digest) {
            return verdict
                .app_id
                .map(|app_id| Self { app_id })
                .ok_or_else(refused);
        }
        // On the heap and for as long as it takes: a claim waits for a minute with the rest of this future.
        let app_id = Box::pin(look_up(app, &name, given, key, digest)).await?;
        app_id.map(|app_id| Self { app_id }).ok_or_else(refused)
    }
}

/// The app `name` if `given`, whose digest is `digest`, is its secret; asks the database.
async fn look_up(
    app: &App,
    name: &str,
    given: String,
    key: String,
    digest: [u8; 32],
) -> Result<Option<i64>, ApiError> {
    let mut conn = app.pool.acquire().await?;
    let found = store::app::secret_hash(&mut conn, name).await?;
    drop(conn);
    let Some((app_id, stored)) = found else {
        app.verified.forget(&key);
        return Ok(None);
    };
    // The same secret against the same hash has the same verdict: it need not be computed again.
    let valid = match app.verified.remembered(&key, &digest, &stored) {
        Some(verdict) => verdict.app_id.is_some(),
        None => {
            app.verified
                .verify(&key, &digest, given, stored.clone())
                .await?
        }
    };
    let verdict = Verdict {
        digest,
        app_id: valid.then_some(app_id),
        stored: stored.into(),
        until: Instant::now() + REMEMBER,
    };
    app.verified.remember(&key, verdict);
    Ok(valid.then_some(app_id))
}

/// Refuses requests that need the database before the replica has set it up.
pub fn ready(app: &App) -> Result<(), ApiError> {
    if app.health.troubles().contains_key("start") {
        return Err(ApiError::unavailable("the server is starting; try again"));
    }
    Ok(())
}

/// Somebody who may use the admin API.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    /// Of the session, unless this is HTTP Basic.
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl User {
    /// What an instance that this one triggers is made by: only the console has sessions.
    pub fn trigger(&self) -> Trigger {
        if self.expires_at.is_some() {
            Trigger::Console
        } else {
            Trigger::Api
        }
    }
}

impl FromRequestParts<Shared> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        ready(app)?;
        refuse_cross_site(&parts.method, &parts.headers)?;
        if let Some(token) = session_token(&parts.headers) {
            let mut conn = app.pool.acquire().await?;
            if let Some((name, end)) =
                store::session::get(&mut conn, &secret::digest(&token)).await?
            {
                return Ok(Self {
                    name,
                    expires_at: Some(end),
                });
            }
        } else if let Some((user, password)) = basic(&parts.headers)
            && check_password(app, &user, password).await?
        {
            return Ok(Self {
                name: user,
                expires_at: None,
            });
        }
        Err(ApiError::new(
            ProblemKind::Unauthorized,
            "log in at POST /api/v1/login, or send HTTP Basic with a user's name and password",
        ))
    }
}

/// Whether `password` is the user's.
pub async fn check_password(app: &App, user: &str, password: String) -> Result<bool, ApiError> {
    if user.contains('\0') {
        return Ok(false);
    }
    let key = format!("user {user}");
    let digest = secret::digest(&password);
    let mut conn = app.pool.acquire().await?;
    let stored = store::session::password_hash(&mut conn, user).await?;
    drop(conn);
    let Some(stored) = stored else {
        return Ok(false);
    };
    if let Some(verdict) = app.verified.remembered(&key, &digest, &stored) {
        return Ok(verdict.app_id.is_some());
    }
    let valid = app
        .verified
        .verify(&key, &digest, password, stored.clone())
        .await?;
    let verdict = Verdict {
        digest,
        app_id: valid.then_some(0),
        stored: stored.into(),
        until: Instant::now(),
    };
    app.verified.remember(&key, verdict);
    Ok(valid)
}

/// The token of the session cookie.
pub fn session_token(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token.to_owned())
}

/// Refuses a change that a page of another site makes the browser ask for.
pub fn refuse_cross_site(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let same_site = match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        // Browsers without it send the origin; programs send neither.
        None => text("origin").is_none_or(|origin| {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text("host")
        }),
    };
    if same_site {
        return Ok(());
    }
    Err(ApiError::new(
        ProblemKind::Forbidden,
        "the request comes from a page of another site",
    ))
}

/// Declares the ways to authenticate in the OpenAPI document.
pub struct SecuritySchemes;

impl utoipa::Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let basic = |what: &str| {
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Basic)
                    .description(Some(what))
                    .build(),
            )
        };
        components.add_security_scheme("app", basic("Name and secret of an app"));
        components.add_security_scheme("user", basic("Name and password of a user"));
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))),
        );
    }
}
