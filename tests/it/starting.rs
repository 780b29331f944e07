//! Instances that wait for their turn: overlap policies, delayed starts, and jobs that follow others.

use std::time::Duration;

use antares_protocol::instance::{Instance, InstanceState};
use antares_protocol::job::JobSpec;
use antares_protocol::plan::Explanation;
use antares_protocol::policy::{Dependency, DependencyOn, Join, Pass};
use antares_protocol::schedule::Overlap;
use antares_tests::{App, BOUND, Job, Server, Work, World, wait_for, wait_until};
use reqwest::Method;
use serde_json::{Value, json};

pub(super) const DENSE: &str = "* * * * * ?";
pub(super) const RUNNING: &str = "select count(*) from instance where job_id = $1";
pub(super) const QUEUED: &str = "select count(*) from instance_queued where job_id = $1";

pub(super) async fn gated(
    world: &World,
    app: &App,
    gate: &str,
    change: impl FnOnce(&mut JobSpec),
) -> Job {
    let work = world.gate(gate).work();
    app.job("work", |spec| {
        spec.param = work.param();
        change(spec);
    })
    .await
}

pub(super) async fn trigger(job: &Job, server: &Server, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let (status, body) = server.admin().call(Method::POST, &path, Some(body)).await;
    (status.as_u16(), body)
}

pub(super) async fn at_least(world: &World, what: &str, sql: &'static str, job: &Job, n: i64) {
    wait_until(what, BOUND, async || {
        match world.number(sql, &[job.id]).await {
            found if found >= n => Ok(()),
            found => Err(found),
        }
    })
    .await;
}

#[tokio::test]
async fn a_queue_holds_as_many_as_it_may_and_they_run_one_after_the_other() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = gated(&world, &app, "gate", |s| s.overlap = Overlap::Queue(3)).await;
    // At the same moment, through both servers.
    let nothing = json!({});
    let calls = (0..12).map(|n| trigger(&job, if n % 2 == 0 { &a } else { &b }, &nothing));
    let calls = calls.collect::<Vec<_>>();
    let answers = futures_util::future::join_all(calls).await;
    let accepted: Vec<i64> = answers
        .iter()
        .filter(|(status, _)| *status == 202)
        .map(|(_, body)| body["instance_id"].as_i64().unwrap())
        .collect();
    assert_eq!(accepted.len(), 4, "{answers:?}");
    for (_, body) in answers.iter().filter(|(status, _)| *status != 202) {
        assert_eq!(body["status"], 409, "{body}");
        assert_eq!(body["type"], "/problems/illegal-state");
    }
    assert_eq!(world.number(RUNNING, &[job.id]).await, 1);
    assert_eq!(world.number(QUEUED, &[job.id]).await, 3);
    let last = *accepted.iter().max().unwrap();
    let waiting: Instance = a.admin().get(&format!("/api/v1/instances/{last}")).await;
    assert_eq!(waiting.state, InstanceState::Queued);
    let client = world
        .client(&app, &[&a, &b])
        .handlers(&["work"])
        .start()
        .await;
    world.gate("gate").open();
    for id in &accepted {
        let ended = world.ended(*id, BOUND).await;
        assert_eq!(ended.summary(), ("succeeded", 1, 0, 0));
    }
    // One began when the one before had ended.
    let overlaps = "select count(*) from instance_ended x join instance_ended y on x.id < y.id
        where x.fired_at < y.ended_at and y.fired_at < x.ended_at and x.job_id = $1 and y.job_id = $1";
    assert_eq!(world.number(overlaps, &[job.id]).await, 0);
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn as_many_instances_run_at_a_time_as_are_allowed_whoever_fires_them() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = gated(&world, &app, "gate", |s| {
        s.overlap = Overlap::Allow(3);
        s.cron = Some(DENSE.to_owned());
    })
    .await;
    let skipped = "select count(*) from tick where job_id = $1 and outcome = 'skipped'
        and reason = 'overlap: as many instances of the job were running as may, which is 3'";
    at_least(&world, "ticks are skipped", skipped, &job, 2).await;
    let nothing = json!({});
    let calls = (0..6).map(|n| trigger(&job, if n % 2 == 0 { &a } else { &b }, &nothing));
    let answers = futures_util::future::join_all(calls.collect::<Vec<_>>()).await;
    assert!(
        answers.iter().all(|(status, _)| *status == 409),
        "{answers:?}"
    );
    assert_eq!(world.number(RUNNING, &[job.id]).await, 3);
    let slots =
        "select count(distinct slot) from instance where job_id = $1 and slot between 0 and 2";
    assert_eq!(world.number(slots, &[job.id]).await, 3);
    world.assert_ticks_exact(&job).await;
    world.assert_consistent().await;
}

#[tokio::test]
async fn a_new_instance_replaces_the_one_that_runs() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = gated(&world, &app, "gate", |s| s.overlap = Overlap::Replace).await;
    let client = world
        .client(&app, &[&a, &b])
        .handlers(&["work"])
        .start()
        .await;
    let first = job.trigger().await;
    world.begun(first, 1).await;
    let second = job.at(&b).trigger().await;
    let ended = world.ended(first, BOUND).await;
    assert_eq!(ended.summary(), ("terminated", 0, 0, 1));
    assert_eq!(ended.reason, Some(format!("replaced by instance {second}")));
    world.begun(second, 1).await;
    world.gate("gate").open();
    let ended = world.ended(second, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 1, 0, 0));
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn a_server_killed_with_a_queue_leaves_it_to_the_other_one() {
    let world = World::new().await;
    let [mut a, b] = world.servers().await;
    let app = world.app(&b, "shop").await;
    let job = gated(&world, &app, "gate", |s| s.overlap = Overlap::Queue(100)).await;
    let mut instances = Vec::new();
    for _ in 0..20 {
        instances.push(job.at(&a).trigger().await);
    }
    let client = world.client(&app, &[&b]).handlers(&["work"]).start().await;
    world.gate("gate").open();
    world.ended(instances[2], BOUND).await;
    a.process.kill();
    for id in &instances {
        let ended = world.ended(*id, Duration::from_secs(40)).await;
        assert_eq!(ended.summary(), ("succeeded", 1, 0, 0));
    }
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn stopping_or_terminating_ends_what_is_queued_and_pausing_keeps_it() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = gated(&world, &app, "gate", |s| s.overlap = Overlap::Queue(9)).await;
    let first = job.trigger().await;
    let [second, third] = [job.trigger().await, job.trigger().await];
    let path = format!("/api/v1/instances/{third}/terminate");
    let ended: Instance = a.admin().post(&path, &json!({})).await;
    assert_eq!(ended.state, InstanceState::Terminated);
    assert_eq!(world.ended(third, BOUND).await.total, 0);
    job.act("pause").await;
    let path = format!("/api/v1/instances/{first}/terminate");
    let _: Instance = a.admin().post(&path, &json!({})).await;
    world.ended(first, BOUND).await;
    // Another job shows that the server starts what may start.
    let other = app.job("other", |s| s.overlap = Overlap::Queue(9)).await;
    let [running, next] = [other.trigger().await, other.trigger().await];
    let path = format!("/api/v1/instances/{running}/terminate");
    let _: Instance = a.admin().post(&path, &json!({})).await;
    let is_running = "select count(*) from instance where id = $1";
    wait_for("the next one starts", BOUND, 1, async || {
        world.number(is_running, &[next]).await
    })
    .await;
    assert_eq!(world.number(QUEUED, &[job.id]).await, 1);
    assert_eq!(world.number(is_running, &[second]).await, 0);
    job.act("resume").await;
    wait_for("it goes on", BOUND, 1, async || {
        world.number(is_running, &[second]).await
    })
    .await;
    job.trigger().await;
    job.act("stop").await;
    assert_eq!(world.number(QUEUED, &[job.id]).await, 0);
    assert_eq!(world.number(RUNNING, &[job.id]).await, 0);
    let reason =
        "select count(*) from instance_ended where job_id = $1 and reason = 'the job was stopped'";
    assert_eq!(world.number(reason, &[job.id]).await, 2);
    world.assert_consistent().await;
}

#[tokio::test]
async fn a_delayed_trigger_starts_when_its_time_has_come() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("work", |_| {}).await;
    let client = world.client(&app, &[&a]).start().await;
    let body = json!({ "delay_ms": 3_600_000, "priority": 5, "idempotency_key": "once" });
    let (status, answer) = trigger(&job, &a, &body).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(trigger(&job, &a, &body).await, (202, answer.clone()));
    let id = answer["instance_id"].as_i64().unwrap();
    // The schedule is free meanwhile.
    let now = job.trigger().await;
    world.ended(now, BOUND).await;
    let seen: Instance = a.admin().get(&format!("/api/v1/instances/{id}")).await;
    assert_eq!(seen.state, InstanceState::Queued);
    world
        .execute("update instance_queued set due_at = now()")
        .await;
    assert_eq!(
        world.ended(id, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    for (body, field) in [
        (json!({ "delay_ms": 1e12 as u64 }), "delay_ms"),
        (json!({ "priority": 1001 }), "priority"),
    ] {
        let (status, answer) = trigger(&job, &a, &body).await;
        assert_eq!((status, &answer["field"]), (422, &json!(field)), "{answer}");
    }
    drop(client);
}

#[tokio::test]
async fn the_sql_function_triggers_with_the_callers_transaction() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("work", |_| {}).await;
    let client = world.client(&app, &[&a]).start().await;
    let call = "select antares_trigger('shop', 'work', $1, $2)";
    let mut tx = world.pool().begin().await.unwrap();
    let lost: i64 = sqlx::query_scalar(call)
        .bind(json!(Work::default()))
        .bind("order 1")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    // The caller's search path is another one.
    let outside = format!(
        "set local search_path = pg_catalog; select {}.antares_trigger('shop', 'work', '{{}}', 'order 1')",
        world.namespace()
    );
    let mut tx = world.pool().begin().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(outside))
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(
        world.number(QUEUED, &[job.id]).await,
        0,
        "not before the commit"
    );
    tx.commit().await.unwrap();
    let ended = "select count(*) from instance_ended where job_id = $1 and trigger = 'sql' and state = 'succeeded'";
    wait_for("it has run", BOUND, 1, async || {
        world.number(ended, &[job.id]).await
    })
    .await;
    let again: i64 = sqlx::query_scalar(call)
        .bind(json!({}))
        .bind("order 1")
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_ne!(again, lost);
    // The API knows the key too.
    let (_, answer) = trigger(&job, &a, &json!({ "idempotency_key": "order 1" })).await;
    assert_eq!(answer["instance_id"], json!(again));
    job.act("pause").await;
    for (sql, named) in [
        ("select antares_trigger('shop', 'work')", "paused"),
        ("select antares_trigger('shop', 'nothing')", "nothing"),
    ] {
        let error = sqlx::query(sql).execute(world.pool()).await.unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
    drop(client);
}

fn follows(jobs: &[(&str, DependencyOn, Pass)]) -> Vec<Dependency> {
    jobs.iter()
        .map(|(job, on, pass)| Dependency {
            app: None,
            job: (*job).to_owned(),
            on: *on,
            pass: *pass,
        })
        .collect()
}

#[tokio::test]
async fn a_chain_across_apps_runs_once_each_though_servers_are_killed() {
    let world = World::new().await;
    let [mut a, b] = world.servers().await;
    let (shop, bank) = (world.app(&b, "shop").await, world.app(&b, "bank").await);
    let first = shop.job("work", |s| s.overlap = Overlap::Queue(100)).await;
    let second = bank
        .job("settle", |s| {
            s.handler = Some("work".into());
            s.overlap = Overlap::Queue(100);
            s.depends_on = vec![Dependency {
                app: Some("shop".into()),
                job: "work".into(),
                on: DependencyOn::Completion,
                pass: Pass::Param,
            }];
        })
        .await;
    let clients = (
        world.client(&shop, &[&a, &b]).start().await,
        world.client(&bank, &[&a, &b]).start().await,
    );
    let (fail, good) = (Work::fail("no stock"), Work::default());
    for n in 0..30 {
        if n == 15 {
            a.process.kill();
        }
        let at = if n % 2 == 0 && n < 15 { &a } else { &b };
        let body = json!({ "param": if n % 3 == 0 { &fail } else { &good } });
        let (status, answer) = trigger(&first, at, &body).await;
        assert_eq!(status, 202, "{answer}");
    }
    let ended = "select count(*) from instance_ended where job_id = $1";
    wait_for("all have ended", Duration::from_mins(1), 30, async || {
        world.number(ended, &[second.id]).await
    })
    .await;
    let pairs = "select count(distinct e.cause_id) from instance_ended e
        join instance_ended c on c.id = e.cause_id and c.job_id = $1 and c.state = e.state
        where e.job_id = $2 and e.trigger = 'dependency' and e.param is not distinct from c.param";
    assert_eq!(
        world.number(pairs, &[first.id, second.id]).await,
        30,
        "each has the parameter and so the fate of its own cause"
    );
    wait_for("events are taken up", BOUND, 0, async || {
        world
            .number("select count(*) from dependency_event", &[])
            .await
    })
    .await;
    world.assert_nothing_left().await;
    drop(clients);
}

#[tokio::test]
async fn a_job_fires_when_all_or_any_of_its_predecessors_have_ended_as_they_must() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let handled = |s: &mut JobSpec| s.handler = Some("work".into());
    let left = app.job("left", handled).await;
    let right = app.job("right", handled).await;
    let on = DependencyOn::Success;
    let all = app
        .job("all", |s| {
            handled(s);
            s.depends_on = follows(&[("left", on, Pass::Outputs), ("right", on, Pass::Nothing)]);
        })
        .await;
    let any = app
        .job("any", |s| {
            handled(s);
            s.overlap = Overlap::Queue(10);
            s.join = Join::Any;
            s.depends_on = follows(&[("left", on, Pass::Nothing), ("right", on, Pass::Nothing)]);
        })
        .await;
    let failures = app
        .job("failures", |s| {
            handled(s);
            s.depends_on = follows(&[("left", DependencyOn::Failure, Pass::Nothing)]);
        })
        .await;
    let client = world.client(&app, &[&a, &b]).start().await;
    let fired = "select (select count(*) from instance_ended where job_id = $1) + (select count(*) from instance where job_id = $1)
        + (select count(*) from instance_queued where job_id = $1)";
    let failed = left.trigger_with(&Work::fail("no")).await;
    assert_eq!(world.ended(failed, BOUND).await.state, "failed");
    at_least(&world, "a failure is followed", fired, &failures, 1).await;
    let why = |follower: i64| {
        let (admin, path) = (a.admin(), format!("/api/v1/jobs/{follower}/explain"));
        async move { admin.get::<Explanation>(&path).await.now }
    };
    let told = why(all.id).await;
    let unmet =
        format!("the last instance of shop/left, {failed}, failed, where success is asked for");
    assert!(told.contains(&unmet), "{told}");
    let told = why(failures.id).await;
    assert!(!told.contains("the last instance"), "{told}");
    let first = left.trigger().await;
    world.ended(first, BOUND).await;
    let told = why(failures.id).await;
    assert!(
        told.contains("succeeded, where failure is asked for"),
        "{told}"
    );
    at_least(&world, "any fires", fired, &any, 1).await;
    let seen =
        "select count(*) from job_dependency where successor_id = $1 and satisfied_by is not null";
    at_least(&world, "one of two is there", seen, &all, 1).await;
    assert_eq!(world.number(fired, &[all.id]).await, 0);
    // Two last ones at the same moment make one instance.
    let (left_at_b, right_at_a) = (left.at(&b), right.at(&a));
    let (_, last) = tokio::join!(left_at_b.trigger(), right_at_a.trigger());
    world.ended(last, BOUND).await;
    at_least(&world, "all fires", fired, &all, 1).await;
    at_least(&world, "any fires for each", fired, &any, 3).await;
    wait_for("events are taken up", BOUND, 0, async || {
        world
            .number("select count(*) from dependency_event", &[])
            .await
    })
    .await;
    assert_eq!(world.number(fired, &[failures.id]).await, 1);
    let passed: Vec<Value> = sqlx::query_scalar(
        "select param from (select id, job_id, param from instance union all select id, job_id, param from instance_ended) i where job_id = $1",
    )
    .bind(all.id)
    .fetch_all(world.pool())
    .await
    .unwrap();
    assert!(!passed.is_empty());
    assert!(passed.iter().all(Value::is_array), "{passed:?}");
    drop(client);
}

#[tokio::test]
async fn a_cycle_is_refused_with_its_jobs_and_a_job_that_is_followed_stays() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let on = DependencyOn::Success;
    let first = app.job("first", |_| {}).await;
    let second = app
        .job("second", |s| {
            s.depends_on = follows(&[("first", on, Pass::Nothing)]);
        })
        .await;
    let mut spec = first.view().await.spec;
    spec.depends_on = follows(&[("second", on, Pass::Nothing)]);
    let path = format!("/api/v1/jobs/{}", first.id);
    let body = json!({ "spec": spec });
    let (status, answer) = a.admin().call(Method::PUT, &path, Some(&body)).await;
    assert_eq!(status, 422, "{answer}");
    assert!(
        answer
            .to_string()
            .contains("shop/first → shop/second → shop/first"),
        "{answer}"
    );
    let (status, answer) = a.admin().call(Method::DELETE, &path, None).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer.to_string().contains("second"), "{answer}");
    for (name, field) in [("nobody", "no job"), ("third", "cycle")] {
        let mut spec = JobSpec::new("third");
        spec.depends_on = follows(&[(name, on, Pass::Nothing)]);
        let body = json!({ "app": "shop", "spec": spec });
        let (status, answer) = a
            .admin()
            .call(Method::POST, "/api/v1/jobs", Some(&body))
            .await;
        assert_eq!(status, 422, "{answer}");
        assert!(answer.to_string().contains(field), "{answer}");
    }
    second.delete().await;
    first.delete().await;
}
