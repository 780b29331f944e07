//! Values that have the right type and are not allowed.

use antares_protocol::problem::ProblemKind;
use reqwest::Method;
use serde_json::{Value, json};

use super::document::definition;
use super::fixture::{Caller, Findings, Fixture, send};

/// Fields of a definition with values that are not allowed, and the field that the answer names.
fn definitions() -> Vec<(Value, &'static str)> {
    let long = |n: usize| "x".repeat(n);
    vec![
        (json!({ "name": "" }), "spec.name"),
        (json!({ "name": long(201) }), "spec.name"),
        (json!({ "name": " settle" }), "spec.name"),
        (json!({ "name": "a\nb" }), "spec.name"),
        (json!({ "name": "script", "handler": null }), "spec.name"),
        (json!({ "handler": "" }), "spec.handler"),
        (json!({ "handler": "script" }), "spec.handler"),
        (json!({ "handler": long(201) }), "spec.handler"),
        (json!({ "description": long(10_001) }), "spec.description"),
        (json!({ "kind": "script", "handler": null }), "spec.script"),
        (
            json!({ "kind": "script", "script": { "command": "true" } }),
            "spec.handler",
        ),
        (
            json!({ "kind": "handler", "script": { "command": "true" } }),
            "spec.script",
        ),
        (
            json!({ "kind": "script", "handler": null, "script": { "command": " " } }),
            "spec.script.command",
        ),
        (
            json!({ "kind": "script", "handler": null, "script": { "command": long(256 * 1024 + 1) } }),
            "spec.script.command",
        ),
        (
            json!({ "kind": "script", "handler": null, "script": { "body": { "interpreter": "", "body": "x" } } }),
            "spec.script.body.interpreter",
        ),
        (
            json!({ "kind": "script", "handler": null, "script": { "command": "echo 'a" } }),
            "spec.script.command",
        ),
        (
            json!({ "kind": "script", "handler": null, "script": { "body": { "interpreter": "sh -c \"", "body": "x" } } }),
            "spec.script.body.interpreter",
        ),
        (json!({ "description": "a\0" }), "spec.description"),
        (json!({ "param": { "a": ["\0"] } }), "spec.param"),
        (json!({ "shard_params": ["a", "\0"] }), "spec.shard_params"),
        (
            json!({ "kind": "script", "handler": null, "script": { "body": { "interpreter": "sh", "body": "" } } }),
            "spec.script.body.body",
        ),
        (json!({ "cron": "" }), "spec.cron"),
        (json!({ "cron": "* * * * *" }), "spec.cron"),
        (json!({ "cron": "0 0 25 * * ?" }), "spec.cron"),
        (json!({ "cron": "0 0 0 32 * ?" }), "spec.cron"),
        (json!({ "cron": "0 0 0 ? * 8" }), "spec.cron"),
        (json!({ "cron": "0 0 0 1 FOO ?" }), "spec.cron"),
        (json!({ "cron": "0 0 0 ? * 2#6" }), "spec.cron"),
        (json!({ "cron": "0 0 0 1 1 ? 1969" }), "spec.cron"),
        (json!({ "cron": long(100_000) }), "spec.cron"),
        (json!({ "time_zone": "Mars/Olympus" }), "spec.time_zone"),
        (json!({ "time_zone": "" }), "spec.time_zone"),
        (json!({ "time_zone": "+08:00" }), "spec.time_zone"),
        (
            json!({ "shard_count": 0, "shard_params": [] }),
            "spec.shard_count",
        ),
        (json!({ "shard_count": 100_001 }), "spec.shard_count"),
        (json!({ "shard_count": u32::MAX }), "spec.shard_count"),
        (json!({ "shard_count": 1 }), "spec.shard_params"),
        (json!({ "shard_params": "0=A;2=C" }), "spec.shard_params"),
        (
            json!({ "shard_params": [long(1 << 19), long(1 << 19)] }),
            "spec.shard_params",
        ),
        (json!({ "param": long(1 << 20) }), "spec.param"),
        (
            json!({ "max_shards_per_client": 10_001 }),
            "spec.max_shards_per_client",
        ),
        (json!({ "max_attempts": 0 }), "spec.max_attempts"),
        (json!({ "max_attempts": 1001 }), "spec.max_attempts"),
        (
            json!({ "shard_timeout_ms": u64::MAX }),
            "spec.shard_timeout_ms",
        ),
        (
            json!({ "instance_timeout_ms": 31_622_400_001_u64 }),
            "spec.instance_timeout_ms",
        ),
    ]
}

#[tokio::test]
async fn definitions_that_are_not_allowed_name_the_field() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let update = format!("/api/v1/jobs/{}", fixture.idle);
    for (change, field) in definitions() {
        let mut spec = definition("idle");
        for (key, value) in change.as_object().expect("changes are objects") {
            spec[key] = value.clone();
        }
        let shown: String = change.to_string().chars().take(80).collect();
        let request = fixture
            .request(&Method::PUT, &update, Caller::Admin)
            .json(&json!({ "spec": spec }));
        findings.note(
            &format!("update to {shown}"),
            send(request)
                .await
                .differs_at(ProblemKind::InvalidField, field),
        );
        if change.get("name").is_none() {
            spec["name"] = json!("new");
        }
        let body = json!({ "app": fixture.app.name, "spec": spec });
        let request = fixture
            .request(&Method::POST, "/api/v1/jobs", Caller::Admin)
            .json(&body);
        findings.note(
            &format!("create {shown}"),
            send(request)
                .await
                .differs_at(ProblemKind::InvalidField, field),
        );
    }
    for text in ["A;B", "x=A", "-1=A", "0=A;0=B", "100000=A", "0"] {
        let mut spec = definition("new");
        spec["shard_params"] = json!(text);
        let body = json!({ "app": fixture.app.name, "spec": spec });
        let request = fixture
            .request(&Method::POST, "/api/v1/jobs", Caller::Admin)
            .json(&body);
        let wrong = send(request)
            .await
            .differs_at(ProblemKind::MalformedRequest, "spec.shard_params");
        findings.note(&format!("shard_params {text}"), wrong);
    }
    findings.unchanged("definitions", &fixture, &before).await;
    findings.conclude(80);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "mostly a table")]
async fn values_that_are_not_allowed_name_the_field() {
    use ProblemKind::{InvalidField, NameTaken};
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let long = |n: usize| "x".repeat(n);
    let mine = format!("/client/v1/clients/{}", fixture.mine.id);
    let (claim, renew) = (format!("{mine}/claim"), format!("{mine}/renew"));
    let (report, logs) = (format!("{mine}/report"), format!("{mine}/logs"));
    let app = format!("/api/v1/apps/{}", fixture.app.id);
    let trigger = format!("/api/v1/jobs/{}/trigger", fixture.idle);
    let register = |change: Value| {
        let mut body = json!({ "host": "h", "handlers": ["work"], "slots": 1 });
        for (key, value) in change.as_object().expect("changes are objects") {
            body[key] = value.clone();
        }
        body
    };
    let at = "2026-03-09T08:06:09Z";
    let result = json!({ "shard_id": 1, "attempt": 1, "outcome": "later", "started_at": at, "ended_at": at });
    let mut late = result.clone();
    late["delay_ms"] = json!(366_u64 * 24 * 3_600_000 + 1);
    let line =
        json!({ "shard_id": 1, "attempt": 1, "logged_at": at, "level": "info", "message": "m" });
    let token = json!({ "shard_id": 1, "attempt": 1 });
    let labels: Value = (0..101)
        .map(|n| (n.to_string(), json!("x")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let clients = "/client/v1/clients";
    let cases: Vec<(&str, &str, Value, ProblemKind, &str)> = vec![
        (
            "POST",
            clients,
            register(json!({ "host": "" })),
            InvalidField,
            "host",
        ),
        (
            "POST",
            clients,
            register(json!({ "host": " " })),
            InvalidField,
            "host",
        ),
        (
            "POST",
            clients,
            register(json!({ "host": long(501) })),
            InvalidField,
            "host",
        ),
        (
            "POST",
            clients,
            register(json!({ "ip": long(501) })),
            InvalidField,
            "ip",
        ),
        (
            "POST",
            clients,
            register(json!({ "ip": "zz" })),
            InvalidField,
            "ip",
        ),
        (
            "POST",
            clients,
            register(json!({ "sdk": long(501) })),
            InvalidField,
            "sdk",
        ),
        (
            "POST",
            clients,
            register(json!({ "version": long(501) })),
            InvalidField,
            "version",
        ),
        (
            "POST",
            clients,
            register(json!({ "slots": 0 })),
            InvalidField,
            "slots",
        ),
        (
            "POST",
            clients,
            register(json!({ "slots": 10_001 })),
            InvalidField,
            "slots",
        ),
        (
            "POST",
            clients,
            register(json!({ "handlers": [] })),
            InvalidField,
            "handlers",
        ),
        (
            "POST",
            clients,
            register(json!({ "handlers": [""] })),
            InvalidField,
            "handlers",
        ),
        (
            "POST",
            clients,
            register(json!({ "handlers": vec!["x"; 10_001] })),
            InvalidField,
            "handlers",
        ),
        (
            "POST",
            clients,
            register(json!({ "labels": labels })),
            InvalidField,
            "labels",
        ),
        (
            "POST",
            clients,
            register(json!({ "labels": { "a\0b": "x" } })),
            InvalidField,
            "labels",
        ),
        (
            "POST",
            clients,
            register(json!({ "labels": { "a": long(1001) } })),
            InvalidField,
            "labels",
        ),
        ("POST", &claim, json!({ "max": 0 }), InvalidField, "max"),
        ("POST", &claim, json!({ "max": 1001 }), InvalidField, "max"),
        (
            "POST",
            &claim,
            json!({ "max": 1, "wait_ms": 60_001 }),
            InvalidField,
            "wait_ms",
        ),
        (
            "POST",
            &claim,
            json!({ "max": 1, "wait_ms": u64::MAX }),
            InvalidField,
            "wait_ms",
        ),
        (
            "POST",
            &claim,
            json!({ "max": 1, "results": vec![&result; 1001] }),
            InvalidField,
            "results",
        ),
        (
            "POST",
            &claim,
            json!({ "max": 1, "results": [result, late] }),
            InvalidField,
            "results[1].delay_ms",
        ),
        (
            "POST",
            &report,
            json!({ "results": vec![&result; 1001] }),
            InvalidField,
            "results",
        ),
        (
            "POST",
            &report,
            json!({ "results": [late] }),
            InvalidField,
            "results[0].delay_ms",
        ),
        (
            "POST",
            &renew,
            json!({ "running": vec![&token; 20_001] }),
            InvalidField,
            "running",
        ),
        (
            "POST",
            &logs,
            json!({ "lines": vec![&line; 1001] }),
            InvalidField,
            "lines",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "" }),
            InvalidField,
            "name",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "a b" }),
            InvalidField,
            "name",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "a:b" }),
            InvalidField,
            "name",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "ä" }),
            InvalidField,
            "name",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": long(101) }),
            InvalidField,
            "name",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "shop" }),
            NameTaken,
            "name",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "a", "secret": "12345" }),
            InvalidField,
            "secret",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "a", "secret": long(201) }),
            InvalidField,
            "secret",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "a", "secret": "line\nline" }),
            InvalidField,
            "secret",
        ),
        (
            "POST",
            "/api/v1/apps",
            json!({ "name": "a", "description": long(10_001) }),
            InvalidField,
            "description",
        ),
        (
            "PATCH",
            &app,
            json!({ "description": long(10_001) }),
            InvalidField,
            "description",
        ),
        (
            "POST",
            &trigger,
            json!({ "idempotency_key": "" }),
            InvalidField,
            "idempotency_key",
        ),
        (
            "POST",
            &trigger,
            json!({ "idempotency_key": long(201) }),
            InvalidField,
            "idempotency_key",
        ),
        (
            "POST",
            &trigger,
            json!({ "param": long(1 << 20) }),
            InvalidField,
            "param",
        ),
        (
            "POST",
            "/api/v1/jobs",
            json!({ "app": "nobody", "spec": definition("new") }),
            InvalidField,
            "app",
        ),
        (
            "POST",
            "/api/v1/jobs",
            json!({ "app": long(201), "spec": definition("new") }),
            InvalidField,
            "app",
        ),
        (
            "POST",
            "/api/v1/jobs",
            json!({ "app": "shop", "spec": definition("idle") }),
            NameTaken,
            "spec.name",
        ),
    ];
    let secret = format!("{app}/secret");
    let more = vec![(
        "POST",
        secret.as_str(),
        json!({ "secret": "12345" }),
        InvalidField,
        "secret",
    )];
    for (method, path, body, kind, field) in cases.into_iter().chain(more) {
        let method: Method = method.parse().expect("a method");
        let answer = send(
            fixture
                .request(&method, path, fixture.rightful(path))
                .json(&body),
        )
        .await;
        let shown: String = body.to_string().chars().take(80).collect();
        findings.note(
            &format!("{method} {path} {shown}"),
            answer.differs_at(kind, field),
        );
    }
    findings.unchanged("values", &fixture, &before).await;
    findings.conclude(40);
}
