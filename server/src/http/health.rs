//! Health and metrics.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;

/// Routes for probes and scrapers.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// Whether the process serves requests. Restart it if not.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = str)))]
async fn healthz() -> &'static str {
    "ok"
}

/// Whether the replica can work. Send it no requests if not; it goes on by itself.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "ready"), (status = 503, description = "what is in trouble")))]
async fn readyz(State(app): State<Shared>) -> Response {
    let mut troubles = app.health.troubles();
    if app.stopping.is_cancelled() {
        troubles.insert("stop", "the server is stopping".to_owned());
    } else if troubles.is_empty() {
        let ping = sqlx::query("select 1").execute(&app.pool);
        match tokio::time::timeout(std::time::Duration::from_secs(2), ping).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                troubles.insert("database", error.to_string());
            }
            Err(_) => {
                troubles.insert("database", "does not answer".to_owned());
            }
        }
    }
    let ready = troubles.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let notices = app.health.notices();
    let body = json!({ "ready": ready, "server_id": app.server_id, "troubles": troubles, "notices": notices });
    (status, axum::Json(body)).into_response()
}

/// Counters in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = str)))]
async fn metrics(State(app): State<Shared>) -> Response {
    let m = &app.metrics;
    let counters = [
        (
            "antares_fired_total",
            "Instances this replica fired by schedule.",
            &m.fired,
        ),
        (
            "antares_claimed_total",
            "Shards this replica handed out.",
            &m.claimed,
        ),
        (
            "antares_reported_total",
            "Results that counted.",
            &m.reported,
        ),
        (
            "antares_stale_total",
            "Results that came too late.",
            &m.stale,
        ),
        (
            "antares_rescued_total",
            "Claims taken back from lost clients.",
            &m.rescued,
        ),
        (
            "antares_conflicts_total",
            "Transactions repeated after a deadlock or serialisation failure.",
            &m.conflicts,
        ),
        (
            "antares_database_errors_total",
            "Statements that failed.",
            &m.database_errors,
        ),
    ];
    let mut lines: Vec<String> = counters
        .iter()
        .map(|(name, help, counter)| {
            format!(
                "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}\n",
                counter.get()
            )
        })
        .collect();
    let ready = u8::from(app.health.troubles().is_empty());
    lines.push(format!(
        "# HELP antares_ready Whether the replica can work.\n# TYPE antares_ready gauge\nantares_ready {ready}\n"
    ));
    if let Some(reads) = &app.reads {
        let usable = u8::from(reads.is_usable());
        lines.push(format!(
            "# HELP antares_read_database_usable Whether lists and history come from it.\n# TYPE antares_read_database_usable gauge\nantares_read_database_usable {usable}\n"
        ));
    }
    (
        [("content-type", "text/plain; version=0.0.4")],
        lines.concat(),
    )
        .into_response()
}
