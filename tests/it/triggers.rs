//! Triggers that meet what others do at the same moment, and what states say to them.

use std::time::{Duration, Instant};

use antares_protocol::job::{Job as JobView, JobSpec};
use antares_protocol::schedule::Overlap;
use antares_tests::World;
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
