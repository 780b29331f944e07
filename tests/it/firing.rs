//! Every tick is accounted for exactly once, and what it makes is whole.

use std::time::Duration;

use antares_tests::{App, BOUND, Job, Work, World, wait_for, wait_until};
use chrono::{DateTime, Utc};

const DENSE: &str = "* * * * * ?";
/// A schedule that is due once in a test's life, when the test says so.
const FAR: &str = "0 0 0 1 1 ? 2099";

async fn given_job(app: &App, name: &str, cron: &str) -> Job {
    app.job(name, |spec| spec.cron = Some(cron.to_owned()))
        .await
}

#[tokio::test]
async fn no_tick_is_lost_or_doubled_while_replicas_are_killed_in_turn() {
    let world = World::new().await;
    let [mut a, mut b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let mut jobs = Vec::new();
    for number in 0..20 {
        jobs.push(given_job(&app, &format!("dense {number}"), DENSE).await);
    }
    let client = world.client(&app, &[&a, &b]).start().await;
    let ticks = "select coalesce(sum(count), 0)::bigint from tick";
    let more_ticks = async |n: i64| {
        let before = world.number(ticks, &[]).await;
        wait_until("more ticks", BOUND, async || {
            let now = world.number(ticks, &[]).await;
            if now >= before + n {
                Ok(())
            } else {
                Err(now - before)
            }
        })
        .await;
    };
    more_ticks(40).await;
    let address = a.address().to_owned();
    a.process.kill();
    more_ticks(40).await;
    let a = world
        .server()
        .arguments(&["--listen", &address])
        .start()
        .await;
    world.spread(&[&a, &b]).await;
    more_ticks(40).await;
    b.process.kill();
    more_ticks(60).await;
    for job in &jobs {
        world.assert_ticks_exact(job).await;
        job.at(&a).act("pause").await;
    }
    let running = "select count(*) from instance";
    wait_for("what was fired has run", BOUND, 0, async || {
        world.number(running, &[]).await
    })
    .await;
    world.assert_nothing_left().await;
    let failed = "select count(*) from instance_ended where state <> 'succeeded'";
    assert_eq!(world.number(failed, &[]).await, 0);
    drop(client);
}

#[tokio::test]
async fn after_an_outage_the_latest_missed_tick_fires_and_the_rest_is_counted() {
    let world = World::new().await;
    let [mut a, mut b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    // The second one misses more ticks than one decision takes.
    let outages = [
        (given_job(&app, "hours", FAR).await, 3 * 3600),
        (given_job(&app, "days", FAR).await, 30 * 3600),
    ];
    a.process.kill();
    b.process.kill();
    let mut first_ticks: Vec<DateTime<Utc>> = Vec::new();
    for (job, seconds) in &outages {
        let first = sqlx::query_scalar(
            "update job_schedule set cron = $2, next_fire_at = date_trunc('second', now()) - $3 * interval '1 s'
             where job_id = $1 returning next_fire_at",
        )
        .bind(job.id)
        .bind(DENSE)
        .bind(seconds)
        .fetch_one(world.pool())
        .await
        .unwrap();
        first_ticks.push(first);
    }
    let servers: [_; 2] = world.servers_with(&["--misfire-threshold", "1s"]).await;
    for ((job, seconds), first) in outages.iter().zip(first_ticks) {
        let fired = "select count(*) from tick where job_id = $1 and outcome = 'fired'";
        wait_for("one instance", BOUND, 1, async || {
            world.number(fired, &[job.id]).await
        })
        .await;
        let skipped = "select count(*) from tick where job_id = $1 and outcome = 'skipped'";
        wait_until("the schedule goes on", BOUND, async || {
            match world.number(skipped, &[job.id]).await {
                0 => Err("it does not"),
                _ => Ok(()),
            }
        })
        .await;
        let (fired, _, coalesced) = world.assert_ticks_exact_from(job.id, first).await;
        assert_eq!(fired, 1);
        // Those of the last second were not missed.
        let slack = i64::from(u8::MAX);
        let missed = i64::from(*seconds);
        assert!(
            (missed - 2..missed + slack).contains(&coalesced),
            "{coalesced} ticks of {missed} were coalesced"
        );
        // What fired is the latest that was due, not the first that was missed.
        let late_ms =
            "select (extract(epoch from decided_at - scheduled_at) * 1000)::bigint from tick
            where job_id = $1 and outcome = 'fired'";
        let late_ms = world.number(late_ms, &[job.id]).await;
        assert!(
            late_ms < 20_000,
            "the tick that fired was {late_ms} ms late"
        );
    }
    world.assert_consistent().await;
    drop(servers);
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_a_herd_leaves_no_half_instance_and_loses_no_tick() {
    let world = World::new().await;
    let [mut a, b] = world.servers().await;
    let app = world.app(&b, "shop").await;
    let template = app
        .job("herd 0", |spec| {
            spec.cron = Some(FAR.to_owned());
            spec.shard_count = 3;
        })
        .await;
    let mut tx = world.pool().begin().await.unwrap();
    sqlx::query(
        "with made as (
            insert into job (app_id, name, state) select app_id, 'herd ' || n, state
            from job, generate_series(1, 1999) n where id = $1 returning id
         ), versions as (
            insert into job_version (job_id, version, definition, author)
            select made.id, version, definition, author from made, job_version where job_id = $1
         )
         insert into job_schedule (job_id, app_id, version, cron, time_zone, shard_count, max_attempts, instance_timeout_ms)
         select made.id, app_id, version, cron, time_zone, shard_count, max_attempts, instance_timeout_ms
         from made, job_schedule where job_id = $1",
    )
    .bind(template.id)
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query(
        "update job_schedule set next_fire_at = date_trunc('second', now()) + interval '2 s'",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();

    let instances = "select count(*) from instance";
    wait_until("the herd begins", BOUND, async || {
        match world.number(instances, &[]).await {
            0 => Err("not yet"),
            _ => Ok(()),
        }
    })
    .await;
    a.process.kill();
    world.assert_consistent().await;
    wait_for("the whole herd is fired", BOUND, 2000, async || {
        world.number(instances, &[]).await
    })
    .await;
    world.assert_consistent().await;
    assert_eq!(
        world
            .number("select coalesce(sum(n), 0) from shard_ready", &[])
            .await,
        6000
    );
    let fired = "select count(*) from tick t join instance i on i.id = t.instance_id and i.job_id = t.job_id
        where t.outcome = 'fired' and t.count = 1";
    assert_eq!(world.number(fired, &[]).await, 2000);
    assert_eq!(world.number("select count(*) from tick", &[]).await, 2000);
    assert_eq!(
        world
            .number("select count(distinct scheduled_at) from tick", &[])
            .await,
        1
    );
}

#[tokio::test]
async fn a_tick_that_finds_an_instance_running_is_skipped_with_the_reason() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let gate = world.gate("gate");
    let job = app
        .job("dense", |spec| {
            spec.cron = Some(DENSE.to_owned());
            spec.param = gate.work().param();
        })
        .await;
    let client = world.client(&app, &[&a]).start().await;
    let skipped = "select count(*) from tick where job_id = $1 and outcome = 'skipped'
        and reason = 'overlap: an instance of the job was running' and instance_id is null";
    wait_until("two ticks are skipped", BOUND, async || {
        match world.number(skipped, &[job.id]).await {
            n if n >= 2 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    assert_eq!(world.number("select count(*) from instance", &[]).await, 1);
    let (fired, _, coalesced) = world.assert_ticks_exact(&job).await;
    assert_eq!((fired, coalesced), (1, 0));
    gate.open();
    let fired = "select count(*) from tick where job_id = $1 and outcome = 'fired'";
    wait_until("it fires again", BOUND, async || {
        match world.number(fired, &[job.id]).await {
            n if n >= 2 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    world.assert_ticks_exact(&job).await;
    world.assert_consistent().await;
    drop(client);
}

#[tokio::test]
async fn a_paused_job_does_not_fire_and_one_trigger_key_makes_one_instance() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = given_job(&app, "dense", DENSE).await;
    let ticks = "select count(*) from tick where job_id = $1";
    wait_until("it fires", BOUND, async || {
        match world.number(ticks, &[job.id]).await {
            0 => Err("it does not"),
            _ => Ok(()),
        }
    })
    .await;
    job.act("pause").await;
    let paused = world.number(ticks, &[job.id]).await;
    // Another job, created later, shows that seconds went by and the servers are firing.
    let other = given_job(&app, "other", DENSE).await;
    wait_until("the other one fires", BOUND, async || {
        match world.number(ticks, &[other.id]).await {
            n if n >= 2 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    assert_eq!(world.number(ticks, &[job.id]).await, paused);

    let once = app.job("once", |_| ()).await;
    let path = format!("/api/v1/jobs/{}/trigger", once.id);
    let body = serde_json::json!({ "idempotency_key": "order 7", "param": Work::default() });
    let calls = (0..10).map(|n| {
        let admin = if n % 2 == 0 { a.admin() } else { b.admin() };
        admin.post::<serde_json::Value>(&path, &body)
    });
    let answers = futures_util::future::join_all(calls).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(
        world
            .number(
                "select count(*) from instance where job_id = $1",
                &[once.id]
            )
            .await,
        1
    );
    let client = world.client(&app, &[&a]).start().await;
    let id = answers[0]["instance_id"].as_i64().unwrap();
    assert_eq!(
        world.ended(id, Duration::from_secs(20)).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    let again: serde_json::Value = a.admin().post(&path, &body).await;
    assert_eq!(
        again, answers[0],
        "the key is remembered after the instance has ended"
    );
    drop(client);
}
