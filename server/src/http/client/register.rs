//! A client process registers.

use std::net::IpAddr;

use antares_protocol::client::{RegisterClient, Registered};
use antares_protocol::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use uuid::Uuid;

use crate::app::Shared;
use crate::domain::job::visible;
use crate::engine::hint::Hint;
use crate::http::auth::ClientApp;
use crate::http::error::ApiError;
use crate::http::extract::{Json, storable, storable_time};
use crate::store::client;

/// Most handlers of a client.
const MOST_HANDLERS: usize = 10_000;

/// Register a process. Its lease begins.
#[utoipa::path(post, path = "/client/v1/clients", tag = "client", security(("app" = [])), request_body = RegisterClient,
    responses((status = 201, body = Registered), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn register(
    State(app): State<Shared>,
    caller: ClientApp,
    Json(body): Json<RegisterClient>,
) -> Result<(StatusCode, axum::Json<Registered>), ApiError> {
    check(&body)?;
    let id = Uuid::now_v7();
    let mut conn = app.pool.acquire().await?;
    client::register(&mut conn, id, caller.app_id, &body, app.config.lease_ms()).await?;
    drop(conn);
    app.hints.send(&Hint::clients());
    Ok((
        StatusCode::CREATED,
        axum::Json(Registered {
            client_id: id,
            lease_ms: app.config.lease_ms() as u64,
            renew_every_ms: app.config.renew_every().as_millis() as u64,
        }),
    ))
}

/// The first field that is not allowed is named.
fn check(body: &RegisterClient) -> Result<(), ApiError> {
    if body.host.trim().is_empty() {
        return Err(ApiError::field("host", "is empty; give the host's name"));
    }
    for (field, text) in [
        ("host", &body.host),
        ("ip", &body.ip),
        ("sdk", &body.sdk),
        ("version", &body.version),
    ] {
        storable(field, text, 500)?;
    }
    if !body.ip.is_empty() && body.ip.parse::<IpAddr>().is_err() {
        let detail = format!("`{}` is no IP address; give one, or leave it out", body.ip);
        return Err(ApiError::field("ip", detail));
    }
    if !(1..=10_000).contains(&body.slots) {
        return Err(ApiError::field(
            "slots",
            format!("{} is not allowed; give 1 to 10000", body.slots),
        ));
    }
    if body.handlers.is_empty() || body.handlers.len() > MOST_HANDLERS {
        return Err(ApiError::field(
            "handlers",
            format!("give 1 to {MOST_HANDLERS} names of handlers"),
        ));
    }
    for handler in &body.handlers {
        visible("handlers", handler, 200)?;
    }
    if body.labels.len() > 100 {
        return Err(ApiError::field("labels", "at most 100 labels"));
    }
    for (key, value) in &body.labels {
        storable("labels", key, 200)?;
        storable("labels", value, 1000)?;
    }
    body.clock
        .map_or(Ok(()), |clock| storable_time("clock", clock))
}
