//! Calls of the admin API.

use antares_protocol::page::Page;
use antares_protocol::problem::{Problem, ProblemKind};
use antares_protocol::session::{Login, Session};
use gloo_net::http::{Method, Request, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use web_sys::AbortController;

use crate::hooks::clock;

/// Where the server sends its events.
pub(crate) const EVENTS: &str = "/api/v1/events";

/// Rows of a page: a screen or two.
const PAGE_ROWS: &str = "100";

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// No answer: the server is away, or the network is.
    Unreachable,
    /// The server's own words.
    Problem(Problem),
    /// An answer that is not the API's, such as a load balancer's. Says what came.
    Unexpected(String),
}

impl ApiError {
    /// Whether logging in is what helps.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.kind == ProblemKind::Unauthorized)
    }

    /// Whether what was asked for does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.kind == ProblemKind::NotFound)
    }

    /// Whether asking again will not help, as what was asked for cannot be read.
    pub(crate) fn is_refused(&self) -> bool {
        use ProblemKind::{InvalidField, MalformedRequest};
        matches!(self, Self::Problem(problem) if matches!(problem.kind, InvalidField | MalformedRequest))
    }

    /// The field that the server blames, as a dotted path.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => problem.field.as_deref(),
            _ => None,
        }
    }
}

/// Something the API lists, and how a row is recognised from one answer to the next.
pub(crate) trait Row: Clone + PartialEq + DeserializeOwned + Send + Sync + 'static {
    /// Stays the same for as long as the row means the same thing.
    type Key: Clone + Eq + std::hash::Hash + Send + Sync + 'static;
    /// Address of the list.
    const PATH: &'static str;
    /// What the row is recognised by.
    fn key(&self) -> Self::Key;
}

macro_rules! rows {
    ($($row:ty = $key:ty, $path:literal;)*) => {
        $(impl Row for $row {
            type Key = $key;
            const PATH: &'static str = $path;
            fn key(&self) -> $key {
                self.id
            }
        })*
    };
}

rows! {
    antares_protocol::app::App = i64, "/api/v1/apps";
    antares_protocol::schedule::Calendar = i64, "/api/v1/calendars";
    antares_protocol::job::Job = i64, "/api/v1/jobs";
    antares_protocol::instance::Instance = i64, "/api/v1/instances";
    antares_protocol::cluster::Server = uuid::Uuid, "/api/v1/servers";
    antares_protocol::cluster::Client = uuid::Uuid, "/api/v1/clients";
}

/// One page of a list: what `query` asks for, such as `after` or a filter.
pub(crate) async fn list<T: Row>(query: &[(String, String)]) -> Result<Page<T>, ApiError> {
    let asked = query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let request = Request::get(T::PATH).query([("limit", PAGE_ROWS)].into_iter().chain(asked));
    read(&send(request, None).await?)
}

/// Reads what stands at `path`, which has its query with it.
pub(crate) async fn get<A: DeserializeOwned>(path: &str) -> Result<A, ApiError> {
    read(&send(Request::get(path), None).await?)
}

/// Sends `body` to `path`, and reads the answer; `()` if there is none.
pub(crate) async fn call<A: DeserializeOwned>(
    method: Method,
    path: &str,
    body: &impl Serialize,
) -> Result<A, ApiError> {
    let body = serde_json::to_string(body).map_err(unexpected)?;
    let request = RequestBuilder::new(path).method(method);
    let text = send(request, Some(body)).await?;
    read(if text.is_empty() { "null" } else { &text })
}

/// Who is logged in.
pub(crate) async fn session() -> Result<Session, ApiError> {
    read(&send(Request::get("/api/v1/session"), None).await?)
}

/// Starts a session; the browser keeps its cookie.
pub(crate) async fn login(login: &Login) -> Result<Session, ApiError> {
    let body = serde_json::to_string(login).map_err(unexpected)?;
    send(Request::post("/api/v1/login"), Some(body)).await?;
    // Asked for rather than read from the answer: so it is certain that the cookie was kept.
    session().await
}

/// Ends the session, here and on the server.
pub(crate) async fn logout() -> Result<(), ApiError> {
    send(Request::post("/api/v1/logout"), Some("{}".to_owned()))
        .await
        .map(drop)
}

/// Sends the request and reads the answer's text.
async fn send(request: RequestBuilder, body: Option<String>) -> Result<String, ApiError> {
    // Held until the text is there: aborting earlier would cut the answer off.
    let guard = AbortOnDrop(AbortController::new().ok());
    let signal = guard.0.as_ref().map(AbortController::signal);
    let request = request
        .header("accept", "application/json")
        .abort_signal(signal.as_ref());
    let request = match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(body),
        None => request.build(),
    }
    .map_err(unexpected)?;
    let response = request.send().await.map_err(|_| ApiError::Unreachable)?;
    if let Some(date) = response.headers().get("date") {
        clock::observe(&date);
    }
    let text = response.text().await.map_err(|_| ApiError::Unreachable)?;
    if response.ok() {
        return Ok(text);
    }
    Err(match serde_json::from_str(&text) {
        Ok(problem) => ApiError::Problem(problem),
        Err(_) => ApiError::Unexpected(format!("HTTP {}", response.status())),
    })
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(unexpected)
}

fn unexpected(error: impl std::fmt::Display) -> ApiError {
    ApiError::Unexpected(error.to_string())
}

/// Ends a request whose answer nobody waits for: its page was left.
struct AbortOnDrop(Option<AbortController>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}
