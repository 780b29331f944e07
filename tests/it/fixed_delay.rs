//! Fixed delays count from the end of the last instance.

use antares_protocol::schedule::Misfire;
use antares_tests::World;
use reqwest::Method;
use serde_json::{Value, json};

use super::starting::{DENSE, RUNNING, at_least, gated};

#[tokio::test]
async fn a_fixed_delay_counts_from_the_end_of_the_last_instance() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = gated(&world, &app, "gate", |s| s.fixed_delay_ms = Some(1000)).await;
    assert!(job.first.next_fire_at.is_some());
    let client = world.client(&app, &[&a, &b]).start().await;
    at_least(&world, "it fires", RUNNING, &job, 1).await;
    // Another schedule shows that time goes by, while the one instance runs.
    let dense = app.job("dense", |s| s.cron = Some(DENSE.to_owned())).await;
    let ticks = "select count(*) from tick where job_id = $1";
    at_least(&world, "seconds pass", ticks, &dense, 3).await;
    assert_eq!(world.number(ticks, &[job.id]).await, 1);
    world.gate("gate").open();
    at_least(&world, "it goes on", ticks, &job, 3).await;
    // Also of one that was triggered in between.
    for _ in 0..3 {
        let ended = "select count(*) from instance_ended where job_id = $1";
        let before = world.number(ended, &[job.id]).await;
        at_least(&world, "one more ends", ended, &job, before + 1).await;
        let waits = "select count(*) from job_schedule
            where job_id = $1 and next_fire_at between now() + interval '300 ms' and now() + interval '800 ms'";
        at_least(&world, "half of the delay passes", waits, &job, 1).await;
        job.trigger().await;
    }
    at_least(&world, "it goes on after them", ticks, &job, 8).await;
    let gaps = "select (extract(epoch from min(gap)) * 1000)::bigint from (
        select trigger, scheduled_at - lag(ended_at) over (order by scheduled_at) as gap from instance_ended where job_id = $1) g
        where trigger = 'schedule'";
    let least = world.number(gaps, &[job.id]).await;
    assert!(least >= 1000, "the least gap is {least} ms");
    drop(client);
}

#[tokio::test]
async fn calendars_hold_for_a_fixed_delay_too() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let always = json!({ "name": "always", "weekly": [{ "days": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] }] });
    let _: Value = a.admin().post("/api/v1/calendars", &always).await;
    let job = app
        .job("work", |spec| {
            spec.fixed_delay_ms = Some(1000);
            spec.exclude_calendars = vec!["always".to_owned()];
        })
        .await;
    let skipped = "select count(*) from tick where job_id = $1 and outcome = 'skipped' and reason like '%always%'";
    at_least(&world, "it is kept out", skipped, &job, 1).await;
    assert_eq!(
        world
            .number(
                "select count(*) from tick where job_id = $1 and outcome = 'fired'",
                &[job.id]
            )
            .await,
        0
    );
    // It follows the calendar from now on, though its next tick was set past what was kept out.
    let far = "select count(*) from job_schedule where job_id = $1 and next_fire_at > now() + interval '1 h'";
    at_least(&world, "it waits for long", far, &job, 1).await;
    let id = world.number("select id from calendar", &[]).await;
    let empty = json!({ "spec": { "name": "always" } });
    let path = format!("/api/v1/calendars/{id}");
    let (status, answer) = a.admin().call(Method::PUT, &path, Some(&empty)).await;
    assert!(status.is_success(), "{answer}");
    let fired = "select count(*) from tick where job_id = $1 and outcome = 'fired'";
    at_least(&world, "it fires", fired, &job, 1).await;
    // A preview refuses what saving would refuse.
    let body =
        json!({ "spec": { "name": "x", "cron": "0 0 3 * * ?", "include_calendars": ["nix"] } });
    let (status, answer) = a
        .admin()
        .call(Method::POST, "/api/v1/schedule/preview", Some(&body))
        .await;
    assert_eq!(
        (status.as_u16(), answer["field"].as_str()),
        (422, Some("spec.include_calendars")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_missed_tick_of_a_fixed_delay_is_let_go_where_the_policy_says_so() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let jobs = [Misfire::Ignore, Misfire::Latest].map(async |misfire| {
        let name = if misfire == Misfire::Ignore {
            "ignore"
        } else {
            "latest"
        };
        app.job(name, |spec| {
            spec.fixed_delay_ms = Some(3_600_000);
            spec.misfire = misfire;
        })
        .await
    });
    let jobs = futures_util::future::join_all(jobs).await;
    // As if no server had been there for a while.
    world
        .execute("update job_schedule set next_fire_at = next_fire_at - interval '2 h'")
        .await;
    let decided = "select count(*) from tick where job_id = $1";
    for job in &jobs {
        at_least(&world, "the tick is decided", decided, job, 1).await;
    }
    let outcome = |job: i64| {
        sqlx::query_as("select outcome, reason from tick where job_id = $1")
            .bind(job)
            .fetch_all(world.pool())
    };
    let ignored: Vec<(String, Option<String>)> = outcome(jobs[0].id).await.unwrap();
    assert_eq!(
        ignored,
        [(
            "missed".to_owned(),
            Some("missed: the job's misfire policy is to ignore missed ticks".to_owned())
        )]
    );
    let fired: Vec<(String, Option<String>)> = outcome(jobs[1].id).await.unwrap();
    assert_eq!(fired, [("fired".to_owned(), None)]);
    // It goes on an hour from when it was let go.
    let next = "select extract(epoch from s.next_fire_at - t.decided_at)::bigint from job_schedule s join tick t using (job_id) where job_id = $1";
    let next = world.number(next, &[jobs[0].id]).await;
    assert!((3590..=3600).contains(&next), "in {next} s");
}
