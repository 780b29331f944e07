//! Jobs: their definitions, states, triggers and fire times.

use antares_protocol::job::{Job, JobState};
use antares_protocol::page::Page;
use antares_protocol::plan::FireTimes;
use antares_protocol::problem::ProblemKind;
use antares_tests::{Admin, BOUND, Work, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::http::is_problem;

/// The names on all pages of a list of three rows each, with what `between` does after the first.
async fn names(admin: &Admin, path: &str, between: impl AsyncFn()) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let page: Page<Value> = admin.get(&format!("{path}{after}")).await;
        let name = |row: &Value| {
            row.get("name")
                .or_else(|| row["spec"].get("name"))
                .expect("a name")
                .as_str()
                .map(str::to_owned)
        };
        pages.push(page.items.iter().filter_map(name).collect());
        let Some(next) = page.next else { return pages };
        after = format!("&after={next}");
        if pages.len() == 1 {
            between().await;
        }
    }
}

#[tokio::test]
async fn jobs_are_listed_searched_filtered_and_paged() {
    let world = World::new().await;
    let server = world.server().start().await;
    let admin = server.admin();
    let app = world.app(&server, "shop").await;
    let other = world.app(&server, "other").await;
    let mut ids = Vec::new();
    for name in [
        "settle orders",
        "settle refunds",
        "report",
        "Report yearly",
        "100%_done",
        "mail",
        "clean",
    ] {
        ids.push(app.job(name, |_| {}).await.id);
    }
    other.job("settle orders", |_| {}).await;
    let of = async |query: &str| {
        let page: Page<Job> = admin.get(&format!("/api/v1/jobs?{query}")).await;
        page.items
            .into_iter()
            .map(|job| job.spec.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("").await.len(), 8);
    assert_eq!(of("app=other").await, ["settle orders"]);
    assert_eq!(of("app=nobody").await, [""; 0]);
    assert_eq!(
        of("search=SETTLE&app=shop").await,
        ["settle orders", "settle refunds"]
    );
    assert_eq!(of("search=report").await, ["report", "Report yearly"]);
    // Signs that mean something to `like` mean themselves.
    assert_eq!(of("search=%25_").await, ["100%_done"]);
    assert_eq!(of("search=nothing").await, [""; 0]);
    // A page is not shifted by what comes and goes before it.
    let pages = names(admin, "/api/v1/jobs?limit=3&app=shop", async || {
        let (status, _) = admin
            .call(Method::DELETE, &format!("/api/v1/jobs/{}", ids[0]), None)
            .await;
        assert_eq!(status, 204);
        app.job("new", |_| {}).await;
    })
    .await;
    assert_eq!(
        pages,
        [
            vec!["settle orders", "settle refunds", "report"],
            vec!["Report yearly", "100%_done", "mail"],
            vec!["clean", "new"],
        ]
    );
    for (job, action, state) in [
        (1, "stop", "stopped"),
        (2, "pause", "paused"),
        (3, "disable", "disabled"),
    ] {
        let (status, _) = admin
            .call(
                Method::POST,
                &format!("/api/v1/jobs/{}/{action}", ids[job]),
                None,
            )
            .await;
        assert_eq!(status, 200);
        assert_eq!(
            of(&format!("app=shop&state={state}")).await.len(),
            1,
            "{state}"
        );
    }
    let (status, _) = admin
        .call(
            Method::POST,
            &format!("/api/v1/jobs/{}/trigger", ids[5]),
            None,
        )
        .await;
    assert_eq!(status, 202);
    assert_eq!(of("state=running").await, ["mail"]);
    assert_eq!(
        of("app=shop&state=waiting").await,
        ["100%_done", "clean", "new"]
    );
    assert_eq!(
        names(admin, "/api/v1/apps?limit=1", async || {}).await,
        [["shop"], ["other"]]
    );
    assert_eq!(
        names(admin, "/api/v1/apps?search=HO", async || {}).await,
        [["shop"]]
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the life of one job")]
async fn a_jobs_definition_is_versioned_and_its_deletion_frees_the_name() {
    let world = World::new().await;
    let server = world.server().start().await;
    let admin = server.admin();
    let app = world.app(&server, "shop").await;
    let spec = json!({
        "name": "settle", "description": "d", "handler": "work", "cron": "0 0 3 * * ?", "time_zone": "Asia/Shanghai",
        "param": { "a": [1, null, "é"] }, "shard_count": 3, "shard_params": "0=A;2=C=;", "max_shards_per_client": 0,
        "max_attempts": 7, "shard_timeout_ms": 1000, "instance_timeout_ms": 2000,
    });
    let made: Job = admin
        .post(
            "/api/v1/jobs",
            &json!({ "app": "shop", "enabled": false, "spec": spec }),
        )
        .await;
    assert_eq!(
        (made.state, made.version, made.next_fire_at),
        (JobState::Disabled, 1, None)
    );
    let path = format!("/api/v1/jobs/{}", made.id);
    let read: Job = admin.get(&path).await;
    // The server may have come to own the job's bucket in between, and to be known by name.
    let made = Job {
        server_id: read.server_id,
        server_host: read.server_host.clone(),
        ..made
    };
    assert_eq!(read, made);
    assert_eq!(
        read.spec.shard_params,
        [json!("A"), json!(null), json!("C=")]
    );
    assert_eq!(
        (&read.spec.param, read.spec.max_attempts),
        (&json!({ "a": [1, null, "é"] }), 7)
    );
    let enabled: Job = admin.post(&format!("{path}/enable"), &json!({})).await;
    let planned = enabled.next_fire_at.expect("it fires by itself");
    let mut spec = json!(read.spec);
    spec["cron"] = json!("0 0 4 * * ?");
    let changed = admin
        .call(
            Method::PUT,
            &path,
            Some(&json!({ "version": 1, "spec": spec })),
        )
        .await;
    assert_eq!(
        (changed.0.as_u16(), &changed.1["version"]),
        (200, &json!(2))
    );
    let read: Job = admin.get(&path).await;
    // 04:00 in Shanghai.
    assert_eq!(planned.format("%H:%M").to_string(), "19:00");
    assert_eq!(
        read.next_fire_at
            .expect("planned anew")
            .format("%H:%M")
            .to_string(),
        "20:00"
    );
    let conflict = admin
        .call(
            Method::PUT,
            &path,
            Some(&json!({ "version": 1, "spec": spec })),
        )
        .await;
    is_problem(&conflict, ProblemKind::VersionConflict);
    // Without a version the change is made in any case; the name stays.
    let (status, third) = admin
        .call(Method::PUT, &path, Some(&json!({ "spec": spec })))
        .await;
    assert_eq!((status.as_u16(), &third["version"]), (200, &json!(3)));
    let mut renamed = spec.clone();
    renamed["name"] = json!("other");
    is_problem(
        &admin
            .call(Method::PUT, &path, Some(&json!({ "spec": renamed })))
            .await,
        ProblemKind::InvalidField,
    );
    let versions: Vec<(i32, String)> =
        sqlx::query_as("select version, author from job_version where job_id = $1 order by 1")
            .bind(made.id)
            .fetch_all(world.pool())
            .await
            .expect("versions can be read");
    assert_eq!(
        versions,
        [1, 2, 3].map(|version| (version, "admin".to_owned()))
    );
    // A running instance is terminated with its job.
    let (_, triggered) = admin
        .call(Method::POST, &format!("{path}/trigger"), None)
        .await;
    let instance = triggered["instance_id"].as_i64().expect("an instance");
    assert_eq!(admin.call(Method::DELETE, &path, None).await.0, 204);
    is_problem(
        &admin.call(Method::GET, &path, None).await,
        ProblemKind::NotFound,
    );
    is_problem(
        &admin.call(Method::DELETE, &path, None).await,
        ProblemKind::NotFound,
    );
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("terminated", 0, 0, 3)
    );
    let again = app.job("settle", |_| {}).await;
    assert_ne!(again.id, made.id);
    let history: Value = admin.get(&format!("/api/v1/instances/{instance}")).await;
    assert_eq!(
        (&history["job"], &history["state"]),
        (&json!("settle"), &json!("terminated"))
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn every_transition_of_a_job_goes_through_the_api() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let client = app.raw_client(&b, &["work"]).await;
    let job = app
        .job("settle", |spec| spec.cron = Some("0 0 3 * * ?".to_owned()))
        .await;
    // Every step at the other replica: none of them holds state.
    let steps = [
        ("pause", "paused", false),
        ("resume", "waiting", true),
        ("stop", "stopped", false),
        ("schedule", "waiting", true),
        ("pause", "paused", false),
        ("stop", "stopped", false),
        ("disable", "disabled", false),
        ("enable", "waiting", true),
        ("pause", "paused", false),
        ("disable", "disabled", false),
        ("enable", "waiting", true),
        ("disable", "disabled", false),
        ("enable", "waiting", true),
    ];
    for (step, (action, state, fires)) in steps.into_iter().enumerate() {
        let (here, there) = if step % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let path = format!("/api/v1/jobs/{}", job.id);
        let (status, answer) = here
            .admin()
            .call(Method::POST, &format!("{path}/{action}"), None)
            .await;
        assert_eq!(
            (status.as_u16(), &answer["state"]),
            (200, &json!(state)),
            "{action}"
        );
        let read: Value = there.admin().get(&path).await;
        assert_eq!(
            (&read["state"], read["next_fire_at"].is_string()),
            (&json!(state), fires),
            "{action}"
        );
    }
    // While it runs: pausing leaves the instance alone, the others terminate it.
    for (action, state, ends) in [
        ("pause", JobState::Paused, false),
        ("stop", JobState::Stopped, true),
        ("disable", JobState::Disabled, true),
        ("terminate", JobState::Waiting, true),
    ] {
        let instance = job.trigger().await;
        let claimed = client.claim(1, 10_000).await;
        assert_eq!(claimed[0].instance_id, instance);
        assert_eq!(job.view().await.state, JobState::Running);
        job.act(action).await;
        let view = job.view().await;
        assert_eq!(
            (view.state, view.running_instances),
            (state, i64::from(!ends)),
            "{action}"
        );
        let told = client.renew(&[claimed[0].token()]).await;
        assert_eq!(told.len(), usize::from(ends), "{action}: {told:?}");
        if ends {
            assert_eq!(
                world.ended(instance, BOUND).await.summary(),
                ("terminated", 0, 0, 1)
            );
        } else {
            let outcome = antares_protocol::client::Outcome::Succeeded;
            client.report(claimed[0].token(), outcome).await;
            assert_eq!(world.ended(instance, BOUND).await.state, "succeeded");
            assert_eq!(
                job.view().await.state,
                state,
                "it stays paused when the instance ends"
            );
        }
        match state {
            JobState::Paused => job.act("resume").await,
            JobState::Stopped => job.act("schedule").await,
            JobState::Disabled => job.act("enable").await,
            _ => {}
        }
    }
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_trigger_with_a_key_makes_one_instance_however_often_it_is_called() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| spec.param = json!("the job's own"))
        .await;
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let body = json!({ "param": { "day": "2026-03-09" }, "idempotency_key": "2026-03-09" });
    let calls = (0..8).map(|n| {
        let server = if n % 2 == 0 { &a } else { &b };
        server.admin().call(Method::POST, &path, Some(&body))
    });
    let answers = futures_util::future::join_all(calls).await;
    let first = answers[0].1["instance_id"].as_i64().expect("an instance");
    for (status, answer) in &answers {
        assert_eq!(
            (status.as_u16(), answer["instance_id"].as_i64()),
            (202, Some(first)),
            "{answers:?}"
        );
    }
    assert_eq!(world.number("select count(*) from instance", &[]).await, 1);
    let client = app.raw_client(&a, &["work"]).await;
    let claimed = client.claim(5, 10_000).await;
    assert_eq!(
        (claimed.len(), &claimed[0].job_param),
        (1, &json!({ "day": "2026-03-09" }))
    );
    // Without its key, a second one is refused while it runs.
    is_problem(
        &a.admin().call(Method::POST, &path, None).await,
        ProblemKind::IllegalState,
    );
    client
        .report(
            claimed[0].token(),
            antares_protocol::client::Outcome::Succeeded,
        )
        .await;
    world.ended(first, BOUND).await;
    let (_, again) = b.admin().call(Method::POST, &path, Some(&body)).await;
    assert_eq!(
        again["instance_id"], first,
        "the key is remembered after the end"
    );
    let (_, other) = b
        .admin()
        .call(
            Method::POST,
            &path,
            Some(&json!({ "idempotency_key": "2026-03-10" })),
        )
        .await;
    assert_ne!(other["instance_id"], first);
    assert_eq!(
        client.claim(5, 10_000).await[0].job_param,
        json!("the job's own")
    );
    // The key belongs to the job; without one, each call is another instance.
    let second = app.job("report", |_| {}).await;
    let (_, of_second) = a
        .admin()
        .call(
            Method::POST,
            &format!("/api/v1/jobs/{}/trigger", second.id),
            Some(&body),
        )
        .await;
    assert!(
        of_second["instance_id"].as_i64() > other["instance_id"].as_i64(),
        "{of_second}"
    );
    let third = app.job("clean", |_| {}).await;
    let one = third.trigger_with(&Work::default()).await;
    third.act("terminate").await;
    assert_ne!(third.trigger().await, one);
}

#[tokio::test]
async fn the_next_fires_of_a_job_and_of_an_expression_are_previewed() {
    let world = World::new().await;
    let server = world.server().start().await;
    let admin = server.admin();
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.cron = Some("0 30 2 * * ?".to_owned());
            spec.time_zone = "America/New_York".to_owned();
        })
        .await;
    // The clock goes forward at 02:00 on 8 March 2026.
    let query = "after=2026-03-07T00:00:00Z&count=3";
    let expected = [
        "2026-03-07T07:30:00Z",
        "2026-03-09T06:30:00Z",
        "2026-03-10T06:30:00Z",
    ];
    let texts = |times: FireTimes| {
        times
            .fires
            .iter()
            .map(|fire| fire.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        texts(
            admin
                .get(&format!("/api/v1/jobs/{}/next?{query}", job.id))
                .await
        ),
        expected
    );
    let preview = format!("/api/v1/cron/next?cron=0+30+2+*+*+?&time_zone=America/New_York&{query}");
    assert_eq!(texts(admin.get(&preview).await), expected);
    job.act("disable").await;
    let next: FireTimes = admin.get(&format!("/api/v1/jobs/{}/next", job.id)).await;
    assert_eq!(next.fires.len(), 10, "whatever the job's state");
    let on_demand = app.job("on demand", |_| {}).await;
    let next: FireTimes = admin
        .get(&format!("/api/v1/jobs/{}/next", on_demand.id))
        .await;
    assert_eq!(next.fires.len(), 0);
    let ends = "/api/v1/cron/next?cron=0+0+12+31+12+?+2030&after=2029-01-01T00:00:00Z&count=1000";
    assert_eq!(texts(admin.get(ends).await), ["2030-12-31T12:00:00Z"]);
    let bad = admin
        .call(Method::GET, "/api/v1/cron/next?cron=0+0+25+*+*+?", None)
        .await;
    is_problem(&bad, ProblemKind::InvalidField);
    assert_eq!(bad.1["field"], "cron");
    assert!(
        bad.1["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("hours")),
        "{bad:?}"
    );
}
