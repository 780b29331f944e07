//! Instants that PostgreSQL cannot store: from clients whose clock is wrong.

use reqwest::Method;
use serde_json::json;

use super::fixture::{Findings, Fixture, send};

#[tokio::test]
async fn times_out_of_range_harm_nobody() {
    let fixture = Fixture::new().await;
    let mine = format!("/client/v1/clients/{}", fixture.mine.id);
    let mut findings = Findings::default();
    for at in [
        "-262143-01-01T00:00:00Z",
        "-200000-01-01T00:00:00Z",
        "+262142-12-31T23:59:59Z",
    ] {
        for field in ["started_at", "ended_at"] {
            let mut result = json!({
                "shard_id": 1, "attempt": 1, "outcome": "failed", "started_at": "2026-01-01T00:00:00Z",
                "ended_at": "2026-01-01T00:00:00Z",
            });
            result[field] = json!(at);
            for (call, body) in [
                ("report", json!({ "results": [result] })),
                ("claim", json!({ "max": 1000, "results": [result] })),
            ] {
                let request = fixture.request(
                    &Method::POST,
                    &format!("{mine}/{call}"),
                    fixture.rightful(&mine),
                );
                let answer = send(request.json(&body)).await;
                let wrong = answer
                    .status
                    .is_server_error()
                    .then(|| answer.seen("no 5xx"));
                findings.note(&format!("{call} with {field} {at}"), wrong);
            }
        }
        let line = json!({ "shard_id": fixture.shard(), "attempt": 1, "logged_at": at, "level": "info", "message": "m" });
        let request = fixture.request(
            &Method::POST,
            &format!("{mine}/logs"),
            fixture.rightful(&mine),
        );
        let answer = send(request.json(&json!({ "lines": [line] }))).await;
        findings.note(
            &format!("logs {at}"),
            answer
                .status
                .is_server_error()
                .then(|| answer.seen("no 5xx")),
        );
        let (ready, body) = fixture
            .server
            .admin()
            .readyz()
            .await
            .expect("the server answers");
        findings.note("readyz", (ready != 200).then(|| body.to_string()));
    }
    findings.conclude(18);
}
