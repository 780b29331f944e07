//! Claims past the router.
//!
//! Nearly all requests of a replica with thousands of clients are claims. Router, extractors and what they box took a
//! sixth of its CPU for each (docs/performance.md). So a claim that is well formed goes straight to what answers it;
//! whatever else comes goes through the router, which says what is wrong with it.

use antares_protocol::client::Claim;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts as _;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, Request};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::MAX_BODY;
use super::auth::ClientApp;
use super::client::answer_claim;
use super::error::ApiError;
use super::extract::{broken_body, check_is_json, from_json};
use crate::app::Shared;

/// All that a replica serves.
#[derive(Clone)]
pub struct Direct {
    app: Shared,
    router: Router,
    /// Whether the router notes each request, so that it has to see all.
    traces: bool,
}

impl Direct {
    /// A service of `app`, with `router` for all but claims.
    pub fn new(app: Shared, router: Router) -> Self {
        let traces = super::traces();
        Self {
            app,
            router,
            traces,
        }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response {
        if let Some(id) = claimer(&request).filter(|_| !self.traces) {
            return self.claim(id, request).await.into_response();
        }
        // On the heap: a claim waits for a minute with the rest of this future.
        let Ok(response) = Box::pin(self.router.clone().oneshot(request)).await;
        response
    }

    async fn claim(&self, id: Uuid, request: Request<Incoming>) -> Result<Response, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = ClientApp::from_request_parts(&mut parts, &self.app).await?;
        check_is_json(&parts.headers)?;
        drop(parts);
        let body = to_bytes(Body::new(body), MAX_BODY).await;
        let body = body.map_err(broken_body)?;
        let claim: Claim = from_json(&body)?;
        drop(body);
        let claimed = answer_claim(&self.app, caller, id, claim).await?;
        Ok(claimed.into_response())
    }
}

/// The client that claims, if this is a claim with a body whose length is known and allowed.
fn claimer(request: &Request<Incoming>) -> Option<Uuid> {
    if request.method() != Method::POST {
        return None;
    }
    let path = request.uri().path();
    let id = path
        .strip_prefix("/client/v1/clients/")?
        .strip_suffix("/claim")?;
    let length = request.headers().get(CONTENT_LENGTH)?.to_str().ok()?;
    let length: usize = length.parse().ok()?;
    (length <= MAX_BODY).then(|| Uuid::try_parse(id).ok())?
}
