//! Claims, which do not go through the router if their length is known.

use antares_tests::{App, Server, World};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

/// How a body is sent.
#[derive(Debug, Clone, Copy)]
enum Sent {
    /// With its length: past the router.
    Whole,
    /// In chunks, of a length that nobody knows before: through the router.
    Chunked,
}

/// Status and body of what a server answers to a claim.
async fn claim(
    server: &Server,
    client: &str,
    headers: &str,
    body: &str,
    sent: Sent,
) -> (u16, Value) {
    let host = server.url().trim_start_matches("http://");
    let sent = match sent {
        Sent::Whole => format!("content-length: {}\r\n\r\n{body}", body.len()),
        // A chunk of no length would be the last.
        Sent::Chunked if body.is_empty() => {
            "transfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()
        }
        Sent::Chunked => format!(
            "transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
    };
    let request = format!(
        "POST /client/v1/clients/{client}/claim HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}{sent}"
    );
    let mut stream = TcpStream::connect(host).await.expect("the server listens");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (
        status.expect("a status"),
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer}")),
    )
}

fn credentials(app: &App) -> String {
    let request = reqwest::Client::new()
        .get("http://unused")
        .basic_auth(&app.name, Some(&app.secret))
        .build()
        .expect("a request");
    let value = request.headers()[AUTHORIZATION].to_str().expect("text");
    format!("authorization: {value}\r\n")
}

#[tokio::test]
async fn a_claim_is_answered_alike_past_the_router_and_through_it() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let other = world.app(&server, "other").await;
    let client = app.raw_client(&server, &["work"]).await;
    let id = client.id.to_string();
    let json = "content-type: application/json\r\n";
    let good = format!("{}{json}", credentials(&app));
    let one = json!({ "max": 1, "wait_ms": 20_000 }).to_string();

    let job = app
        .job("settle", |spec| {
            spec.shard_count = 2;
            spec.max_shards_per_client = 0;
        })
        .await;
    job.trigger().await;
    let mut items = Vec::new();
    for sent in [Sent::Whole, Sent::Chunked] {
        let (status, claimed) = claim(&server, &id, &good, &one, sent).await;
        assert_eq!(status, 200, "{sent:?}: {claimed}");
        assert_eq!(claimed["shards"][0]["job"], "settle", "{sent:?}: {claimed}");
        items.push(claimed["shards"][0]["item"].as_i64());
    }
    items.sort_unstable();
    assert_eq!(items, [Some(0), Some(1)]);

    let nobody = Uuid::nil().to_string();
    let theirs = format!("{}{json}", credentials(&other));
    for (client, headers, body, status) in [
        (&*id, json, &*one, 401),
        (&id, &*credentials(&app), &one, 415),
        (&id, &theirs, &one, 404),
        (&nobody, &good, &one, 404),
        ("nobody", &good, &one, 400),
        (&id, &good, "", 400),
        (&id, &good, "[1]", 400),
        (&id, &good, "{", 400),
        (&id, &good, "{} {}", 400),
        (&id, &good, r#"{"max": "one"}"#, 400),
        (&id, &good, r#"{"max": 1, "max": 2}"#, 400),
        (&id, &good, r#"{"max": 0}"#, 422),
        (&id, &good, r#"{"max": 1, "wait_ms": 60001}"#, 422),
        (
            &id,
            &good,
            &format!("{{\"max\": {}1{}}}", "[".repeat(200), "]".repeat(200)),
            400,
        ),
    ] {
        let whole = claim(&server, client, headers, body, Sent::Whole).await;
        let chunked = claim(&server, client, headers, body, Sent::Chunked).await;
        assert_eq!(whole, chunked, "{headers}{body}");
        assert_eq!(whole.0, status, "{headers}{body}: {}", whole.1);
    }
}
