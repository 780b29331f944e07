//! Servers and clients.

use antares_protocol::cluster::{Client, Server};
use antares_protocol::page::Page;
use antares_protocol::problem::Problem;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::Shared;
use crate::engine::hint::Hint;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Path, Query, cursor, limit, page, storable};
use crate::pipeline::{self, retry};
use crate::store;

/// Routes for servers and clients.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(servers))
        .routes(routes!(drain))
        .routes(routes!(resume))
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

/// Drain a server: others fire its jobs from now on. It still answers calls and hands out shards, so that whoever is
/// connected to it works on, and stays drained until it is resumed or started anew. Should no other server be left, it
/// fires again. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/servers/{id}/drain", tag = "cluster", security(("session" = []), ("user" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = Server), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn drain(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Server>, ApiError> {
    set_draining(&app, &user, id, true).await
}

/// Resume a drained server: it gets its share of the jobs again. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/servers/{id}/resume", tag = "cluster", security(("session" = []), ("user" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = Server), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn resume(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Server>, ApiError> {
    set_draining(&app, &user, id, false).await
}

async fn set_draining(
    app: &Shared,
    user: &User,
    id: Uuid,
    draining: bool,
) -> Result<axum::Json<Server>, ApiError> {
    let server = retry::on_conflict(app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::server::set_draining(&mut conn, id, draining, app.config.lease_ms()).await
    })
    .await?;
    tracing::info!(server_id = %id, user = user.name, draining, "set whether a server drains");
    app.hints.send(&Hint::servers());
    Ok(axum::Json(server))
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
