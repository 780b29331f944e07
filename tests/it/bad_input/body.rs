//! Bodies that cannot be read, and fields of a wrong type, missing or unknown, on every endpoint.

use antares_protocol::problem::ProblemKind;
use serde_json::{Value, json};

use super::document::good_requests;
use super::fixture::{Answer, Findings, Fixture, send};
use super::json::{Place, Step, at, places, with, without};

/// Over the limit of 16 MiB by one byte.
const TOO_LARGE: usize = 16 * 1024 * 1024 + 1;

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    for (operation, good) in good_requests(&fixture).await {
        let Some(body) = &good.body else { continue };
        let path = good.path(&operation);
        let text = body.to_string();
        let post = |body: Vec<u8>| {
            fixture
                .request(&operation.method, &path, fixture.rightful(&path))
                .body(body)
        };
        let sent = |media_type: Option<&'static str>| {
            let request = post(text.clone().into_bytes());
            match media_type {
                Some(media_type) => request.header("content-type", media_type),
                None => request,
            }
        };
        for media_type in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("application/xml"),
            Some(""),
        ] {
            let answer = send(sent(media_type)).await;
            let case = format!("{} as {media_type:?}", operation.name());
            findings.note(&case, answer.differs(ProblemKind::UnsupportedMediaType));
        }
        let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let unreadable: [(&str, Vec<u8>); 10] = [
            ("one brace", b"{".to_vec()),
            (
                "a truncated body",
                text.as_bytes()[..text.len() / 2].to_vec(),
            ),
            ("no last brace", text.as_bytes()[..text.len() - 1].to_vec()),
            ("a word", b"nonsense".to_vec()),
            ("a string", b"\"text\"".to_vec()),
            ("null", b"null".to_vec()),
            ("an array of another thing", b"[[]]".to_vec()),
            ("something after it", format!("{text} x").into_bytes()),
            (
                "bytes that are not UTF-8",
                text.replacen('"', "\"\u{1}", 1)
                    .replace('\u{1}', "?")
                    .into_bytes()
                    .into_iter()
                    .enumerate()
                    .map(|(i, byte)| if i == 2 { 0xff } else { byte })
                    .collect(),
            ),
            ("deep nesting", nested.into_bytes()),
        ];
        for (what, bytes) in unreadable {
            let answer = send(post(bytes).header("content-type", "application/json")).await;
            findings.note(
                &format!("{} with {what}", operation.name()),
                answer.differs(ProblemKind::MalformedRequest),
            );
        }
        if operation.body_required {
            let answer = send(post(Vec::new()).header("content-type", "application/json")).await;
            findings.note(
                &format!("{} with nothing", operation.name()),
                answer.differs(ProblemKind::MalformedRequest),
            );
        }
        let mut large = text.clone().into_bytes();
        large.resize(TOO_LARGE, b' ');
        let answer = send(post(large).header("content-type", "application/json")).await;
        findings.note(
            &format!("{} over the limit", operation.name()),
            answer.differs(ProblemKind::BodyTooLarge),
        );
        findings
            .unchanged(&operation.name(), &fixture, &before)
            .await;
    }
    findings.conclude(180);
}

/// Whether any JSON is good there.
fn takes_anything(place: &str) -> bool {
    place == "param"
        || place.starts_with("param.")
        || place.contains(".param")
        || place.contains(".checkpoint")
        || place.contains("shard_params[")
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one walk through every field")]
async fn every_field_of_every_body_is_checked() {
    use ProblemKind::{InvalidField, MalformedRequest, Unauthorized};
    let fixture = Fixture::new().await;
    let mut findings = Findings::default();
    let before = fixture.snapshot().await;
    for (operation, good) in good_requests(&fixture).await {
        let (Some(body), Some(schema)) = (&good.body, &operation.schema) else {
            continue;
        };
        let path = good.path(&operation);
        let post = |body: Value| {
            send(
                fixture
                    .request(&operation.method, &path, fixture.rightful(&path))
                    .json(&body),
            )
        };
        let name = operation.name();
        for place in places(body) {
            let field = place.to_string();
            let is_named = |answer: &Answer| {
                let named = answer.body["field"].as_str();
                named.is_some_and(|named| !named.is_empty() && field.starts_with(named))
            };
            if !takes_anything(&field) {
                let mut good = body.clone();
                let is_object = at(&mut good, &place.0).is_object();
                let wrong = if is_object || field == "spec.shard_params" {
                    json!(7)
                } else {
                    json!({ "wrong": [1] })
                };
                let answer = post(with(body, &place, wrong)).await;
                let differs = answer.differs(MalformedRequest);
                findings.note(
                    &format!("{name}: {field} of a wrong type"),
                    differs.or_else(|| {
                        (!is_named(&answer)).then(|| answer.seen(&format!("field {field}")))
                    }),
                );
            }
            // These are stored with a sign in its place.
            let last = place.0.last();
            let stored_cut = ["error", "output", "message"]
                .iter()
                .any(|name| last == Some(&Step::Key((*name).to_owned())));
            let mut found = body.clone();
            if at(&mut found, &place.0).is_string() && !stored_cut {
                let answer = post(with(body, &place, json!("a\0b"))).await;
                let case = format!("{name}: U+0000 in {field}");
                if operation.template == "/api/v1/login" {
                    findings.note(&case, answer.differs(Unauthorized));
                } else {
                    let wrong = answer
                        .differs(InvalidField)
                        .and(answer.differs(MalformedRequest));
                    findings.note(
                        &case,
                        wrong.or_else(|| {
                            (!is_named(&answer)).then(|| answer.seen(&format!("field {field}")))
                        }),
                    );
                }
            }
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for field in required.iter().filter_map(Value::as_str) {
            let place = Place(vec![Step::Key(field.to_owned())]);
            let answer = post(without(body, &place)).await;
            findings.note(
                &format!("{name} without {field}"),
                answer.differs(MalformedRequest),
            );
            findings.note(
                &format!("{name} without {field}"),
                (!answer.names(&format!("`{field}`"))).then(|| answer.seen("its name")),
            );
        }
        if operation.is_admin() {
            let mut objects = vec![Place::default()];
            objects.extend(
                places(body)
                    .into_iter()
                    .filter(|place| place.to_string() == "spec"),
            );
            for mut place in objects {
                let mut body = body.clone();
                let spoiled = at(&mut body, &place.0);
                spoiled["unknown"] = json!(1);
                place.0.push(Step::Key("unknown".to_owned()));
                let answer = post(body).await;
                findings.note(
                    &format!("{name} with {place}"),
                    answer.differs(MalformedRequest),
                );
                findings.note(
                    &format!("{name} with {place}"),
                    (!answer.names("`unknown`")).then(|| answer.seen("its name")),
                );
            }
        }
        findings.unchanged(&name, &fixture, &before).await;
    }
    findings.conclude(150);
}
