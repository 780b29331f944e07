//! Servers and clients.

use antares_protocol::cluster::{Client, Server};
use antares_protocol::page::Page;
use antares_protocol::problem::Problem;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Query, cursor, limit, page, storable};
use crate::store;

/// Routes for servers and clients.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(servers))
        .routes(routes!(clients))
}

/// List live servers, oldest first. All are on one page.
#[utoipa::path(get, path = "/api/v1/servers", tag = "cluster", security(("session" = []), ("user" = [])),
    responses((status = 200, body = Page<Server>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn servers(State(app): State<Shared>, _: User) -> Result<axum::Json<Page<Server>>, ApiError> {
    let items = app
        .list(&(), |conn, ()| Box::pin(store::server::list(conn)))
        .await?;
    Ok(axum::Json(Page { items, next: None }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListClients {
    /// Name of the app.
    app: Option<String>,
    /// Part of the host's name, in any case.
    host: Option<String>,
    /// A label that it has: `name`, or `name=value`.
    label: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List live clients, oldest first.
#[utoipa::path(get, path = "/api/v1/clients", tag = "cluster", security(("session" = []), ("user" = [])), params(ListClients),
    responses((status = 200, body = Page<Client>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn clients(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<ListClients>,
) -> Result<axum::Json<Page<Client>>, ApiError> {
    let limit = limit(query.limit)?;
    for (field, text) in [
        ("app", &query.app),
        ("host", &query.host),
        ("label", &query.label),
    ] {
        storable(field, text.as_deref().unwrap_or_default(), 200)?;
    }
    let filter = store::client::Filter {
        app: query.app,
        host: query.host,
        label: query.label,
        after: cursor(query.after.as_deref())?,
        limit: limit + 1,
    };
    let rows = app
        .list(&filter, |conn, filter| {
            Box::pin(store::client::list(conn, filter))
        })
        .await?;
    Ok(axum::Json(page(rows, limit, |row| row.id.to_string())))
}
