//! Credentials, paths, methods and queries that are wrong, on every endpoint.

use antares_protocol::problem::ProblemKind;
use reqwest::{Method, RequestBuilder};

use super::document::{Good, Operation, good_requests};
use super::fixture::{Caller, Findings, Fixture, send};

#[tokio::test]
async fn credentials_are_checked_on_every_endpoint() {
    let fixture = Fixture::new().await;
    fixture
        .world
        .execute(
            "insert into session (token_hash, user_name, expires_at)
             values (sha256('expired'), 'admin', now() - interval '1 s')",
        )
        .await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let requests = good_requests(&fixture).await;
    let app = &fixture.app.name;
    // One kind after the other: a wrong secret is hashed the first time only.
    let for_clients = [
        ("no credentials", Caller::Nobody),
        ("an unknown app", Caller::Basic("nobody", "secret")),
        ("a wrong secret", Caller::Basic(app, "wrong")),
        ("no secret", Caller::Basic(app, "")),
        ("an administrator", Caller::Admin),
        ("U+0000 in the name", Caller::Basic("sh\0op", "secret")),
        ("a cookie", Caller::Cookie("forged")),
    ];
    let for_people = [
        ("no credentials", Caller::Nobody),
        ("an unknown user", Caller::Basic("nobody", "secret")),
        ("a wrong password", Caller::Basic("admin", "wrong")),
        ("an app", Caller::Basic(app, &fixture.app.secret)),
        ("U+0000 in the name", Caller::Basic("ad\0min", "secret")),
        ("a forged session", Caller::Cookie("forged")),
        ("an expired session", Caller::Cookie("expired")),
        ("an empty session", Caller::Cookie("")),
    ];
    for (callers, is_admin) in [(&for_clients[..], false), (&for_people[..], true)] {
        for &(what, caller) in callers {
            for (operation, good) in &requests {
                if operation.is_open() || operation.is_admin() != is_admin {
                    continue;
                }
                assert!(
                    !operation.security.is_empty(),
                    "{} declares no security",
                    operation.name()
                );
                let answer = send(call(&fixture, operation, good, caller)).await;
                let case = format!("{} from {what}", operation.name());
                findings.note(&case, answer.differs(ProblemKind::Unauthorized));
            }
            findings.unchanged(what, &fixture, &before).await;
        }
    }
    for header in [
        "basic",
        "Basic ***",
        "Basic bm9jb2xvbg==",
        "Bearer x",
        "Basic //8=",
    ] {
        for path in ["/api/v1/jobs", "/client/v1/clients"] {
            let method = if path.starts_with("/api") {
                Method::GET
            } else {
                Method::POST
            };
            let request = fixture
                .request(&method, path, Caller::Nobody)
                .header("authorization", header);
            findings.note(
                &format!("{path} with {header}"),
                send(request).await.differs(ProblemKind::Unauthorized),
            );
        }
    }
    findings.conclude(250);
}

/// The good request, made by `caller`.
fn call(
    fixture: &Fixture,
    operation: &Operation,
    good: &Good,
    caller: Caller<'_>,
) -> RequestBuilder {
    let request = fixture.request(&operation.method, &good.path(operation), caller);
    match &good.body {
        Some(body) => request.json(body),
        None => request,
    }
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let host = fixture.server.address().to_owned();
    let headers = [
        ("origin", "http://evil.example".to_owned()),
        ("origin", "null".to_owned()),
        ("origin", format!("http://{host}.evil.example")),
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
    ];
    for (operation, good) in good_requests(&fixture).await {
        if !operation.is_admin() || operation.method == Method::GET {
            continue;
        }
        for (name, value) in &headers {
            let request = call(&fixture, &operation, &good, Caller::Admin).header(*name, value);
            let case = format!("{} with {name}: {value}", operation.name());
            findings.note(&case, send(request).await.differs(ProblemKind::Forbidden));
        }
        findings
            .unchanged(&operation.name(), &fixture, &before)
            .await;
    }
    // The console's own requests pass.
    for (name, value) in [
        ("origin", format!("http://{host}")),
        ("sec-fetch-site", "same-origin".to_owned()),
    ] {
        let path = format!("/api/v1/jobs/{}/pause", fixture.idle);
        let answer = send(
            fixture
                .request(&Method::POST, &path, Caller::Admin)
                .header(name, value),
        )
        .await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let path = format!("/api/v1/jobs/{}/resume", fixture.idle);
        send(fixture.request(&Method::POST, &path, Caller::Admin)).await;
    }
    findings.conclude(80);
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_refused() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let requests = good_requests(&fixture).await;
    let unknown_id = uuid::Uuid::now_v7().to_string();
    for (operation, good) in &requests {
        let is_client = operation.template.starts_with("/client/");
        let caller = fixture.rightful(&operation.template);
        if operation.template.contains("{id}") {
            let is_server = operation.template.starts_with("/api/v1/servers/");
            let (malformed, unknown): (&[&str], Vec<&str>) = if is_client || is_server {
                let theirs = if is_server {
                    fixture.gone
                } else {
                    fixture.theirs.id
                };
                (
                    &[
                        "7",
                        "zz",
                        "%00",
                        "..%2f..",
                        "01a203b0-ccc9-77f1-9d32-aefbcb270b8",
                    ],
                    vec![&unknown_id, theirs.to_string().leak()],
                )
            } else {
                (
                    &[
                        "abc",
                        "9223372036854775808",
                        "-9223372036854775809",
                        "1.0",
                        "1e3",
                        "0x1",
                        "%00",
                        "1%2F2",
                        "%20",
                    ],
                    vec![
                        "9223372036854775807",
                        "-9223372036854775808",
                        "0",
                        "-1",
                        "999999",
                    ],
                )
            };
            let cases = malformed
                .iter()
                .map(|id| (*id, ProblemKind::MalformedRequest));
            for (id, kind) in cases.chain(unknown.into_iter().map(|id| (id, ProblemKind::NotFound)))
            {
                let bad = Good {
                    id: id.to_owned(),
                    query: good.query,
                    body: good.body.clone(),
                };
                let answer = send(call(&fixture, operation, &bad, caller)).await;
                let wrong = if kind == ProblemKind::MalformedRequest {
                    answer.differs_at(kind, "id")
                } else {
                    answer.differs(kind)
                };
                findings.note(&format!("{} of {id}", operation.name()), wrong);
            }
        }
        let path = good.path(operation);
        for method in [
            "DELETE", "PATCH", "PUT", "POST", "GET", "TRACE", "OPTIONS", "BREW",
        ] {
            let there = requests.iter().any(|(other, _)| {
                other.template == operation.template && other.method.as_str() == method
            });
            if !there {
                let method: Method = method.parse().expect("a method");
                let answer = send(fixture.request(&method, &path, caller)).await;
                findings.note(
                    &format!("{method} {path}"),
                    answer.differs(ProblemKind::MethodNotAllowed),
                );
            }
        }
        findings
            .unchanged(&operation.name(), &fixture, &before)
            .await;
    }
    for path in [
        "/api/v1/nope",
        "/api/v2/jobs",
        "/client/v1/nope",
        "/api/v1/jobs/1/nope",
        "/api/v1/jobs/",
        "/metrics/x",
    ] {
        let answer = send(fixture.request(&Method::GET, path, Caller::Admin)).await;
        findings.note(path, answer.differs(ProblemKind::NotFound));
    }
    findings.conclude(350);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "mostly a table")]
async fn queries_that_are_not_allowed_name_the_parameter() {
    use ProblemKind::{InvalidField, MalformedRequest};
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    let long = "x".repeat(201);
    for (operation, good) in good_requests(&fixture).await {
        if !operation.query.is_empty() {
            // One that is misspelt would list what was not asked for.
            let path = operation.template.replace("{id}", &good.id);
            let path = format!("{path}?{}&colour=red", good.query);
            let answer = send(fixture.request(&operation.method, &path, Caller::Admin)).await;
            findings.note(&path, answer.differs_at(MalformedRequest, "colour"));
        }
        for (name, required) in &operation.query {
            let is_time = operation.template.ends_with("/next");
            let values: Vec<(ProblemKind, &str)> = match name.as_str() {
                "limit" => vec![
                    (InvalidField, "0"),
                    (InvalidField, "501"),
                    (InvalidField, "4294967295"),
                    (MalformedRequest, "-1"),
                    (MalformedRequest, "abc"),
                    (MalformedRequest, "4294967296"),
                    (MalformedRequest, "1.5"),
                    (MalformedRequest, "1&limit=2"),
                ],
                "count" => vec![
                    (InvalidField, "0"),
                    (InvalidField, "1001"),
                    (MalformedRequest, "-1"),
                    (MalformedRequest, "abc"),
                ],
                "after" if is_time => vec![
                    (MalformedRequest, "garbage"),
                    (MalformedRequest, "2026-03-09"),
                    (MalformedRequest, "1"),
                    (MalformedRequest, "2026-02-30T00:00:00Z"),
                ],
                // Limits are paged by their names, which may be anything.
                "after" if operation.template == "/api/v1/limits" => {
                    vec![(InvalidField, "%00"), (InvalidField, &long)]
                }
                "after" => vec![
                    (InvalidField, "garbage!"),
                    (InvalidField, "%00"),
                    (InvalidField, "-"),
                    (InvalidField, ""),
                    (InvalidField, "99999999999999999999"),
                    (InvalidField, "1-2-3"),
                    (InvalidField, "-262143-01-01T00:00:00Z"),
                ],
                "search" | "app" | "job" | "calendar" | "host" | "label" => vec![
                    (InvalidField, "%00"),
                    (InvalidField, "a%00b"),
                    (InvalidField, &long),
                ],
                "state" => vec![
                    (MalformedRequest, "garbage"),
                    (MalformedRequest, ""),
                    (MalformedRequest, "WAITING"),
                ],
                // Other triggers are known to newer servers, so a word is read before it is refused.
                "trigger" => vec![
                    (InvalidField, "garbage"),
                    (InvalidField, ""),
                    (InvalidField, "SCHEDULE"),
                ],
                "min_duration_ms" => vec![
                    (MalformedRequest, "abc"),
                    (MalformedRequest, "-1"),
                    (MalformedRequest, ""),
                ],
                "job_id" | "cause_id" => vec![
                    (MalformedRequest, "abc"),
                    (MalformedRequest, "9223372036854775808"),
                    (MalformedRequest, ""),
                ],
                "server_id" => vec![
                    (MalformedRequest, "abc"),
                    (MalformedRequest, "01a214cc-efc6-750b"),
                    (MalformedRequest, ""),
                ],
                "cron" => vec![
                    (InvalidField, ""),
                    (InvalidField, "0+0+25+*+*+?"),
                    (InvalidField, "%00"),
                    (InvalidField, &long),
                ],
                "time_zone" => vec![
                    (InvalidField, "Mars/Olympus"),
                    (InvalidField, ""),
                    (InvalidField, "%00"),
                ],
                "from" | "to" | "until" => {
                    vec![(MalformedRequest, "abc"), (MalformedRequest, "")]
                }
                unknown => panic!(
                    "{}: add cases for the parameter {unknown}",
                    operation.name()
                ),
            };
            let path = operation.template.replace("{id}", &good.id);
            let rest: Vec<&str> = good
                .query
                .split('&')
                .filter(|pair| !pair.starts_with(&format!("{name}=")))
                .collect();
            let rest = format!("&{}", rest.join("&"));
            for (kind, value) in values {
                let path = format!("{path}?{name}={value}{rest}");
                let answer = send(fixture.request(&operation.method, &path, Caller::Admin)).await;
                let wrong = answer.differs(kind).or_else(|| {
                    (answer.body["field"] != **name)
                        .then(|| answer.seen(&format!("the field {name}")))
                });
                findings.note(&path.chars().take(100).collect::<String>(), wrong);
            }
            if *required {
                let answer = send(fixture.request(
                    &operation.method,
                    &format!("{path}?{rest}"),
                    Caller::Admin,
                ))
                .await;
                let case = format!("{} without {name}", operation.name());
                findings.note(&case, answer.differs(MalformedRequest));
                findings.note(
                    &case,
                    (answer.body["field"] != **name).then(|| answer.seen("the parameter's name")),
                );
            }
        }
    }
    findings.unchanged("queries", &fixture, &before).await;
    findings.conclude(100);
}
