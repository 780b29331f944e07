//! Server-sent events: tells a browser which list has changed, at most twice a second each.

use std::convert::Infallible;
use std::time::Duration;

use antares_protocol::problem::Problem;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::engine::hint::Hint;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::store;

/// Shortest time between two batches of events.
const SPACING: Duration = Duration::from_millis(500);
/// How often the session behind a stream is checked.
const RECHECK: Duration = Duration::from_secs(15);

/// Routes for events.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Follow changes. Events `jobs`, `instances`, `servers` and `clients` say that the list of that name has
/// changed and is to be read again; their data is `{}`. The stream ends with the session.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", security(("session" = []), ("user" = [])),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn events(
    State(app): State<Shared>,
    user: User,
    headers: axum::http::HeaderMap,
) -> Result<Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let token = crate::http::auth::session_token(&headers)
        .filter(|_| user.expires_at.is_some())
        .map(|token| crate::domain::secret::digest(&token));
    let mut hints = app.hints.events.subscribe();
    let stream = async_stream::stream! {
        yield Ok(event("hello"));
        let mut recheck = tokio::time::interval(RECHECK);
        loop {
            let hint = tokio::select! {
                hint = hints.recv() => hint,
                _ = recheck.tick() => {
                    if ended(&app, token).await {
                        return;
                    }
                    continue;
                }
                () = app.stopping.cancelled() => return,
            };
            let mut changed = match hint {
                Ok(hint) => hint,
                // Too slow to follow: everything may have changed.
                Err(RecvError::Lagged(_)) => Hint { jobs: true, instances: true, servers: true, clients: true, ..Hint::default() },
                Err(RecvError::Closed) => return,
            };
            tokio::time::sleep(SPACING).await;
            while let Ok(more) = hints.try_recv() {
                changed.jobs |= more.jobs;
                changed.instances |= more.instances;
                changed.servers |= more.servers;
                changed.clients |= more.clients;
            }
            // A job's state and fire times change with its instances.
            for (name, has_changed) in [
                ("jobs", changed.jobs || changed.instances),
                ("instances", changed.instances),
                ("servers", changed.servers || changed.jobs),
                ("clients", changed.clients || changed.instances),
            ] {
                if has_changed {
                    yield Ok(event(name));
                }
            }
        }
    };
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn event(name: &str) -> Event {
    Event::default().event(name).data("{}")
}

/// Whether the session has ended. While the database is away it goes on.
async fn ended(app: &Shared, token: Option<[u8; 32]>) -> bool {
    let Some(token) = token else { return false };
    let Ok(mut conn) = app.pool.acquire().await else {
        return false;
    };
    matches!(store::session::get(&mut conn, &token).await, Ok(None))
}
