//! What the state of things forbids: actions, versions, and what belongs to other clients and apps.

use antares_protocol::client::{ClaimToken, Outcome, ReportStatus};
use antares_protocol::problem::ProblemKind;
use reqwest::Method;
use serde_json::json;

use super::document::definition;
use super::fixture::{Answer, Caller, Findings, Fixture, send};

/// Each state with each action, and the state that it leads to, if it is allowed.
const TRANSITIONS: [(&str, [Option<&str>; 6]); 4] = [
    // enable, disable, schedule, stop, pause, resume
    ("disabled", [Some("waiting"), None, None, None, None, None]),
    (
        "stopped",
        [None, Some("disabled"), Some("waiting"), None, None, None],
    ),
    (
        "waiting",
        [
            None,
            Some("disabled"),
            None,
            Some("stopped"),
            Some("paused"),
            None,
        ],
    ),
    (
        "paused",
        [
            None,
            Some("disabled"),
            None,
            Some("stopped"),
            None,
            Some("waiting"),
        ],
    ),
];

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "mostly a table")]
async fn actions_that_the_state_forbids_are_answered_with_the_state() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let path = |job: i64, action: &str| format!("/api/v1/jobs/{job}/{action}");
    let illegal = |answer: &Answer, state: &str| {
        answer
            .differs(ProblemKind::IllegalState)
            .or_else(|| (!answer.names(state)).then(|| answer.seen(state)))
    };
    for (state, outcomes) in TRANSITIONS {
        let job = fixture.app.job(&format!("in {state}"), |_| {}).await;
        match state {
            "disabled" => job.act("disable").await,
            "stopped" => job.act("stop").await,
            "paused" => job.act("pause").await,
            _ => {}
        }
        let before = fixture.snapshot().await;
        for (action, outcome) in ["enable", "disable", "schedule", "stop", "pause", "resume"]
            .iter()
            .zip(outcomes)
        {
            if outcome.is_none() {
                let answer =
                    send(fixture.request(&Method::POST, &path(job.id, action), Caller::Admin))
                        .await;
                findings.note(&format!("{action} while {state}"), illegal(&answer, state));
            }
        }
        let answer =
            send(fixture.request(&Method::POST, &path(job.id, "terminate"), Caller::Admin)).await;
        findings.note(&format!("terminate while {state}"), illegal(&answer, state));
        if state != "waiting" {
            let answer =
                send(fixture.request(&Method::POST, &path(job.id, "trigger"), Caller::Admin)).await;
            findings.note(&format!("trigger while {state}"), illegal(&answer, state));
        }
        findings.unchanged(state, &fixture, &before).await;
    }
    let before = fixture.snapshot().await;
    for action in ["enable", "schedule", "resume"] {
        let answer =
            send(fixture.request(&Method::POST, &path(fixture.busy, action), Caller::Admin)).await;
        findings.note(
            &format!("{action} while it runs"),
            answer.differs(ProblemKind::IllegalState),
        );
    }
    let answer =
        send(fixture.request(&Method::POST, &path(fixture.busy, "trigger"), Caller::Admin)).await;
    findings.note("trigger while it runs", illegal(&answer, "running"));
    let answer = send(fixture.request(
        &Method::DELETE,
        &format!("/api/v1/apps/{}", fixture.app.id),
        Caller::Admin,
    ))
    .await;
    findings.note("delete an app with jobs", illegal(&answer, "jobs"));
    for (change, kind) in [
        (
            json!({ "version": 2, "spec": definition("idle") }),
            ProblemKind::VersionConflict,
        ),
        (
            json!({ "version": 0, "spec": definition("idle") }),
            ProblemKind::VersionConflict,
        ),
        (
            json!({ "version": -1, "spec": definition("idle") }),
            ProblemKind::VersionConflict,
        ),
    ] {
        let request = fixture.request(
            &Method::PUT,
            &format!("/api/v1/jobs/{}", fixture.idle),
            Caller::Admin,
        );
        let answer = send(request.json(&change)).await;
        findings.note(
            &format!("version {}", change["version"]),
            answer.differs(kind),
        );
        findings.note(
            "the current version",
            (!answer.names("version 1")).then(|| answer.seen("version 1")),
        );
    }
    findings.unchanged("what runs", &fixture, &before).await;
    // An instance that has ended cannot end again.
    let terminate = format!("/api/v1/instances/{}/terminate", fixture.instance);
    assert_eq!(
        send(fixture.request(&Method::POST, &terminate, Caller::Admin))
            .await
            .status,
        200
    );
    let before = fixture.snapshot().await;
    let answer = send(fixture.request(&Method::POST, &terminate, Caller::Admin)).await;
    findings.note("terminate twice", answer.differs(ProblemKind::IllegalState));
    findings
        .unchanged("terminate twice", &fixture, &before)
        .await;
    findings.conclude(35);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "mostly a table")]
async fn a_client_is_confined_to_its_app_and_to_what_it_holds() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let own = fixture.shard();
    let token = |shard_id: i64, attempt: i16| ClaimToken { shard_id, attempt };
    let stale = [
        ("another client's shard", &fixture.mate, token(own, 1)),
        (
            "a shard of another app",
            &fixture.mine,
            token(fixture.foreign_shard, 1),
        ),
        ("a shard that waits", &fixture.mine, token(own + 1, 1)),
        ("an older attempt", &fixture.mine, token(own, 0)),
        ("a later attempt", &fixture.mine, token(own, 2)),
        (
            "a shard that does not exist",
            &fixture.mine,
            token(own + 2, 1),
        ),
        (
            "the largest number",
            &fixture.mine,
            token(i64::MAX, i16::MAX),
        ),
        (
            "the smallest number",
            &fixture.mine,
            token(i64::MIN, i16::MIN),
        ),
    ];
    for (what, client, token) in stale {
        for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::Later] {
            let status = client.report(token, outcome).await;
            findings.note(
                what,
                (status != ReportStatus::Stale)
                    .then(|| format!("{outcome:?} of {token:?}: {status:?}")),
            );
        }
        let line = json!({
            "shard_id": token.shard_id, "attempt": token.attempt, "logged_at": "2026-01-01T00:00:00Z", "level": "info",
            "message": "not mine",
        });
        let path = format!("/client/v1/clients/{}/logs", client.id);
        let answer = send(
            fixture
                .request(&Method::POST, &path, fixture.rightful(&path))
                .json(&json!({ "lines": [line] })),
        )
        .await;
        findings.note(
            what,
            (answer.status != 204).then(|| answer.seen("204, and the line dropped")),
        );
        let cancelled = client.renew(&[token]).await;
        let told = cancelled
            .iter()
            .any(|cancel| (cancel.shard_id, cancel.attempt) == (token.shard_id, token.attempt));
        findings.note(
            what,
            (!told).then(|| format!("not told to stop {token:?}: {cancelled:?}")),
        );
    }
    // Another app's client, and one that has left.
    let secret = Caller::Basic(&fixture.other.name, &fixture.other.secret);
    let bodies = [
        ("renew", json!({ "running": [] })),
        ("claim", json!({ "max": 1 })),
        ("report", json!({ "results": [] })),
        ("logs", json!({ "lines": [] })),
    ];
    for (call, body) in &bodies {
        let path = format!("/client/v1/clients/{}/{call}", fixture.mine.id);
        let answer = send(fixture.request(&Method::POST, &path, secret).json(body)).await;
        findings.note(
            &format!("{call} as another app's client"),
            answer.differs(ProblemKind::NotFound),
        );
        if *call != "report" {
            let path = format!("/client/v1/clients/{}/{call}", fixture.gone);
            let answer = send(
                fixture
                    .request(&Method::POST, &path, fixture.rightful(&path))
                    .json(body),
            )
            .await;
            findings.note(
                &format!("{call} after it left"),
                answer.differs(ProblemKind::ClientGone),
            );
        }
    }
    let path = format!("/client/v1/clients/{}", fixture.mine.id);
    let answer = send(fixture.request(&Method::DELETE, &path, secret)).await;
    findings.note(
        "leave as another app's client",
        answer.differs(ProblemKind::NotFound),
    );
    // No client of another app is given the shard that waits.
    assert_eq!(fixture.theirs.claim(10, 0).await, []);
    assert_eq!(fixture.mate.claim(10, 0).await, []);
    findings
        .unchanged("what is not theirs", &fixture, &before)
        .await;
    // What is its own still counts.
    assert_eq!(
        fixture.mine.report(token(own, 1), Outcome::Succeeded).await,
        ReportStatus::Accepted
    );
    findings.conclude(40);
}
