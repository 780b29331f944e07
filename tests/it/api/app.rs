//! Apps and their secrets.

use antares_protocol::app::{App, AppWithSecret};
use antares_protocol::problem::ProblemKind;
use antares_tests::{BOUND, World, wait_until};
use reqwest::Method;
use serde_json::{Value, json};

use super::http::{Http, is_problem};

#[tokio::test]
async fn an_apps_secret_is_shown_once_and_only_its_hash_is_kept() {
    let world = World::new().await;
    let server = world.server().start().await;
    let admin = server.admin();
    let made: AppWithSecret = admin.post("/api/v1/apps", &json!({ "name": "made" })).await;
    assert!(
        made.secret.len() >= 32,
        "a secret that cannot be guessed: {}",
        made.secret
    );
    let given = json!({ "name": "given", "description": "for tests", "secret": "pass: wörd" });
    let given: AppWithSecret = admin.post("/api/v1/apps", &given).await;
    assert_eq!(
        (given.secret.as_str(), given.app.description.as_str()),
        ("pass: wörd", "for tests")
    );
    let path = format!("/api/v1/apps/{}", given.app.id);
    let read: Value = admin.get(&path).await;
    assert_eq!(
        (read["name"].as_str(), read.get("secret")),
        (Some("given"), None)
    );
    let listed: Value = admin.get("/api/v1/apps").await;
    assert!(!listed.to_string().contains("secret"), "{listed}");
    let (stored, elsewhere): (String, i64) = sqlx::query_as(
        "select a.secret_hash, (select count(*) from app t where t::text like '%pass: w%') from app a where a.name = 'given'",
    )
    .fetch_one(world.pool())
    .await
    .expect("apps can be read");
    assert!(stored.starts_with("$argon2id$"), "{stored}");
    assert_eq!(elsewhere, 0, "the secret is stored");
    // Both secrets work, each for its app only.
    let http = Http::new(&server);
    let body = json!({ "host": "h", "handlers": ["work"], "slots": 1 });
    for (name, secret, status) in [
        ("made", made.secret.as_str(), 201),
        ("given", "pass: wörd", 201),
        ("given", made.secret.as_str(), 401),
        ("made", "", 401),
    ] {
        let call = http
            .call(Method::POST, "/client/v1/clients")
            .basic_auth(name, Some(secret));
        let answer = call.json(&body).send().await.expect("the server answers");
        assert_eq!(answer.status(), status, "{name} with {secret}");
    }
    // It is changed, and deleted with nothing left to log in with.
    let (status, changed) = admin
        .call(
            Method::PATCH,
            &path,
            Some(&json!({ "description": "other" })),
        )
        .await;
    assert_eq!(
        (status.as_u16(), &changed["description"], &changed["name"]),
        (200, &json!("other"), &json!("given"))
    );
    let (status, _) = admin.call(Method::DELETE, &path, None).await;
    assert_eq!(status, 204);
    is_problem(
        &admin.call(Method::GET, &path, None).await,
        ProblemKind::NotFound,
    );
    is_problem(
        &admin.call(Method::DELETE, &path, None).await,
        ProblemKind::NotFound,
    );
    let again: App = admin
        .post("/api/v1/apps", &json!({ "name": "given" }))
        .await;
    assert_ne!(
        again.id, given.app.id,
        "the name is free, the app is another"
    );
    wait_until("the deleted app's secret is refused", BOUND, async || {
        let call = http
            .call(Method::POST, "/client/v1/clients")
            .basic_auth("given", Some("pass: wörd"));
        let status = call
            .json(&body)
            .send()
            .await
            .expect("the server answers")
            .status();
        if status == 401 { Ok(()) } else { Err(status) }
    })
    .await;
}

#[tokio::test]
async fn a_rotated_secret_works_at_once_and_the_old_one_is_refused_within_seconds() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let body = json!({ "host": "h", "handlers": ["work"], "slots": 1 });
    let register = async |http: &Http, secret: &str| {
        let call = http
            .call(Method::POST, "/client/v1/clients")
            .basic_auth("shop", Some(secret));
        call.json(&body)
            .send()
            .await
            .expect("the server answers")
            .status()
            .as_u16()
    };
    let (at_a, at_b) = (Http::new(&a), Http::new(&b));
    // Both have the old secret in memory.
    assert_eq!(
        (
            register(&at_a, &app.secret).await,
            register(&at_b, &app.secret).await
        ),
        (201, 201)
    );
    let path = format!("/api/v1/apps/{}/secret", app.id);
    let rotated: AppWithSecret = a.admin().post(&path, &json!({})).await;
    assert_ne!(rotated.secret, app.secret);
    assert_eq!(
        (
            register(&at_a, &rotated.secret).await,
            register(&at_b, &rotated.secret).await
        ),
        (201, 201)
    );
    for http in [&at_a, &at_b] {
        wait_until("the old secret is refused", BOUND, async || {
            let status = register(http, &app.secret).await;
            if status == 401 { Ok(()) } else { Err(status) }
        })
        .await;
        assert_eq!(
            register(http, &rotated.secret).await,
            201,
            "the new one stays good"
        );
    }
    let chosen: AppWithSecret = b
        .admin()
        .post(&path, &json!({ "secret": "chosen secret" }))
        .await;
    assert_eq!(chosen.secret, "chosen secret");
    assert_eq!(register(&at_a, "chosen secret").await, 201);
}

/// Two calls at two replicas: the one that comes second sees what the first has done.
#[tokio::test]
async fn nothing_is_added_to_what_is_deleted_at_the_same_time() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let (a, b) = (a.admin(), b.admin());
    let shop = world.app_at(a, "shop").await;
    for round in 0..30 {
        let app = world.app_at(a, &format!("app-{round}")).await;
        let spec = json!({ "name": "job", "handler": "work" });
        let job = json!({ "app": app.name, "spec": spec });
        let path = format!("/api/v1/apps/{}", app.id);
        let (gone, made) = tokio::join!(
            a.call(Method::DELETE, &path, None),
            b.call(Method::POST, "/api/v1/jobs", Some(&job))
        );
        let outcome = (gone.0.as_u16(), made.0.as_u16());
        assert!(matches!(outcome, (204, 422) | (409, 201)), "{outcome:?}");

        let first = shop.job(&format!("first {round}"), |_| {}).await;
        let spec = json!({ "name": format!("then {round}"), "handler": "work", "depends_on": [{ "job": format!("first {round}") }] });
        let job = json!({ "app": "shop", "spec": spec });
        let path = format!("/api/v1/jobs/{}", first.id);
        let (gone, made) = tokio::join!(
            a.call(Method::DELETE, &path, None),
            b.call(Method::POST, "/api/v1/jobs", Some(&job))
        );
        let outcome = (gone.0.as_u16(), made.0.as_u16());
        assert!(matches!(outcome, (204, 422) | (409, 201)), "{outcome:?}");
    }
    let orphans = "select count(*) from job j join app a on a.id = j.app_id where j.deleted_at is null and a.deleted_at is not null";
    assert_eq!(world.number(orphans, &[]).await, 0);
    let orphans = "select count(*) from job_dependency d join job p on p.id = d.predecessor_id where p.deleted_at is not null";
    assert_eq!(world.number(orphans, &[]).await, 0);
}
