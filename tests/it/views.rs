//! The SQL views: a stable interface for people and BI tools.

use antares_protocol::client::{Outcome, ReportStatus};
use antares_tests::{BOUND, World, wait_until};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// Every view with its columns, in order. Columns are only ever added, at the end.
const VIEWS: [(&str, &str); 15] = [
    (
        "job_view",
        "job_id app job state version description cron time_zone shard_count prev_fire_at next_fire_at server_id \
         created_at updated_at definition",
    ),
    (
        "tick_history",
        "job_id app job scheduled_at last_scheduled_at count outcome reason instance_id server_id decided_at late_ms",
    ),
    (
        "instance_history",
        "instance_id job_id app job job_version state trigger scheduled_at fired_at ended_at duration_ms total succeeded \
         failed cancelled param reason server_id priority cause_id",
    ),
    (
        "queue_view",
        "instance_id job_id app job trigger scheduled_at queued_at due_at priority param cause_id",
    ),
    (
        "instance_view",
        "instance_id job_id app job job_version phase trigger scheduled_at fired_at deadline_at duration_ms total succeeded failed \
         running param server_id priority cause_id",
    ),
    (
        "attempt_view",
        "shard_id instance_id item attempt client_id client_host client_pid claimed_at deadline_at job_id job_version",
    ),
    (
        "dependency_view",
        "successor_id successor_app successor predecessor_id predecessor_app predecessor on_end pass joins satisfied_by",
    ),
    (
        "calendar_view",
        "calendar_id name version description time_zone author created_at updated_at spec",
    ),
    (
        "job_history",
        "job_id app job version author created_at definition",
    ),
    ("job_action_history", "job_id app job done_at action author"),
    ("limit_view", "key most description running updated_at"),
    (
        "shard_history",
        "shard_id instance_id item param state attempts client_id client_host client_pid claimed_at started_at ended_at \
         duration_ms error output job_id",
    ),
    (
        "attempt_history",
        "shard_id instance_id item attempt outcome final client_id client_host client_pid claimed_at started_at ended_at \
         duration_ms error output job_id job_version",
    ),
    (
        "server_view",
        "server_id host pid address version started_at expires_at draining buckets jobs cpu_percent memory_bytes",
    ),
    (
        "client_view",
        "client_id app host ip pid sdk version handlers labels slots running registered_at expires_at clock_skew_ms",
    ),
];

#[tokio::test]
async fn views_have_the_documented_columns() {
    let world = World::new().await;
    world.migrate().await;
    let found: Vec<(String, Option<String>)> = sqlx::query_as(
        "select relname::text, obj_description(oid) from pg_class where relnamespace = $1::regnamespace and relkind = 'v'",
    )
    .bind(world.namespace())
    .fetch_all(world.pool())
    .await
    .expect("views can be listed");
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let mut expected = VIEWS.map(|(name, _)| name);
    expected.sort_unstable();
    assert_eq!(names, expected);
    for (view, comment) in &found {
        assert!(
            comment
                .as_ref()
                .is_some_and(|comment| comment.ends_with('.')),
            "{view}: {comment:?}"
        );
    }
    let mut wrong = Vec::new();
    for (view, expected) in VIEWS {
        let columns: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "select attname::text, format_type(atttypid, null), col_description(attrelid, attnum) from pg_attribute
             where attrelid = $1::regclass and attnum > 0 order by attnum",
        )
        .bind(view)
        .fetch_all(world.pool())
        .await
        .expect("columns can be listed");
        let names: Vec<&str> = columns.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(
            names,
            expected.split_whitespace().collect::<Vec<_>>(),
            "{view}"
        );
        for (name, kind, comment) in &columns {
            if (kind == "timestamp with time zone") != name.ends_with("_at")
                || name.ends_with("_ms") && kind != "bigint"
            {
                wrong.push(format!("{view}.{name} is {kind}"));
            }
            if comment.is_none() {
                wrong.push(format!("{view}.{name} has no comment"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

type ShardRow = (
    i32,
    Option<Value>,
    String,
    i16,
    Option<Uuid>,
    Option<String>,
    Option<String>,
);

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one run, read through every view")]
async fn history_tells_how_every_shard_and_attempt_ended() {
    let world = World::new().await;
    let server = world
        .server()
        .arguments(&["--failover-wait", "4s"])
        .start()
        .await;
    let app = world.app(&server, "shop").await;
    let spec = json!({
        "name": "settle", "handler": "work", "shard_count": 4, "shard_params": "0=A;1=B;2=C", "max_shards_per_client": 0,
        "param": { "day": 1 },
    });
    let made: Value = server
        .admin()
        .post("/api/v1/jobs", &json!({ "app": "shop", "spec": spec }))
        .await;
    let job = made["id"].as_i64().expect("a job has an id");
    let trigger = format!("/api/v1/jobs/{job}/trigger");
    let triggered: Value = server.admin().post(&trigger, &json!({})).await;
    let instance = triggered["instance_id"]
        .as_i64()
        .expect("an instance has an id");
    let first = app.raw_client(&server, &["work"]).await;
    let shards = first.claim(4, 10_000).await;
    assert_eq!(shards.len(), 4);
    let mut results: Vec<_> = [Outcome::Succeeded, Outcome::Failed, Outcome::Later]
        .into_iter()
        .zip(&shards)
        .map(|(outcome, shard)| antares_protocol::client::ShardResult {
            shard_id: shard.shard_id,
            attempt: 1,
            outcome,
            error: None,
            output: None,
            delay_ms: Some(1),
            checkpoint: None,
            started_at: DateTime::UNIX_EPOCH,
            ended_at: DateTime::UNIX_EPOCH,
        })
        .collect();
    results[0].output = Some("done".to_owned());
    results[1].error = Some("no such order".to_owned());
    assert_eq!(first.report_all(results).await, [ReportStatus::Accepted; 3]);
    // The last one is lost: its client says nothing any more.
    wait_until(
        "the silent client's shard is taken back",
        BOUND,
        async || {
            let attempts = world.attempts(instance).await;
            if attempts.iter().any(|(_, _, outcome)| outcome == "lost") {
                Ok(())
            } else {
                Err(attempts)
            }
        },
    )
    .await;
    let second = app.raw_client(&server, &["work"]).await;
    for shard in second.claim(2, 10_000).await {
        assert_eq!(
            second.report(shard.token(), Outcome::Succeeded).await,
            ReportStatus::Accepted
        );
    }
    if world.try_ended(instance).await.is_none() {
        let rest = second.claim(2, 10_000).await;
        assert_eq!(
            second.report(rest[0].token(), Outcome::Succeeded).await,
            ReportStatus::Accepted
        );
    }
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("failed", 3, 1, 0)
    );

    let rows: Vec<ShardRow> = sqlx::query_as(
        "select item, param, state, attempts, client_id, error, output from shard_history where instance_id = $1 order by item",
    )
    .bind(instance)
    .fetch_all(world.pool())
    .await
    .expect("the view can be read");
    let text = |text: &str| Some(text.to_owned());
    let state = |text: &str| text.to_owned();
    assert_eq!(
        rows,
        [
            (
                0,
                Some(json!("A")),
                state("succeeded"),
                1,
                Some(first.id),
                None,
                text("done")
            ),
            (
                1,
                Some(json!("B")),
                state("failed"),
                1,
                Some(first.id),
                text("no such order"),
                None
            ),
            (
                2,
                Some(json!("C")),
                state("succeeded"),
                2,
                Some(second.id),
                None,
                None
            ),
            // A parameter that is not configured is null.
            (3, None, state("succeeded"), 2, Some(second.id), None, None),
        ]
    );
    let rows: Vec<(i32, i16, String, bool, Uuid, String)> = sqlx::query_as(
        "select item, attempt, outcome, final, client_id, client_host from attempt_history
         where instance_id = $1 and shard_id = (instance_id << 17) + item order by item, attempt",
    )
    .bind(instance)
    .fetch_all(world.pool())
    .await
    .expect("the view can be read");
    let row = |item, attempt, outcome: &str, last, client: &antares_tests::RawClient| {
        (
            item,
            attempt,
            outcome.to_owned(),
            last,
            client.id,
            "raw".to_owned(),
        )
    };
    assert_eq!(
        rows,
        [
            row(0, 1, "succeeded", true, &first),
            row(1, 1, "failed", true, &first),
            row(2, 1, "later", false, &first),
            row(2, 2, "succeeded", true, &second),
            row(3, 1, "lost", false, &first),
            row(3, 2, "succeeded", true, &second),
        ]
    );
    // Times are in order whatever a client's clock says, and durations follow from them.
    let disorder = "select count(*) from attempt_history where instance_id = $1 and not coalesce(
        claimed_at <= started_at and started_at <= ended_at and
        duration_ms = round(extract(epoch from ended_at - started_at) * 1000), outcome = 'lost')";
    assert_eq!(world.number(disorder, &[instance]).await, 0);

    let row: (String, String, String, String, i32, i32, i32, i32, Value, bool) = sqlx::query_as(
        "select app, job, state, trigger, total, succeeded, failed, cancelled, param,
            scheduled_at <= fired_at and fired_at <= ended_at
            and duration_ms = round(extract(epoch from ended_at - fired_at) * 1000) and job_version = 1 and server_id is not null
         from instance_history where instance_id = $1",
    )
    .bind(instance)
    .fetch_one(world.pool())
    .await
    .expect("the view can be read");
    let told = |name: &str| name.to_owned();
    assert_eq!(
        row,
        (
            told("shop"),
            told("settle"),
            told("failed"),
            told("api"),
            4,
            3,
            1,
            0,
            json!({ "day": 1 }),
            true
        )
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn terminated_instances_and_parameters_of_any_json_are_in_the_history() {
    let world = World::new().await;
    let server = world.server().start().await;
    let app = world.app(&server, "shop").await;
    let params = json!(["p=q;r=s", { "a;b=c": ["x;y=z", null] }, 7, null, "0=A;1=B"]);
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 6;
            spec.shard_params = params.as_array().expect("a list").clone();
        })
        .await;
    let instance = job.trigger().await;
    let client = app.raw_client(&server, &["work"]).await;
    let claimed = client.claim(1, 10_000).await;
    assert_eq!((claimed.len(), &claimed[0].param), (1, &json!("p=q;r=s")));
    let row: (i64, i64) =
        sqlx::query_as("select running, slots::bigint from client_view where client_id = $1")
            .bind(client.id)
            .fetch_one(world.pool())
            .await
            .expect("the view can be read");
    assert_eq!(row, (1, 100));
    // What runs is not history yet, and is seen all the same.
    let seen = "select count(*) filter (where instance_id = $1 and (app, job, phase, trigger, total, running, succeeded) =
            ('shop', 'settle', 'run', 'api', 6, 1, 0) and duration_ms >= 0)
        + (select 10 * count(*) filter (where (instance_id, item, attempt, client_host, job_version) = ($1, 0, 1, 'raw', 1)
            and shard_id = $1 << 17) from attempt_view)
        + (select 100 * count(*) from instance_history) from instance_view";
    assert_eq!(world.number(seen, &[instance]).await, 11);
    // A later version does not change what this instance ran with.
    let mut spec = json!(job.view().await.spec);
    spec["shard_params"] = json!([]);
    spec["param"] = json!("later");
    let path = format!("/api/v1/jobs/{}", job.id);
    let (status, _) = server
        .admin()
        .call(reqwest::Method::PUT, &path, Some(&json!({ "spec": spec })))
        .await;
    assert_eq!(status, 200);
    job.act("terminate").await;
    assert_eq!(world.number(seen, &[instance]).await, 100);
    let rows: Vec<(i32, Option<Value>, String, i16, Option<Uuid>)> = sqlx::query_as(
        "select item, param, state, attempts, client_id from shard_history where instance_id = $1 order by item",
    )
    .bind(instance)
    .fetch_all(world.pool())
    .await
    .expect("the view can be read");
    for (item, row) in rows.iter().enumerate() {
        let param = params.get(item).filter(|param| !param.is_null()).cloned();
        let was_claimed = item == 0;
        let stored = row.1.clone().filter(|param| !param.is_null());
        assert_eq!(
            (row.0, stored, row.2.as_str()),
            (item as i32, param, "cancelled")
        );
        assert_eq!(
            (row.3, row.4),
            (i16::from(was_claimed), was_claimed.then_some(client.id)),
            "item {item}"
        );
    }
    assert_eq!(rows.len(), 6);
    let row: (String, i32, i32, Value, String) = sqlx::query_as(
        "select state, cancelled, job_version, param, reason from instance_history where instance_id = $1",
    )
    .bind(instance)
    .fetch_one(world.pool())
    .await
    .expect("the view can be read");
    assert_eq!(
        (row.0.as_str(), row.1, row.2, &row.3),
        ("terminated", 6, 1, &json!(null))
    );
    assert!(row.4.contains("terminated"), "{}", row.4);
    // History outlives the job; the list of jobs does not.
    job.delete().await;
    assert_eq!(world.number("select count(*) from job_view", &[]).await, 0);
    assert_eq!(
        world
            .number(
                "select count(*) from shard_history where state = 'cancelled'",
                &[]
            )
            .await,
        6
    );
    client.leave().await;
    assert_eq!(
        world.number("select count(*) from client_view", &[]).await,
        0
    );
}

#[tokio::test]
async fn ticks_jobs_and_servers_are_read_in_sql() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.cron = Some("* * * * * ?".to_owned());
            spec.handler = Some("nobody's".to_owned());
        })
        .await;
    // The first tick makes an instance that nobody takes; those that follow are skipped while it runs.
    wait_until("a tick is fired and one is skipped", BOUND, async || {
        let seen: Vec<(String, i64)> = sqlx::query_as(
            "select outcome, count(*) from tick_history where job_id = $1 group by 1 order by 1",
        )
        .bind(job.id)
        .fetch_all(world.pool())
        .await
        .expect("the view can be read");
        if seen.len() == 2 { Ok(()) } else { Err(seen) }
    })
    .await;
    let row: (String, i64, i64, DateTime<Utc>) = sqlx::query_as(
        "select state, (definition ->> 'shard_count')::bigint, version::bigint, next_fire_at from job_view
         where job = 'settle' and server_id in (select server_id from server_view)",
    )
    .fetch_one(world.pool())
    .await
    .expect("the view can be read");
    assert_eq!((row.0.as_str(), row.1, row.2), ("running", 1, 1));
    job.act("pause").await;
    let rows: Vec<(String, Option<String>, Option<i64>, i64, bool, bool)> = sqlx::query_as(
        "select outcome, reason, instance_id, count, late_ms between 0 and 20000 and late_ms =
            (extract(epoch from decided_at - last_scheduled_at) * 1000)::bigint, server_id is not null
         from tick_history where app = 'shop' and job = 'settle' order by scheduled_at",
    )
    .fetch_all(world.pool())
    .await
    .expect("the view can be read");
    let (fired, skipped) = (&rows[0], &rows[1]);
    assert_eq!((fired.0.as_str(), &fired.1, fired.3), ("fired", &None, 1));
    let instance = fired.2.expect("a fired tick has an instance");
    assert_eq!(
        world
            .number("select count(*) from instance where id = $1", &[instance])
            .await,
        1
    );
    assert_eq!((skipped.0.as_str(), skipped.2), ("skipped", None));
    assert!(skipped.1.as_ref().is_some_and(|reason| !reason.is_empty()));
    assert!(rows.iter().all(|row| row.4 && row.5), "{rows:?}");
    world.assert_ticks_exact(&job).await;
    // Nothing is to fire it, so no server has it.
    let row: (String, Option<DateTime<Utc>>, bool) = sqlx::query_as(
        "select state, next_fire_at, server_id is null from job_view where job_id = $1",
    )
    .bind(job.id)
    .fetch_one(world.pool())
    .await
    .expect("the view can be read");
    assert_eq!(row, ("paused".to_owned(), None, true));
    let rows: Vec<(String, i32, i64, bool)> = sqlx::query_as(
        "select address, pid, buckets, draining or expires_at <= now() or started_at > now() from server_view order by started_at",
    )
    .fetch_all(world.pool())
    .await
    .expect("the view can be read");
    assert_eq!(rows.len(), 2);
    for (address, pid, buckets, is_odd) in rows {
        let server = if address == a.address() { &a } else { &b };
        assert_eq!(
            (address.as_str(), pid as u32, buckets, is_odd),
            (server.address(), server.process.pid(), 128, false)
        );
    }
}
