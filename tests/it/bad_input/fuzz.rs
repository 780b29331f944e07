//! Thousands of good requests with something about them changed at random, the same in every run.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::document::{Good, Operation, good_requests};
use super::fixture::Fixture;
use super::json::{Place, at, places, with, without};

/// Where the numbers begin.
const SEED: u64 = 0x2026_0309;
/// Requests.
const REQUESTS: usize = 4000;
/// When to stop on a slow machine.
const BOUND: Duration = Duration::from_secs(10);
/// Requests that even a slow machine makes by then.
const LEAST: usize = 300;

/// xorshift64*: fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % n
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

fn strange_values() -> Vec<Value> {
    let mut nested = json!(1);
    for _ in 0..60 {
        nested = json!([nested]);
    }
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1),
        json!(2),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(i32::MAX),
        json!(-0.5),
        json!(1e308),
        json!(""),
        json!(" "),
        json!("a\0b"),
        json!("\u{feff}"),
        json!("é🙂\u{202e}x"),
        json!("'; drop table job; --"),
        json!("x".repeat(20_000)),
        json!("0=A;1=B"),
        json!("9=A;9=B"),
        json!("99999999999=A"),
        json!("* * * * * ?"),
        json!("0 0 0 L-30W 2 ?"),
        json!("0 0 0 ? * 6#5 2099/100"),
        json!("-262143-01-01T00:00:00Z"),
        json!("+262142-12-31T23:59:59.999999999Z"),
        json!("1969-12-31T23:59:60Z"),
        json!("{\"a\":1}"),
        json!("script"),
        json!("later"),
        json!("failed"),
        json!("../../etc/passwd"),
        json!([]),
        json!({}),
        json!([null]),
        json!({ "": { "": [] } }),
        json!({ "command": "true" }),
        nested,
        json!(vec![0; 2000]),
    ]
}

/// Changes one thing about `body`.
fn mutate(random: &mut Random, strange: &[Value], body: &Value) -> Value {
    let places = places(body);
    if places.is_empty() {
        return random.of(strange).clone();
    }
    let place: &Place = random.of(&places);
    match random.below(8) {
        0 => without(body, place),
        1 => {
            let mut body = body.clone();
            if let Value::Array(items) = at(&mut body, &place.0)
                && let Some(first) = items.first().cloned()
            {
                items.extend(vec![first; 1500]);
            }
            body
        }
        2 => {
            let mut body = body.clone();
            if let Value::Object(fields) = at(&mut body, &place.0[..place.0.len() - 1]) {
                fields.insert(
                    random.of(&["", "extra", "a\0b", "name"]).to_string(),
                    random.of(strange).clone(),
                );
            }
            body
        }
        _ => with(body, place, random.of(strange).clone()),
    }
}

/// The request's text, sometimes with bytes changed or cut.
fn text(random: &mut Random, body: &Value) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    if random.below(6) == 0 {
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => bytes.truncate(at),
            1 => bytes[at] = random.below(256) as u8,
            _ => bytes.insert(at, *random.of(b"{}[]\",:\\0\x00\xff")),
        }
    }
    bytes
}

/// A claim that waits, or a password to be hashed, would take the time of a hundred others.
fn takes_long(operation: &Operation, body: &Value) -> bool {
    operation.template.ends_with("/claim")
        && body["wait_ms"]
            .as_u64()
            .is_some_and(|ms| (1..=60_000).contains(&ms))
        || operation.template.ends_with("/login") && body["user"] == "admin"
}

#[tokio::test]
async fn random_bodies_never_break_the_server() {
    let fixture = Fixture::new().await;
    let requests: Vec<(Operation, Good)> = good_requests(&fixture)
        .await
        .into_iter()
        .filter(|(operation, good)| {
            // Hashing is slow, and shown elsewhere to be bounded.
            good.body.is_some()
                && !operation.template.ends_with("/secret")
                && operation.template != "/api/v1/apps"
        })
        .collect();
    let strange = strange_values();
    let mut random = Random(SEED);
    let begin = Instant::now();
    let (mut made, mut statuses) = (0, std::collections::BTreeMap::<u16, usize>::new());
    while made < REQUESTS && (begin.elapsed() < BOUND || made < LEAST) {
        // Some at a time: what is gathered into one statement must not spoil what came with it.
        let batch: Vec<(String, String, reqwest::RequestBuilder)> = (0..16)
            .filter_map(|_| {
                let (operation, good) = random.of(&requests);
                let mut body = good.body.clone().expect("only those with a body were kept");
                for _ in 0..=random.below(3) {
                    body = mutate(&mut random, &strange, &body);
                }
                if takes_long(operation, &body) {
                    return None;
                }
                let path = good.path(operation);
                let bytes = text(&mut random, &body);
                let shown: String = String::from_utf8_lossy(&bytes).chars().take(600).collect();
                let request = fixture
                    .request(&operation.method, &path, fixture.rightful(&path))
                    .header("content-type", "application/json")
                    .body(bytes);
                Some((operation.name(), shown, request))
            })
            .collect();
        made += batch.len();
        let answers = batch.into_iter().map(async |(name, shown, request)| {
            // A machine whose disk stalls may be overloaded for once; what cannot be stored is so every time.
            for is_last in [false, false, true] {
                let request = request.try_clone().expect("the body is in memory");
                let answer = request.send().await;
                let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}: {shown}"));
                let status = answer.status().as_u16();
                let body = answer.text().await.unwrap_or_default();
                if status != 503 || is_last {
                    assert!(status < 500, "{name}: {status} {body} to {shown}");
                    return status;
                }
            }
            unreachable!("the last try returns")
        });
        for status in futures_util::future::join_all(answers).await {
            *statuses.entry(status).or_default() += 1;
        }
    }
    println!("{made} requests: {statuses:?}");
    assert!(statuses.len() >= 4, "only {statuses:?}");
    // It works as before.
    let (status, body) = fixture
        .server
        .admin()
        .call(Method::GET, "/readyz", None)
        .await;
    assert_eq!(status, 200, "{body}");
    fixture.world.assert_consistent().await;
}
