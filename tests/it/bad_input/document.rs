//! The endpoints that the OpenAPI document declares, and a good request for each of them.

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::Fixture;

/// An operation of the document.
#[derive(Debug)]
pub(super) struct Operation {
    pub method: Method,
    pub template: String,
    /// Names of the parameters of the query, and whether they are required.
    pub query: Vec<(String, bool)>,
    /// Names of the schemes that are enough.
    pub security: Vec<String>,
    /// The schema of the body, if it takes one.
    pub schema: Option<Value>,
    pub body_required: bool,
}

impl Operation {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    pub(super) fn is_admin(&self) -> bool {
        self.template.starts_with("/api/")
    }

    /// Whether it needs no credentials.
    pub(super) fn is_open(&self) -> bool {
        !self.is_admin() && !self.template.starts_with("/client/")
            || matches!(self.template.as_str(), "/api/v1/login" | "/api/v1/logout")
    }
}

/// Every operation that the server declares.
pub(super) async fn operations(fixture: &Fixture) -> Vec<Operation> {
    let document: Value = fixture.server.admin().get("/api/openapi.json").await;
    let paths = document["paths"]
        .as_object()
        .expect("the document has paths");
    let mut operations = Vec::new();
    for (template, methods) in paths {
        for (method, operation) in methods.as_object().expect("a path has methods") {
            let parameters = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let security = operation["security"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            operations.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                template: template.clone(),
                query: parameters
                    .iter()
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| {
                        let name = parameter["name"].as_str().expect("a parameter has a name");
                        (name.to_owned(), parameter["required"] == true)
                    })
                    .collect(),
                security: security
                    .iter()
                    .filter_map(|scheme| scheme.as_object()?.keys().next().cloned())
                    .collect(),
                schema: operation.get("requestBody").map(|body| {
                    let schema = &body["content"]["application/json"]["schema"];
                    resolve(&document, schema)
                        .unwrap_or_else(|| panic!("{template}: no schema in {body}"))
                }),
                body_required: operation["requestBody"]["required"] == true,
            });
        }
    }
    assert!(operations.len() >= 40, "{} operations", operations.len());
    operations
}

/// Follows references; of alternatives, takes the one that is not null.
fn resolve(document: &Value, schema: &Value) -> Option<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return document.pointer(reference.trim_start_matches('#')).cloned();
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        return alternatives
            .iter()
            .find_map(|alternative| resolve(document, alternative));
    }
    schema.is_object().then(|| schema.clone())
}

/// A request that the server would take.
#[derive(Debug)]
pub(super) struct Good {
    /// For `{id}` of the template.
    pub id: String,
    pub query: &'static str,
    pub body: Option<Value>,
}

impl Good {
    pub(super) fn path(&self, operation: &Operation) -> String {
        let path = operation.template.replace("{id}", &self.id);
        let path = path.replace("{name}", &self.id).replace("{version}", "1");
        if self.query.is_empty() {
            path
        } else {
            format!("{path}?{}", self.query)
        }
    }
}

/// A definition with every field set.
pub(super) fn definition(name: &str) -> Value {
    json!({
        "name": name, "description": "what it does", "kind": "handler", "handler": "work",
        "cron": "0 0 3 * * ?", "time_zone": "Asia/Shanghai", "param": { "a": ["b"] }, "shard_count": 2,
        "shard_params": ["x", { "y": "z" }], "max_shards_per_client": 1, "max_attempts": 3,
        "shard_timeout_ms": 1000, "instance_timeout_ms": 1000, "dst_gap": "after", "dst_fold": "both",
        "start_at": "2026-01-01T00:00:00Z", "end_at": "2027-01-01T00:00:00Z", "jitter_ms": 1000,
        "misfire": { "all": { "max": 3, "window_ms": 60000 } }, "overlap": { "queue": 2 }, "join": "any",
        "assignment": { "chosen": { "hosts": ["h"], "ips": ["10.0.0.1"], "labels": { "zone": "a" } } }, "no_client": "skip",
        "priority": 5, "max_running_shards": 4, "sharding": "fixed", "allowed_failures": 1, "cancel_on_failure": true,
        "retry": { "delay_ms": 1000, "backoff": "exponential", "max_delay_ms": 60000, "jitter_percent": 10 },
        "include_calendars": ["holidays"], "exclude_calendars": [], "limits": ["crm"], "depends_on": [],
    })
}

/// A calendar with every field set.
pub(super) fn calendar(name: &str) -> Value {
    json!({
        "name": name, "description": "d", "time_zone": "Asia/Shanghai",
        "dates": [{ "date": "2026-10-01", "yearly": true, "label": "l" }],
        "weekly": [{ "days": ["Sat", "Sun"], "from": "22:00:00", "until": "04:00:00", "label": "l" }],
        "spans": [{ "from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "label": "l" }],
    })
}

/// A good request for `operation`; `None` if this table has none, which fails the test.
pub(super) fn good(fixture: &Fixture, operation: &Operation) -> Option<Good> {
    let at = "2026-03-09T08:06:09Z";
    let mine = fixture.mine.id.to_string();
    let (app, idle, instance) = (
        fixture.app.id.to_string(),
        fixture.idle.to_string(),
        fixture.instance.to_string(),
    );
    let result = json!({
        "shard_id": fixture.shard(), "attempt": 1, "outcome": "succeeded", "error": "e", "output": "o",
        "delay_ms": 1, "started_at": at, "ended_at": at,
    });
    let plain = |id: &str| (id.to_owned(), "", None);
    let posting = |id: &str, body: Value| (id.to_owned(), "", Some(body));
    let (id, query, body) = match operation.name().as_str() {
        "POST /client/v1/clients" => posting(
            "",
            json!({
                "host": "h", "ip": "10.0.0.1", "pid": 7, "sdk": "curl", "version": "1", "handlers": ["work"],
                "labels": { "zone": "a" }, "slots": 4,
            }),
        ),
        "DELETE /client/v1/clients/{id}" => plain(&mine),
        "POST /client/v1/clients/{id}/renew" => posting(
            &mine,
            json!({ "running": [{ "shard_id": fixture.shard(), "attempt": 1, "checkpoint": { "at": 1 }, "progress": 5 }] }),
        ),
        "POST /client/v1/clients/{id}/claim" => posting(
            &mine,
            json!({ "max": 1, "wait_ms": 0, "results": [result] }),
        ),
        "POST /client/v1/clients/{id}/report" => posting(&mine, json!({ "results": [result] })),
        "POST /client/v1/clients/{id}/logs" => posting(
            &mine,
            json!({ "lines": [{
            "shard_id": fixture.shard(), "attempt": 1, "logged_at": at, "level": "info", "message": "m",
        }] }),
        ),
        "POST /api/v1/login" => {
            posting("", json!({ "user": "admin", "password": "antares-tests" }))
        }
        "POST /api/v1/logout"
        | "GET /api/v1/session"
        | "GET /api/v1/apps"
        | "GET /api/v1/jobs"
        | "GET /api/v1/instances"
        | "GET /api/v1/servers"
        | "GET /api/v1/clients"
        | "GET /api/v1/events"
        | "GET /healthz"
        | "GET /readyz"
        | "GET /metrics" => plain(""),
        "POST /api/v1/apps" => posting(
            "",
            json!({ "name": "new", "description": "d", "secret": "a secret" }),
        ),
        "GET /api/v1/apps/{id}" | "DELETE /api/v1/apps/{id}" => plain(&app),
        "PATCH /api/v1/apps/{id}" => posting(&app, json!({ "description": "d" })),
        "POST /api/v1/apps/{id}/secret" => posting(&app, json!({ "secret": "another secret" })),
        "POST /api/v1/jobs" => posting(
            "",
            json!({
                "app": fixture.app.name, "enabled": true, "spec": definition("new"),
            }),
        ),
        "PUT /api/v1/jobs/{id}" => {
            posting(&idle, json!({ "version": 1, "spec": definition("idle") }))
        }
        "POST /api/v1/jobs/{id}/trigger" => posting(
            &idle,
            json!({ "param": { "a": ["b"] }, "idempotency_key": "k", "priority": 1, "delay_ms": 60000 }),
        ),
        "POST /api/v1/triggers" => posting(
            "",
            json!({ "triggers": [{ "job_id": fixture.idle, "param": { "a": ["b"] }, "idempotency_key": "k", "priority": 1, "delay_ms": 60000 }] }),
        ),
        "GET /api/v1/jobs/{id}"
        | "DELETE /api/v1/jobs/{id}"
        | "POST /api/v1/jobs/{id}/pause"
        | "POST /api/v1/jobs/{id}/resume"
        | "POST /api/v1/jobs/{id}/stop"
        | "POST /api/v1/jobs/{id}/schedule"
        | "POST /api/v1/jobs/{id}/enable"
        | "POST /api/v1/jobs/{id}/disable"
        | "POST /api/v1/jobs/{id}/terminate"
        | "GET /api/v1/jobs/{id}/next" => plain(&idle),
        "GET /api/v1/cron/next" => (String::new(), "cron=0+0+3+*+*+?", None),
        "GET /api/v1/instances/{id}"
        | "GET /api/v1/instances/{id}/explain"
        | "POST /api/v1/instances/{id}/terminate"
        | "GET /api/v1/instances/{id}/shards"
        | "GET /api/v1/instances/{id}/attempts" => plain(&instance),
        "GET /api/v1/shards/{id}/logs" => plain(&fixture.shard().to_string()),
        "GET /api/v1/ticks" => (String::new(), "job_id=1", None),
        _ => return good_schedule(fixture, operation),
    };
    Some(Good { id, query, body })
}

/// As [`good`], of schedules, versions, calendars and limits.
fn good_schedule(fixture: &Fixture, operation: &Operation) -> Option<Good> {
    let at = "2026-03-09T08:06:09Z";
    let (app, idle) = (fixture.app.id.to_string(), fixture.idle.to_string());
    let plain = |id: &str| (id.to_owned(), "", None);
    let posting = |id: &str, body: Value| (id.to_owned(), "", Some(body));
    let (id, query, body) = match operation.name().as_str() {
        "GET /api/v1/jobs/{id}/versions"
        | "GET /api/v1/jobs/{id}/versions/{version}"
        | "GET /api/v1/jobs/{id}/explain" => plain(&idle),
        "GET /api/v1/jobs/{id}/diff" => (idle, "from=1&to=1", None),
        "POST /api/v1/jobs/{id}/rollback" => posting(&idle, json!({ "version": 1, "based_on": 1 })),
        "POST /api/v1/jobs/{id}/backfill" => posting(
            &idle,
            json!({ "from": at, "until": "2026-03-10T08:06:09Z", "dry_run": true, "interval_ms": 1000 }),
        ),
        "POST /api/v1/apps/{id}/copy" => posting(
            &app,
            json!({ "to": fixture.other.name, "jobs": ["idle"], "replace": true, "enabled": true }),
        ),
        "POST /api/v1/schedule/preview" => posting(
            "",
            json!({ "app": "shop", "spec": definition("new"), "after": at, "count": 3 }),
        ),
        "GET /api/v1/calendars"
        | "GET /api/v1/limits"
        | "GET /api/v1/schedule/simulation"
        | "GET /api/v1/overview"
        | "GET /api/v1/dependencies" => plain(""),
        "POST /api/v1/calendars" => posting("", calendar("new")),
        "GET /api/v1/calendars/{id}" | "DELETE /api/v1/calendars/{id}" => {
            plain(&fixture.calendar.to_string())
        }
        "PUT /api/v1/calendars/{id}" => posting(
            &fixture.calendar.to_string(),
            json!({ "version": 1, "spec": calendar("holidays") }),
        ),
        "POST /api/v1/calendars/{id}/import" => posting(
            &fixture.calendar.to_string(),
            json!({
                "version": 1, "replace": true, "until": "2030-01-01",
                "ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261003\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            }),
        ),
        "GET /api/v1/calendars/{id}/spans" => (
            fixture.calendar.to_string(),
            "from=2026-12-01&until=2026-12-31",
            None,
        ),
        "GET /api/v1/limits/{name}" | "DELETE /api/v1/limits/{name}" => plain("crm"),
        "PUT /api/v1/limits/{name}" => posting(
            "crm",
            json!({ "max_running_shards": 3, "description": "d" }),
        ),
        "POST /api/v1/instances/{id}/rerun" => plain(&fixture.failed.to_string()),
        "POST /api/v1/servers/{id}/drain" | "POST /api/v1/servers/{id}/resume" => {
            plain(&fixture.server_id.to_string())
        }
        _ => return None,
    };
    Some(Good { id, query, body })
}

/// Every operation with a good request.
pub(super) async fn good_requests(fixture: &Fixture) -> Vec<(Operation, Good)> {
    let mut missing = Vec::new();
    let mut requests = Vec::new();
    for operation in operations(fixture).await {
        match good(fixture, &operation) {
            Some(good) => {
                assert_eq!(
                    good.body.is_some(),
                    operation.schema.is_some(),
                    "body of {}",
                    operation.name()
                );
                requests.push((operation, good));
            }
            None => missing.push(operation.name()),
        }
    }
    assert!(
        missing.is_empty(),
        "add good requests for these to tests/it/bad_input/document.rs: {missing:?}"
    );
    requests
}
