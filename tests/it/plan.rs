//! What schedules will do and did: previews, simulations, backfills, explanations, and versions of definitions.

use antares_protocol::plan::{Backfilled, ExplainedWait, Explanation, FireTimes, Simulation};
use antares_protocol::schedule::Overlap;
use antares_tests::{BOUND, Server, World, wait_for, wait_until};
use chrono::{SecondsFormat, TimeDelta};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_preview_tells_the_fires_and_says_them_in_words() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let admin = a.admin();
    let body = json!({ "name": "christmas", "dates": [{ "date": "2026-12-25", "yearly": true, "label": "Christmas" }] });
    let _: Value = admin.post("/api/v1/calendars", &body).await;
    let spec =
        json!({ "name": "settle", "cron": "0 15 10 ? * 6L", "exclude_calendars": ["christmas"] });
    let body = json!({ "app": "shop", "spec": spec, "after": "2026-11-01T00:00:00Z", "count": 2 });
    let times: FireTimes = admin.post("/api/v1/schedule/preview", &body).await;
    assert!(
        times
            .words
            .starts_with("at 10:15 on the last Friday of every month"),
        "{}",
        times.words
    );
    let fires: Vec<String> = times.fires.iter().map(ToString::to_string).collect();
    assert_eq!(
        fires,
        ["2026-11-27 10:15:00 UTC", "2027-01-29 10:15:00 UTC"]
    );
    assert_eq!(times.kept_out.len(), 1);
    assert_eq!(times.kept_out[0].reason, "calendar christmas: Christmas");
    for (spec, field) in [
        (json!({ "name": "x", "cron": "0 0 25 * * ?" }), "spec.cron"),
        (
            json!({ "name": "x", "cron": "0 0 2 * * ?", "at": ["2026-01-01T00:00:00Z"] }),
            "spec.at",
        ),
        (
            json!({ "name": "x", "fixed_rate_ms": 1 }),
            "spec.fixed_rate_ms",
        ),
        (
            json!({ "name": "x", "jitter_ms": 1e9 as u64 }),
            "spec.jitter_ms",
        ),
        (
            json!({ "name": "x", "overlap": { "queue": 0 } }),
            "spec.overlap",
        ),
        (json!({ "name": "x", "priority": 2000 }), "spec.priority"),
        (
            json!({ "name": "x", "assignment": { "chosen": {} } }),
            "spec.assignment.chosen",
        ),
        (
            json!({ "name": "x", "retry": { "delay_ms": 1e12 as u64 } }),
            "spec.retry.delay_ms",
        ),
    ] {
        let body = json!({ "spec": spec });
        let (status, answer) = admin
            .call(Method::POST, "/api/v1/schedule/preview", Some(&body))
            .await;
        assert_eq!(status, 422, "{answer}");
        assert!(
            answer["field"].as_str().unwrap().starts_with(field),
            "{answer}"
        );
    }
    // Half a year of a dense schedule is counted, and the first fires told.
    app.job("dense", |s| s.cron = Some("*/10 * * * * ?".into()))
        .await;
    app.job("hourly", |s| s.fixed_rate_ms = Some(3_600_000))
        .await;
    let path = "/api/v1/schedule/simulation?from=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z";
    let simulation: Simulation = admin.get(path).await;
    assert_eq!(simulation.total, 31 * 24 * (360 + 1));
    assert_eq!((simulation.fires.len(), simulation.busiest), (10_000, 7));
    let mut command =
        std::process::Command::new(antares_tests::program("antares-server-under-test"));
    command.args([
        "simulate",
        "--database-url",
        world.database().url(),
        "--namespace",
        world.namespace(),
    ]);
    command.args([
        "--from",
        "2026-01-01T00:00:00Z",
        "--until",
        "2026-02-01T00:00:00Z",
        "--summary",
    ]);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("shop/dense: 267840 fires"), "{text}");
    assert!(
        text.contains("busiest: 7 fires in the minute of 2026-01-01T00:00:00Z"),
        "{text}"
    );
}

#[tokio::test]
async fn a_backfill_fires_each_tick_of_the_past_once() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s| {
            s.cron = Some("0 0 3 * * ?".into());
            s.overlap = Overlap::Queue(1);
        })
        .await;
    let path = format!("/api/v1/jobs/{}/backfill", job.id);
    let mut body =
        json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-01-11T00:00:00Z", "dry_run": true });
    let dry: Backfilled = a.admin().post(&path, &body).await;
    assert_eq!((dry.ticks.len(), dry.instance_ids.len()), (10, 0));
    assert_eq!(
        world
            .number("select count(*) from instance_queued", &[])
            .await,
        0
    );
    body["dry_run"] = json!(false);
    // Two people at the same moment.
    let (one, two) = tokio::join!(
        a.admin().post::<Backfilled>(&path, &body),
        b.admin().post::<Backfilled>(&path, &body)
    );
    let (ids, before) = (
        one.instance_ids.len() + two.instance_ids.len(),
        one.done_before + two.done_before,
    );
    assert_eq!((ids, before), (10, 10));
    let client = world.client(&app, &[&a, &b]).start().await;
    let ended = "select count(*) from instance_ended where job_id = $1 and trigger = 'backfill' and state = 'succeeded'";
    wait_for("all have run", BOUND, 10, async || {
        world.number(ended, &[job.id]).await
    })
    .await;
    let days = "select count(distinct scheduled_at) from instance_ended where job_id = $1 and scheduled_at < '2026-01-11'";
    assert_eq!(world.number(days, &[job.id]).await, 10);
    for (from, until, field) in [
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "until"),
        ("2026-01-02T00:00:00Z", "2199-01-01T00:00:00Z", "until"),
    ] {
        let body = json!({ "from": from, "until": until });
        let (status, answer) = a.admin().call(Method::POST, &path, Some(&body)).await;
        assert_eq!(
            (status.as_u16(), &answer["field"]),
            (422, &json!(field)),
            "{answer}"
        );
    }
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn a_backfill_that_was_stopped_can_be_repeated_and_is_explained() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s| {
            s.cron = Some("0 0 3 * * ?".into());
            s.overlap = Overlap::Queue(3);
        })
        .await;
    let path = format!("/api/v1/jobs/{}/backfill", job.id);
    // The first may start at once, before it is stopped.
    let body = json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-01-04T00:00:00Z", "interval_ms": 86_400_000 });
    let first: Backfilled = a.admin().post(&path, &body).await;
    assert_eq!(first.instance_ids.len(), 3);
    job.act("stop").await;
    job.act("schedule").await;
    let explain = format!("/api/v1/jobs/{}/explain", job.id);
    let explained: Explanation = b.admin().get(&explain).await;
    let told: Vec<(i64, Option<&str>)> = (explained.never_began.iter())
        .map(|instance| (instance.id, instance.reason.as_deref()))
        .collect();
    let reason = Some("the job was stopped");
    assert_eq!(
        told[..2],
        [
            (first.instance_ids[2], reason),
            (first.instance_ids[1], reason)
        ]
    );
    let told: Vec<(&str, &str)> = (explained.actions.iter())
        .map(|one| (one.action.as_str(), one.author.as_str()))
        .collect();
    assert_eq!(told, [("schedule", "admin"), ("stop", "admin")]);
    // Of a time before it tells what was done last until then, and nothing later.
    let [schedule, stop] = &explained.actions[..] else {
        unreachable!("there are two")
    };
    let between = format!(
        "{explain}?from={}&until={}",
        (stop.at + TimeDelta::microseconds(1)).to_rfc3339_opts(SecondsFormat::Micros, true),
        schedule.at.to_rfc3339_opts(SecondsFormat::Micros, true)
    );
    let explained: Explanation = b.admin().get(&between).await;
    assert_eq!(explained.actions, std::slice::from_ref(stop));
    let again: Backfilled = b.admin().post(&path, &body).await;
    assert_eq!(again.instance_ids.len() as u64 + again.done_before, 3);
    assert!(again.done_before < 2, "{again:?}");
    let last: Backfilled = b.admin().post(&path, &body).await;
    assert_eq!((last.instance_ids.len(), last.done_before), (0, 3));
}

#[tokio::test]
async fn backfills_one_after_the_other_keep_their_distance() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s| {
            s.cron = Some("0 0 3 * * ?".into());
            s.overlap = Overlap::Queue(1);
        })
        .await;
    let path = format!("/api/v1/jobs/{}/backfill", job.id);
    let client = world.client(&app, &[&a, &b]).start().await;
    let mut queued = 0;
    // The first of the second call comes after the last of the first, whether that has started or not.
    for (from, until, server) in [
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", &a),
        ("2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z", &b),
        ("2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z", &a),
    ] {
        let body = json!({ "from": from, "until": until, "interval_ms": 3_600_000 });
        let done: Backfilled = server.admin().post(&path, &body).await;
        queued += done.instance_ids.len();
        if queued == 1 {
            let ended = world.ended(done.instance_ids[0], BOUND).await;
            assert_eq!(ended.summary(), ("succeeded", 1, 0, 0));
        }
    }
    assert_eq!(queued, 4);
    let gaps: Vec<i64> = sqlx::query_scalar(
        "select round(extract(epoch from due_at - lag(due_at) over (order by scheduled_at)))::bigint
         from instance_queued where job_id = $1 order by scheduled_at offset 1",
    )
    .bind(job.id)
    .fetch_all(world.pool())
    .await
    .unwrap();
    assert_eq!(gaps, [3600, 3600]);
    let first = "select extract(epoch from min(due_at) - now())::bigint from instance_queued where job_id = $1";
    let first = world.number(first, &[job.id]).await;
    assert!(first > 0, "it may start in {first} s");
    drop(client);
}

#[tokio::test]
async fn backfills_that_were_held_up_keep_their_distance() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s| {
            s.cron = Some("0 0 3 * * ?".into());
            s.overlap = Overlap::Allow(10);
        })
        .await;
    let body = json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-01-05T00:00:00Z", "interval_ms": 1000 });
    let path = format!("/api/v1/jobs/{}/backfill", job.id);
    let done: Backfilled = a.admin().post(&path, &body).await;
    assert_eq!(done.instance_ids.len(), 4);
    job.act("pause").await;
    // As if it had been paused for an hour. The first may have started before.
    let held_up: Vec<i64> = sqlx::query_scalar(
        "update instance_queued set due_at = due_at - interval '1 h' returning id",
    )
    .fetch_all(world.pool())
    .await
    .unwrap();
    assert!(held_up.len() >= 3, "{held_up:?}");
    let client = world.client(&app, &[&a, &b]).start().await;
    job.at(&b).act("resume").await;
    for id in &done.instance_ids {
        let ended = world.ended(*id, BOUND).await;
        assert_eq!(ended.summary(), ("succeeded", 1, 0, 0));
    }
    let least: i64 = sqlx::query_scalar(
        "select (extract(epoch from min(gap)) * 1000)::bigint from (
            select fired_at - lag(fired_at) over (order by fired_at) as gap
            from instance_ended where id = any($1)) g",
    )
    .bind(&held_up)
    .fetch_one(world.pool())
    .await
    .unwrap();
    assert!(least >= 900, "{least} ms from one to the next");
    drop(client);
}

#[tokio::test]
async fn an_explanation_names_what_each_tick_came_to_and_what_each_instance_waits_for() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s| {
            s.cron = Some("* * * * * ?".into());
            s.overlap = Overlap::Queue(1);
        })
        .await;
    let path = format!("/api/v1/jobs/{}/explain", job.id);
    let explained = wait_until("one runs, one waits, one is skipped", BOUND, async || {
        let explained: Explanation = a.admin().get(&path).await;
        let skipped = explained.ticks.iter().any(|tick| tick.instance.is_none());
        if skipped && explained.waits.len() == 2 {
            Ok(explained)
        } else {
            Err(explained)
        }
    })
    .await;
    assert!(explained.now.contains("due next at"), "{}", explained.now);
    assert_eq!(explained.words, "every second");
    assert!(explained.policy.contains("waits behind it, 1 at most"));
    assert!(explained.waits[0].reasons[0].contains("no client of the app shop is online"));
    assert!(explained.waits[1].reasons[0].contains("overlap policy allows no more"));
    for wait in &explained.waits {
        let path = format!("/api/v1/instances/{}/explain", wait.instance.id);
        let alone: ExplainedWait = a.admin().get(&path).await;
        assert_eq!(alone.instance.id, wait.instance.id);
        assert_eq!(alone.reasons, wait.reasons);
    }
    let skipped = explained
        .ticks
        .iter()
        .find(|tick| tick.instance.is_none())
        .unwrap();
    assert_eq!(
        skipped.tick.reason.as_deref(),
        Some("overlap: the queue of the job was full, at 1")
    );
    assert!(skipped.server_id.is_some());
    let client = world.client(&app, &[&a]).handlers(&["other"]).start().await;
    let explained: Explanation = a.admin().get(&path).await;
    assert!(explained.waits[0].reasons[0].contains("has the handler work"));
    job.act("pause").await;
    let explained: Explanation = a.admin().get(&path).await;
    assert!(explained.now.contains("paused"));
    drop(client);
}

#[tokio::test]
async fn versions_are_listed_compared_and_rolled_back_and_jobs_copied() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let (shop, bank) = (world.app(&a, "shop").await, world.app(&a, "bank").await);
    let job = shop
        .job("work", |s| s.cron = Some("0 0 3 * * ?".into()))
        .await;
    let path = format!("/api/v1/jobs/{}", job.id);
    let mut spec = serde_json::to_value(job.view().await.spec).unwrap();
    spec["cron"] = json!("0 0 4 * * ?");
    spec["retry"] = json!({ "delay_ms": 5 });
    let _: Value = {
        let (status, answer) = a
            .admin()
            .call(Method::PUT, &path, Some(&json!({ "spec": spec })))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let versions: Value = a.admin().get(&format!("{path}/versions")).await;
    assert_eq!(versions["items"][0]["version"], 2);
    assert_eq!(versions["items"][0]["author"], "admin");
    let fields: Vec<&str> = versions["items"][0]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["cron", "retry"]);
    let page: Value = a.admin().get(&format!("{path}/versions?limit=1")).await;
    assert_eq!(
        (&page["next"], page["items"].as_array().unwrap().len()),
        (&json!("2"), 1)
    );
    let diff: Value = b.admin().get(&format!("{path}/diff?from=2&to=1")).await;
    assert_eq!(
        diff["changes"][0],
        json!({ "field": "cron", "from": "0 0 4 * * ?", "to": "0 0 3 * * ?" })
    );
    let rollback = json!({ "version": 1, "based_on": 2 });
    let rolled = format!("{path}/rollback");
    let (one, two) = tokio::join!(
        a.admin().call(Method::POST, &rolled, Some(&rollback)),
        b.admin().call(Method::POST, &rolled, Some(&rollback))
    );
    let mut statuses = [one.0.as_u16(), two.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let view = job.view().await;
    assert_eq!(
        (view.version, view.spec.cron.as_deref()),
        (3, Some("0 0 3 * * ?"))
    );
    let unknown = json!({ "version": 9 });
    refuses(&a, Method::POST, &rolled, Some(&unknown), (404, "version")).await;
    let diff = format!("{path}/diff?from=1&to=9");
    refuses(&a, Method::GET, &diff, None, (404, "to")).await;
    // Copies: one that follows the other, and one whose name is taken.
    let follows =
        json!({ "app": "shop", "spec": { "name": "after", "depends_on": [{ "job": "work" }] } });
    let _: Value = a.admin().post("/api/v1/jobs", &follows).await;
    // It is older than what it follows, which it names with its app.
    let early = shop.job("early", |_| {}).await;
    let late = json!({ "app": "shop", "spec": { "name": "late" } });
    let _: Value = a.admin().post("/api/v1/jobs", &late).await;
    let late =
        json!({ "spec": { "name": "early", "depends_on": [{ "app": "shop", "job": "late" }] } });
    let path = format!("/api/v1/jobs/{}", early.id);
    let (status, answer) = a.admin().call(Method::PUT, &path, Some(&late)).await;
    assert_eq!(status, 200, "{answer}");
    bank.job("taken", |_| {}).await;
    shop.job("taken", |s| s.priority = 7).await;
    let copy = format!("/api/v1/apps/{}/copy", job.view().await.app_id);
    let all = json!({ "to": "bank" });
    let (status, answer) = a.admin().call(Method::POST, &copy, Some(&all)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer,
        json!({ "created": ["work", "after", "late", "early"], "replaced": [], "kept": ["taken"] })
    );
    let (_, answer) = a
        .admin()
        .call(
            Method::POST,
            &copy,
            Some(&json!({ "to": "bank", "jobs": ["taken"], "replace": true })),
        )
        .await;
    assert_eq!(answer["replaced"], json!(["taken"]));
    let edges = "select count(*) from dependency_view where successor_app = 'bank' and predecessor_app = 'bank'";
    assert_eq!(world.number(edges, &[]).await, 2);
    let state =
        "select count(*) from job_view where app = 'bank' and job = 'work' and state = 'disabled'";
    assert_eq!(world.number(state, &[]).await, 1);
    for (body, field) in [
        (json!({ "to": "nowhere" }), "to"),
        (json!({ "to": "shop" }), "to"),
        (json!({ "to": "bank", "jobs": ["nothing"] }), "jobs"),
        (json!({ "to": "bank", "jobs": [] }), "jobs"),
    ] {
        refuses(&a, Method::POST, &copy, Some(&body), (422, field)).await;
    }
}

/// Whether a call is answered with the status `expected`, and the field that is to blame.
async fn refuses(
    server: &Server,
    method: Method,
    path: &str,
    body: Option<&Value>,
    expected: (u16, &str),
) {
    let (status, answer) = server.admin().call(method, path, body).await;
    assert_eq!(
        (status.as_u16(), answer["field"].as_str()),
        (expected.0, Some(expected.1)),
        "{answer}"
    );
}
