//! The admin API, `/api/v1`: what the console and operators' programs use.

use utoipa_axum::router::OpenApiRouter;

use crate::app::Shared;

pub mod app;
pub mod calendar;
pub mod cluster;
pub mod events;
pub mod instance;
pub mod job;
pub mod limit;
pub mod overview;
pub mod schedule;
pub mod session;
pub mod version;

/// Routes for people.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .merge(session::router())
        .merge(app::router())
        .merge(job::router())
        .merge(calendar::router())
        .merge(schedule::router())
        .merge(version::router())
        .merge(instance::router())
        .merge(limit::router())
        .merge(overview::router())
        .merge(cluster::router())
        .merge(events::router())
}
