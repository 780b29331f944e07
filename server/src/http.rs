//! HTTP: thin handlers that extract, call and answer.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::app::Shared;

pub mod admin;
pub mod auth;
pub mod client;
pub mod console;
pub mod error;
pub mod extract;
pub mod health;
pub mod serve;

use auth::SecuritySchemes;
use error::ApiError;

/// Largest request body, in bytes.
pub const MAX_BODY: usize = 16 * 1024 * 1024;
/// Longest wait of a claim.
pub const MAX_WAIT: Duration = Duration::from_mins(1);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Antares", description = "Distributed job scheduling on PostgreSQL. Errors are RFC 9457 problems; lists are paged by `next` → `after`."),
    components(schemas(antares_protocol::problem::Problem)),
    modifiers(&SecuritySchemes)
)]
struct Doc;

fn api() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Doc::openapi())
        .merge(client::router())
        .merge(admin::router())
        .merge(health::router())
}

/// The OpenAPI document, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

/// All routes of a replica.
pub fn router(app: Shared) -> Router {
    let (api, document) = api().split_for_parts();
    let document = Bytes::from(document.to_pretty_json().unwrap_or_default());
    let router = api
        .route(
            "/api/openapi.json",
            axum::routing::get(async || ([("content-type", "application/json")], document)),
        )
        .method_not_allowed_fallback(async |method: Method, uri: Uri| {
            ApiError::method_not_allowed(&method, uri.path())
        })
        .fallback(console::fallback)
        .layer(DefaultBodyLimit::max(MAX_BODY));
    // It writes nothing above that level, and costs each request of 10,000 clients a few microseconds.
    let router = if tracing::enabled!(target: "tower_http::trace", tracing::Level::DEBUG) {
        router.layer(TraceLayer::new_for_http().on_failure(()))
    } else {
        router
    };
    router.with_state(app)
}
