//! Triggers that meet what others do at the same moment, and what states say to them.

use std::time::{Duration, Instant};

use antares_protocol::client::Outcome;
use antares_protocol::job::{Job as JobView, JobSpec};
use antares_protocol::schedule::Overlap;
use antares_tests::{BOUND, World, wait_for, wait_until};
use reqwest::Method;
use serde_json::json;

use super::starting::{DENSE, QUEUED, at_least, trigger};

#[tokio::test]
async fn a_key_that_is_in_use_is_waited_for_shortly_and_keeps_no_tick_from_firing() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let dense = |spec: &mut JobSpec| {
        spec.cron = Some(DENSE.to_owned());
        spec.overlap = Overlap::Allow(100);
    };
    let job = app.job("work", dense).await;
    let other = world.app(&a, "other").await.job("other", dense).await;
    let mut open = world.pool().begin().await.unwrap();
    sqlx::query("select antares_trigger('shop', 'work', '1', 'order 1')")
        .execute(&mut *open)
        .await
        .unwrap();
    let keyed = json!({ "idempotency_key": "order 1" });
    let late = "select coalesce(max(extract(epoch from decided_at - last_scheduled_at) * 1000), 0)::bigint from tick where job_id = $1";
    let (status, answer) = trigger(&job, &a, &keyed).await;
    assert_eq!(status, 409, "{answer}");
    assert!(
        answer["detail"].as_str().unwrap().contains("order 1"),
        "{answer}"
    );
    // A call without the key is not held up by one with it, nor are ticks.
    let (status, _) = trigger(&job, &a, &json!({})).await;
    assert_eq!(status, 202);
    let ticks = "select count(*) from tick where job_id = $1 and outcome = 'fired'";
    at_least(&world, "seconds pass", ticks, &other, 3).await;
    for job in [&job, &other] {
        let late = world.number(late, &[job.id]).await;
        assert!(late < 1500, "a tick was {late} ms late");
    }
    // Many that wait for it leave the server to others.
    let waits = futures_util::future::join_all((0..20).map(|_| trigger(&job, &a, &keyed)));
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let begun = Instant::now();
            let _: JobView = a.admin().get(&format!("/api/v1/jobs/{}", other.id)).await;
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    };
    let (answers, slowest) = tokio::join!(waits, others);
    assert!(answers.iter().all(|(status, _)| *status == 409));
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    open.rollback().await.unwrap();
    let (status, first) = trigger(&job, &a, &keyed).await;
    assert_eq!(status, 202);
    let (_, again) = trigger(&job, &a, &keyed).await;
    assert_eq!(again, first);
}

#[tokio::test]
async fn sql_triggers_have_priority_and_delay() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("work", |_| {}).await;
    let call = "select antares_trigger('shop', 'work', priority => 7, delay => '1 hour')";
    let id: i64 = sqlx::query_scalar(call)
        .fetch_one(world.pool())
        .await
        .unwrap();
    let queued = "select priority * 1000 + extract(epoch from due_at - now())::bigint / 60 from instance_queued where id = $1";
    let found = world.number(queued, &[id]).await;
    assert!((7058..=7060).contains(&found), "{found}");
    for (call, named) in [
        (
            "select antares_trigger('shop', 'work', priority => 2000)",
            "priority 2000",
        ),
        (
            "select antares_trigger('shop', 'work', delay => '-1 s')",
            "delay",
        ),
    ] {
        let error = sqlx::query(call).execute(world.pool()).await.unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
    assert_eq!(world.number(QUEUED, &[job.id]).await, 1);
}

#[tokio::test]
async fn what_programs_cannot_read_is_not_triggered_and_keeps_nothing_from_starting() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |spec| spec.overlap = Overlap::Queue(10))
        .await;
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let by_sql = "select antares_trigger('shop', 'work', $1::jsonb, $2)";
    let written =
        "insert into instance_queued (job_id, app_id, trigger, scheduled_at, priority, param)
        select id, app_id, 'sql', now(), 0, $1::jsonb from job where name = 'work'";
    for (param, told) in [
        ("{\"x\": [1e400]}".to_owned(), "a number beyond"),
        ("[-1e400]".to_owned(), "a number beyond"),
        (nested(101), "more than 100 deep"),
        (nested(200), "more than 100 deep"),
        (
            "{\"x\": 123456789012345678901234567890}".to_owned(),
            "an integer beyond 64 bits",
        ),
    ] {
        let call = sqlx::query(by_sql).bind(&param).bind(None::<&str>);
        let error = call.execute(world.pool()).await.unwrap_err().to_string();
        assert!(
            error.contains(&format!("param holds {told}"))
                || error.contains(&format!("param is nested {told}")),
            "{param}: {error}"
        );
        // Nor by who writes past the function.
        let call = sqlx::query(written).bind(&param);
        let error = call.execute(world.pool()).await.unwrap_err().to_string();
        assert!(
            error.contains("instance_queued_param_check"),
            "{param}: {error}"
        );
    }
    let call = sqlx::query(by_sql).bind("1").bind(Some("a\nb"));
    let error = call.execute(world.pool()).await.unwrap_err().to_string();
    assert!(error.contains("hold control characters"), "{error}");
    for key in [" a", "a ", "\u{2003}a"] {
        let call = sqlx::query(by_sql).bind("1").bind(Some(key));
        let error = call.execute(world.pool()).await.unwrap_err().to_string();
        assert!(error.contains("start or end with a space"), "{error}");
    }
    // As over the API, null is the parameter of the job.
    let null: i64 = sqlx::query_scalar(by_sql)
        .bind("null")
        .bind(None::<&str>)
        .fetch_one(world.pool())
        .await
        .unwrap();
    let started = "select count(*) from instance where id = $1 and param is null";
    wait_for("it has no parameter of its own", BOUND, 1, async || {
        world.number(started, &[null]).await
    })
    .await;
    job.act("terminate").await;
    // Nor by the API, which hands it to clients within something else.
    let mut param = json!(1);
    for _ in 0..100 {
        param = json!([param]);
    }
    let (status, answer) = trigger(&job, &a, &json!({ "param": param })).await;
    assert_eq!(status, 400, "{answer}");
    assert!(
        answer["detail"].as_str().unwrap().contains("100 deep"),
        "{answer}"
    );
    // The most that is allowed is read by all.
    let mut ids = Vec::new();
    for param in [
        &*nested(100),
        "1e300",
        "[18446744073709551615, -9223372036854775808, 0.1234567890123456789, 1e30]",
    ] {
        let call = sqlx::query_scalar(by_sql).bind(param).bind(None::<&str>);
        let id: i64 = call.fetch_one(world.pool()).await.unwrap();
        ids.push(id);
    }
    let param = param[0].take();
    let (status, answer) = trigger(&job, &a, &json!({ "param": param })).await;
    assert_eq!(status, 202, "{answer}");
    ids.push(answer["instance_id"].as_i64().unwrap());
    let client = app.raw_client(&a, &["work"]).await;
    for id in ids {
        let shards = client.claim(1, 10_000).await;
        assert_eq!(shards.len(), 1);
        assert_eq!(shards[0].instance_id, id);
        client.report(shards[0].token(), Outcome::Succeeded).await;
    }
    client.leave().await;
}

#[tokio::test]
async fn a_program_may_trigger_without_a_way_into_the_tables() {
    let world = World::new().await;
    let [a] = world.servers().await;
    world.app(&a, "shop").await.job("work", |_| {}).await;
    let schema: String = sqlx::query_scalar("select current_schema()::text")
        .fetch_one(world.pool())
        .await
        .unwrap();
    let role = format!("{schema}_program");
    world
        .execute(&format!(
            "create role {role}; grant usage on schema {schema} to {role}"
        ))
        .await;
    let mut program = world.pool().acquire().await.unwrap();
    let mut tell = async |sql: &str| {
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut *program)
            .await;
        done.map(|_| ()).map_err(|error| error.to_string())
    };
    let call = "select antares_trigger('shop', 'work', '1', 'order 1')";
    tell(&format!("set role {role}")).await.unwrap();
    // Unless it is told that it may.
    let refused = tell(call).await.unwrap_err();
    assert!(
        refused.contains("permission denied for function"),
        "{refused}"
    );
    tell("reset role").await.unwrap();
    tell(&format!(
        "grant execute on function antares_trigger to {role}"
    ))
    .await
    .unwrap();
    // A table of its own is not taken for one of ours.
    tell(&format!(
        "set role {role}; create temporary table job (id bigint)"
    ))
    .await
    .unwrap();
    tell(call).await.unwrap();
    for past in [
        "select * from job_schedule",
        "delete from instance_queued",
        "insert into trigger_key values (1, 'a', 1)",
    ] {
        let refused = tell(past).await.unwrap_err();
        assert!(refused.contains("permission denied"), "{past}: {refused}");
    }
    tell(&format!(
        "reset role; drop table job; drop owned by {role}; drop role {role}"
    ))
    .await
    .unwrap();
    assert_eq!(
        world
            .number(
                "select count(*) from trigger_key where key = 'order 1'",
                &[]
            )
            .await,
        1
    );
}

#[tokio::test]
async fn a_key_is_kept_as_long_as_its_instance_is_known() {
    let world = World::new().await;
    let [mut a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |spec| spec.overlap = Overlap::Queue(10))
        .await;
    let keyed = |key: &str, delay_ms: u64| json!({ "idempotency_key": key, "delay_ms": delay_ms });
    let mut made = Vec::new();
    for (key, delay_ms) in [("ended", 0), ("runs", 0), ("waits", 5_184_000_000)] {
        let (status, answer) = trigger(&job, &a, &keyed(key, delay_ms)).await;
        assert_eq!(status, 202, "{answer}");
        let id = answer["instance_id"].clone();
        if key == "ended" {
            let path = format!("/api/v1/instances/{id}/terminate");
            a.admin().call(Method::POST, &path, None).await;
        }
        made.push((key, id));
    }
    let gone = "insert into trigger_key (job_id, key, instance_id) values ";
    world
        .execute(&format!("{gone} ({}, 'gone', 0)", job.id))
        .await;
    world
        .execute("update trigger_key set created_at = now() - interval '32 days'")
        .await;
    // Each replica looks when it starts.
    a.process.kill();
    let again = world.server().start().await;
    wait_until(
        "what is known no longer is forgotten",
        BOUND,
        async || match world
            .number("select count(*) from trigger_key where key = 'gone'", &[])
            .await
        {
            0 => Ok(()),
            n => Err(n),
        },
    )
    .await;
    for (key, first) in made {
        let (status, answer) = trigger(&job.at(&b), &b, &keyed(key, 0)).await;
        assert_eq!(
            (status, &answer["instance_id"]),
            (202, &first),
            "{key}: {answer}"
        );
    }
    drop(again);
}

#[tokio::test]
async fn a_refusal_names_the_state_that_the_job_is_shown_in() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("work", |_| {}).await;
    job.trigger().await;
    let path = format!("/api/v1/jobs/{}/resume", job.id);
    let (status, answer) = a.admin().call(Method::POST, &path, None).await;
    assert_eq!(status, 409);
    assert!(
        answer["detail"]
            .as_str()
            .unwrap()
            .contains("that is running"),
        "{answer}"
    );
}

#[tokio::test]
async fn many_triggers_are_made_in_their_order_with_a_key_or_without() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| spec.overlap = Overlap::Queue(5))
        .await;
    let named = |key: Option<&str>| json!({ "job_id": job.id, "idempotency_key": key });
    let asked = [None, Some("a"), None, None, Some("b"), None].map(named);
    let (status, answer) = server
        .admin()
        .call(
            Method::POST,
            "/api/v1/triggers",
            Some(&json!({ "triggers": asked })),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let ids: Vec<i64> = serde_json::from_value::<Vec<serde_json::Value>>(answer["results"].clone())
        .expect("the results are a list")
        .iter()
        .map(|result| result["instance_id"].as_i64().expect("each is made"))
        .collect();
    assert!(ids.is_sorted(), "{ids:?}");
}
