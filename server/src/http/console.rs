//! Placeholder until the console's module lands.
pub(crate) async fn fallback(request: axum::extract::Request) -> axum::response::Response {
    let _ = request;
    axum::response::IntoResponse::into_response(axum::http::StatusCode::NOT_FOUND)
}
