//! HTTP: thin handlers that extract, call and answer.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa_axum::router::OpenApiRouter;

use crate::app::Shared;

pub mod admin;
pub mod auth;
pub mod client;
pub mod console;
pub mod direct;
pub mod error;
pub mod extract;
pub mod health;
pub mod malformed;
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

fn api() -> (Router<Shared>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Doc::openapi())
        .merge(client::router())
        .merge(admin::router())
        .merge(health::router())
        .split_for_parts();
    for path in document.paths.paths.values_mut() {
        let body = path
            .post
            .as_mut()
            .and_then(|post| post.request_body.as_mut());
        if let Some(RefOr::T(body)) = body {
            leave_out_null(body);
        }
    }
    (router, document)
}

/// A body that may be left out is not `null` where it is there, as utoipa has it.
fn leave_out_null(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(either))) = &content.schema
        {
            let body = either
                .items
                .iter()
                .find(|item| matches!(item, RefOr::Ref(_)));
            content.schema = body.cloned();
        }
    }
}

/// The OpenAPI document, generated from the handlers.
pub fn openapi() -> OpenApi {
    api().1
}

/// All routes of a replica.
pub fn router(app: Shared) -> Router {
    let (api, document) = api();
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
    let router = if traces() {
        router.layer(TraceLayer::new_for_http().on_failure(()))
    } else {
        router
    };
    router.with_state(app)
}

/// Whether requests are noted in the log. That is so at one level only, and costs each request of 10,000 clients a few
/// microseconds.
fn traces() -> bool {
    tracing::enabled!(target: "tower_http::trace", tracing::Level::DEBUG)
}
