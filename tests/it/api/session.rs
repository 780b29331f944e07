//! Logins, passwords, events, and what probes and scrapers read.

use std::process::Command;

use antares_protocol::session::Session;
use antares_tests::{BOUND, Process, World, wait_until};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::http::{Http, cookie};

/// Password that worlds give their administrator.
const PASSWORD: &str = "antares-tests";

#[tokio::test]
async fn a_session_lives_in_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let (at_a, at_b) = (Http::new(&a), Http::new(&b));
    let answer = at_a.login(PASSWORD).await;
    assert_eq!(answer.status(), 200);
    let set = cookie(&answer);
    let mut parts: Vec<&str> = set.split("; ").collect();
    let pair = parts.remove(0);
    parts.sort_unstable();
    assert_eq!(
        parts,
        ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict"]
    );
    let (name, token) = pair.split_once('=').expect("a cookie has a value");
    assert_eq!(name, "antares_session");
    assert!(token.len() >= 32, "a token that cannot be guessed: {token}");
    let session: Session = answer.json().await.expect("the answer is a session");
    let now: DateTime<Utc> = sqlx::query_scalar("select now()")
        .fetch_one(world.pool())
        .await
        .expect("the database has a clock");
    let left = session.expires_at.expect("a session ends") - now;
    assert_eq!(session.user, "admin");
    assert!(
        left > TimeDelta::minutes(719) && left <= TimeDelta::hours(12),
        "{left}"
    );
    let (kept, hashed): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where token_hash = sha256(convert_to($1, 'utf8'))) from session",
    )
    .bind(token)
    .fetch_one(world.pool())
    .await
    .expect("sessions can be read");
    assert_eq!((kept, hashed), (1, 1), "only the hash is kept");
    // Any replica takes it, among other cookies too.
    assert_eq!(
        (at_a.status(pair).await, at_b.status(pair).await),
        (200, 200)
    );
    assert_eq!(at_b.status(&format!("theme=dark; {pair}; x=y")).await, 200);
    assert_eq!(at_b.status(&format!("antares_session={token}x")).await, 401);
    // Logging out ends it on the server, at every replica.
    let answer = at_b
        .call(Method::POST, "/api/v1/logout")
        .header("cookie", pair)
        .send()
        .await;
    let answer = answer.expect("the server answers");
    assert_eq!(answer.status(), 204);
    let gone = cookie(&answer);
    assert!(
        gone.starts_with("antares_session=;")
            && gone.contains("Max-Age=0")
            && gone.contains("HttpOnly"),
        "{gone}"
    );
    assert_eq!(
        (at_a.status(pair).await, at_b.status(pair).await),
        (401, 401)
    );
    assert_eq!(world.number("select count(*) from session", &[]).await, 0);
    // A wrong password makes none; HTTP Basic needs none.
    assert_eq!(at_a.login("wrong").await.status(), 401);
    assert_eq!(world.number("select count(*) from session", &[]).await, 0);
    let session: Session = a.admin().get("/api/v1/session").await;
    assert_eq!((session.user.as_str(), session.expires_at), ("admin", None));
}

#[tokio::test]
async fn a_session_ends_by_the_databases_clock() {
    let world = World::new().await;
    let server = world.server().start().await;
    let http = Http::new(&server);
    let pair = http.session(PASSWORD).await;
    assert_eq!(http.status(&pair).await, 200);
    world.execute("update session set expires_at = now()").await;
    assert_eq!(http.status(&pair).await, 401);
}

#[tokio::test]
async fn cookies_are_secure_behind_https() {
    let world = World::new().await;
    let server = world
        .server()
        .arguments(&["--secure-cookies"])
        .start()
        .await;
    let http = Http::new(&server);
    let set = cookie(&http.login(PASSWORD).await);
    assert!(set.split("; ").any(|part| part == "Secure"), "{set}");
    let answer = http
        .call(Method::POST, "/api/v1/logout")
        .send()
        .await
        .expect("the server answers");
    assert!(cookie(&answer).split("; ").any(|part| part == "Secure"));
}

#[tokio::test]
async fn a_password_changed_at_a_restart_ends_the_sessions() {
    let world = World::new().await;
    let mut server = world.server().start().await;
    let pair = Http::new(&server).session(PASSWORD).await;
    server.process.terminate();
    server.process.ended(BOUND).await;
    // The same password leaves sessions alone.
    let mut server = world.server().start().await;
    assert_eq!(Http::new(&server).status(&pair).await, 200);
    server.process.terminate();
    server.process.ended(BOUND).await;
    let server = world
        .server()
        .arguments(&["--admin-password", "another one"])
        .start()
        .await;
    let http = Http::new(&server);
    assert_eq!(http.status(&pair).await, 401);
    assert_eq!(http.login(PASSWORD).await.status(), 401);
    assert_eq!(http.login("another one").await.status(), 200);
    let stored: String =
        sqlx::query_scalar("select password_hash from user_account where name = 'admin'")
            .fetch_one(world.pool())
            .await
            .expect("users can be read");
    assert!(stored.starts_with("$argon2id$"), "{stored}");
    let log = server.process.log().join("\n");
    assert!(
        !log.contains("another one"),
        "a password is in the log:\n{log}"
    );
}

/// A server of which only the standard output is kept, without a password given.
async fn on_stdout(world: &World) -> (Process, String) {
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$@\" 2>/dev/null", "sh"])
        .arg(env!("CARGO_BIN_EXE_antares-server-under-test"));
    command.args([
        "run",
        "--database-url",
        world.database().url(),
        "--namespace",
        world.namespace(),
    ]);
    command.args(["--listen", "127.0.0.1:0", "--failover-wait", "2s"]);
    let server = Process::spawn("server", command);
    let address = wait_until("the server joins", BOUND, async || {
        let row =
            sqlx::query_scalar("select address from server where pid = $1 and left_at is null");
        // The table is not there before the first start.
        match row
            .bind(server.pid() as i32)
            .fetch_optional(world.pool())
            .await
        {
            Ok(Some(address)) => Ok(address),
            other => Err(format!("{other:?}")),
        }
    });
    let address: String = address.await;
    (server, format!("http://{address}"))
}

#[tokio::test]
async fn a_generated_password_is_printed_once() {
    let world = World::new().await;
    let (mut first, url) = on_stdout(&world).await;
    let log = first.log();
    let lines: Vec<&String> = log
        .iter()
        .filter(|line| line.contains("password"))
        .collect();
    assert_eq!(lines.len(), 1, "{log:?}");
    let password = lines[0]
        .rsplit(' ')
        .next()
        .expect("the line ends with it")
        .to_owned();
    assert!(password.len() >= 32, "{lines:?}");
    assert_eq!(Http::at(&url).login(&password).await.status(), 200);
    first.terminate();
    first.ended(BOUND).await;
    // A restart prints nothing, and the password stays.
    let (second, url) = on_stdout(&world).await;
    assert_eq!(second.log(), [""; 0]);
    assert_eq!(Http::at(&url).login(&password).await.status(), 200);
    assert_eq!(Http::at(&url).login("").await.status(), 401);
}

/// Reads a stream up to an event of this name. Its end is an error.
async fn event(stream: &mut Response, seen: &mut String, name: &str) -> Result<(), String> {
    let line = format!("event: {name}\n");
    while !seen.contains(&line) {
        match stream.chunk().await {
            Ok(Some(chunk)) => seen.push_str(&String::from_utf8_lossy(&chunk)),
            end => return Err(format!("{end:?} after {seen}")),
        }
    }
    *seen = seen.replacen(&line, "", 1);
    Ok(())
}

#[tokio::test]
async fn events_tell_of_changes_until_logout_or_stop() {
    let world = World::new().await;
    let [mut a, b] = world.servers().await;
    let http = Http::new(&a);
    let pair = http.session(PASSWORD).await;
    let events = async |call: reqwest::RequestBuilder| {
        let stream = call.send().await.expect("the server answers");
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        stream
    };
    let mut by_cookie = events(
        http.call(Method::GET, "/api/v1/events")
            .header("cookie", &pair),
    )
    .await;
    let basic = http
        .call(Method::GET, "/api/v1/events")
        .basic_auth("admin", Some(PASSWORD));
    let mut by_basic = events(basic).await;
    let (mut seen, mut of_basic) = (String::new(), String::new());
    event(&mut by_cookie, &mut seen, "hello")
        .await
        .expect("it begins");
    event(&mut by_basic, &mut of_basic, "hello")
        .await
        .expect("it begins");
    // What happens at another replica is told here too.
    let app = world.app(&b, "shop").await;
    let job = app.job("settle", |_| {}).await;
    event(&mut by_cookie, &mut seen, "jobs")
        .await
        .expect("a job was made");
    let client = app.raw_client(&b, &["work"]).await;
    event(&mut by_cookie, &mut seen, "clients")
        .await
        .expect("a client came");
    job.trigger().await;
    event(&mut by_cookie, &mut seen, "instances")
        .await
        .expect("an instance began");
    let data: Vec<&str> = seen
        .lines()
        .filter(|line| line.starts_with("data:"))
        .collect();
    assert!(
        !data.is_empty() && data.iter().all(|line| *line == "data: {}"),
        "{seen}"
    );
    let logout = http
        .call(Method::POST, "/api/v1/logout")
        .header("cookie", &pair)
        .send()
        .await;
    assert_eq!(logout.expect("the server answers").status(), 204);
    let end = event(&mut by_cookie, &mut seen, "never").await;
    assert!(
        end.as_ref().is_err_and(|end| end.starts_with("Ok(None)")),
        "{end:?}"
    );
    // The other one lasts until the replica stops, and does not keep it from stopping.
    event(&mut by_basic, &mut of_basic, "instances")
        .await
        .expect("it goes on");
    a.process.terminate();
    let end = event(&mut by_basic, &mut of_basic, "never").await;
    assert!(end.is_err(), "{end:?}");
    assert!(a.process.ended(BOUND).await.success());
    drop(client);
}

#[tokio::test]
async fn probes_and_scrapers_are_answered_without_credentials() {
    let world = World::new().await;
    let server = world.server().start().await;
    let http = Http::new(&server);
    let get = async |path: &str| {
        let answer = http
            .call(Method::GET, path)
            .send()
            .await
            .expect("the server answers");
        let media_type = answer.headers()["content-type"]
            .to_str()
            .expect("a media type")
            .to_owned();
        (
            answer.status().as_u16(),
            media_type,
            answer.text().await.expect("a text"),
        )
    };
    assert_eq!(
        get("/healthz").await,
        (200, "text/plain; charset=utf-8".to_owned(), "ok".to_owned())
    );
    let (status, media_type, body) = get("/readyz").await;
    let body: Value = serde_json::from_str(&body).expect("the answer is JSON");
    assert_eq!(
        (
            status,
            media_type.as_str(),
            &body["ready"],
            &body["troubles"]
        ),
        (200, "application/json", &json!(true), &json!({}))
    );
    let (status, media_type, before) = get("/metrics").await;
    assert_eq!(
        (status, media_type.as_str()),
        (200, "text/plain; version=0.0.4")
    );
    for line in before.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        assert!(
            name.starts_with("antares_") && value.parse::<f64>().is_ok(),
            "{line}"
        );
        for comment in ["HELP", "TYPE"] {
            assert!(
                before.contains(&format!("# {comment} {name} ")),
                "{comment} of {name} is missing"
            );
        }
    }
    assert!(before.contains("\nantares_ready 1\n"), "{before}");
    let app = world.app(&server, "shop").await;
    let client = app.raw_client(&server, &["work"]).await;
    app.job("settle", |spec| {
        spec.shard_count = 3;
        spec.max_shards_per_client = 0;
    })
    .await
    .trigger()
    .await;
    let claimed = client.claim(10, 10_000).await;
    assert_eq!(server.metric("antares_claimed_total").await, 3);
    let outcome = antares_protocol::client::Outcome::Succeeded;
    client.report(claimed[0].token(), outcome).await;
    let mut stale = claimed[1].token();
    stale.attempt = 9;
    client.report(stale, outcome).await;
    assert_eq!(
        (
            server.metric("antares_reported_total").await,
            server.metric("antares_stale_total").await
        ),
        (1, 1)
    );
    assert_eq!(get("/api/openapi.json").await.1, "application/json");
}
