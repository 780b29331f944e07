//! What is malformed is told with its field and what to write instead.

use antares_protocol::problem::ProblemKind;
use reqwest::Method;

use super::fixture::{Caller, Findings, Fixture, send};

#[tokio::test]
async fn what_cannot_be_read_is_told_with_the_remedy() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let spec = |rest: &str| format!(r#"{{"app":"shop","spec":{{"name":"new",{rest}}}}}"#);
    let cases = [
        (
            spec(r#""overlap":"queue""#),
            Some("spec.overlap.queue"),
            "needs a value",
        ),
        (
            spec(r#""misfire":"all""#),
            Some("spec.misfire.all"),
            "needs a value",
        ),
        (
            spec(r#""sharding":"planned""#),
            Some("spec.sharding.planned"),
            "needs a value",
        ),
        (
            spec(r#""start_at":"tomorrow""#),
            Some("spec.start_at"),
            "2026-03-09T08:00:00Z",
        ),
        (
            spec(r#""at":["2026-13-01T00:00:00Z"]"#),
            Some("spec.at[0]"),
            "2026-03-09T08:00:00Z",
        ),
        (spec(r#""cronn":"x""#), Some("spec.cronn"), "unknown field"),
        (
            spec(r#""cron":"a","cron":"b""#),
            Some("spec.cron"),
            "duplicate field",
        ),
        (
            r#"{"app":"shop","spec":{}}"#.to_owned(),
            Some("spec.name"),
            "missing field",
        ),
        (
            r#"{"spec":{"name":"new"}}"#.to_owned(),
            Some("app"),
            "missing field",
        ),
        (
            spec(r#""shard_count":-1"#),
            Some("spec.shard_count"),
            "give a whole number, 1 to 100000",
        ),
        (
            spec(r#""priority":"5""#),
            Some("spec.priority"),
            "without quotes",
        ),
        (
            spec(r#""overlap":{"queue":1,"allow":2}"#),
            Some("spec.overlap"),
            "one of the alternatives, alone",
        ),
        (spec(r#""limits":"crm""#), Some("spec.limits"), "a list"),
        // Neither is rounded in silence.
        (
            spec(r#""param":{"id":[1,12345678901234567890123]}"#),
            Some("spec.param.id[1]"),
            "12345678901234567890123 is an integer beyond 64 bits",
        ),
        (
            spec(r#""param":-9223372036854775809"#),
            Some("spec.param"),
            "-9223372036854775809 is an integer beyond 64 bits",
        ),
    ];
    for (body, field, told) in cases {
        let request = fixture.request(&Method::POST, "/api/v1/jobs", Caller::Admin);
        let request = request.header("content-type", "application/json");
        let answer = send(request.body(body.clone())).await;
        let wrong = answer.differs(ProblemKind::MalformedRequest);
        let wrong = wrong.or_else(|| {
            let is_told = answer.body["field"].as_str() == field && answer.names(told);
            (!is_told).then(|| answer.seen(&format!("field {field:?} and `{told}`")))
        });
        findings.note(&body, wrong);
    }
    findings.unchanged("definitions", &fixture, &before).await;
    findings.conclude(10);
}

#[tokio::test]
async fn a_checkpoint_that_would_be_rounded_is_refused() {
    let fixture = Fixture::new().await;
    let path = format!("/client/v1/clients/{}/renew", fixture.mine.id);
    let shard = fixture.shard();
    let body = format!(
        r#"{{"running":[{{"shard_id":{shard},"attempt":1,"checkpoint":{{"last":18446744073709551617}}}}]}}"#
    );
    let request = fixture.request(&Method::POST, &path, fixture.rightful(&path));
    let request = request.header("content-type", "application/json");
    let answer = send(request.body(body)).await;
    assert_eq!(answer.differs(ProblemKind::MalformedRequest), None);
    assert_eq!(answer.body["field"], "running[0].checkpoint.last");
    let kept = "select count(*) from shard_checkpoint";
    assert_eq!(fixture.world.number(kept, &[]).await, 0);
}

#[tokio::test]
async fn queries_that_cannot_be_meant_are_told_with_the_remedy() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let turned = "from=2026-03-10T00:00:00Z&until=2026-03-09T00:00:00Z";
    for (path, field, told) in [
        (
            format!("/api/v1/jobs/1/explain?{turned}"),
            "until",
            "later instant",
        ),
        (
            format!("/api/v1/instances?{turned}"),
            "until",
            "later instant",
        ),
        (
            "/api/v1/schedule/simulation?app=nope".to_owned(),
            "app",
            "there is no app `nope`",
        ),
        (
            "/api/v1/cron/next?cron=H+0+0+*+*+?".to_owned(),
            "cron",
            "/api/v1/schedule/preview",
        ),
        (
            "/api/v1/instances?limit=x".to_owned(),
            "limit",
            "give a whole number",
        ),
    ] {
        let request = fixture.request(&Method::GET, &path, Caller::Admin);
        let answer = send(request).await;
        let is_told = answer.body["field"].as_str() == Some(field) && answer.names(told);
        let wrong = (!is_told).then(|| answer.seen(&format!("field {field} and `{told}`")));
        findings.note(&path, wrong);
    }
    findings.conclude(5);
}
