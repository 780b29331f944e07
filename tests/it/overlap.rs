//! Overlap policies with many servers: whoever fires, triggers, starts or is killed.

use antares_protocol::schedule::Overlap;
use antares_tests::{App, BOUND, Job, Server, Work, World, wait_until};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::starting::{DENSE, trigger};

const SERVERS: usize = 16;
/// How many of them are killed.
const KILLED: usize = 6;
/// Each policy, how many instances it lets run, and how many wait.
const POLICIES: [(&str, Overlap, i64, i64); 4] = [
    ("skip", Overlap::Skip, 1, 0),
    ("queue", Overlap::Queue(3), 1, 3),
    ("replace", Overlap::Replace, 1, i64::MAX),
    ("allow", Overlap::Allow(3), 3, 0),
];

async fn jobs(app: &App) -> Vec<Job> {
    let jobs = POLICIES.map(async |(name, overlap, ..)| {
        app.job(name, |spec| {
            spec.cron = Some(DENSE.to_owned());
            spec.handler = Some("work".to_owned());
            spec.overlap = overlap;
            spec.param = Work::sleep(700).param();
        })
        .await
    });
    join_all(jobs).await
}

/// Checks that at this moment no policy has more running and waiting than it lets.
async fn assert_kept(world: &World, jobs: &[Job]) {
    for (job, (name, _, most_run, most_wait)) in jobs.iter().zip(POLICIES) {
        let (run, wait): (i64, i64) = sqlx::query_as(
            "select (select count(*) from instance where job_id = $1),
                (select count(*) from instance_queued where job_id = $1 and due_at <= now())",
        )
        .bind(job.id)
        .fetch_one(world.pool())
        .await
        .expect("instances can be counted");
        // Between the end of one and the start of the next, what came meanwhile waits in its place.
        assert!(
            run <= most_run && run + wait <= most_run.saturating_add(most_wait),
            "{name}: {run} run, {wait} wait"
        );
    }
}

#[tokio::test]
async fn overlap_policies_hold_with_many_servers_some_of_which_are_killed() {
    let world = World::new().await;
    let mut servers: [Server; SERVERS] = world.servers().await;
    let app = world.app(&servers[0], "shop").await;
    let (first, last) = (&servers[SERVERS - 2], &servers[SERVERS - 1]);
    let client = world.client(&app, &[first, last]).slots(20);
    let client = client.handlers(&["work"]).start().await;
    let jobs = jobs(&app).await;
    let nothing = json!({});
    let decided = "select least(count(*), 1000) from tick where job_id = $1";
    let (mut accepted, mut refused, mut killed) = (vec![0_i64; jobs.len()], 0, 0);
    // Each server is asked to trigger each job at the same moment, while all of them fire it each second.
    while world.number(decided, &[jobs[0].id]).await < 16 {
        let live = &servers[killed..];
        let mut calls = Vec::new();
        for (index, job) in jobs.iter().enumerate() {
            for server in live {
                let call = trigger(job, server, &nothing);
                calls.push(async move { (index, call.await) });
            }
        }
        for (index, (status, answer)) in join_all(calls).await {
            assert!(matches!(status, 202 | 409), "{answer}");
            accepted[index] += i64::from(status == 202);
            refused += i64::from(status == 409);
        }
        assert_kept(&world, &jobs).await;
        if killed < KILLED && world.number(decided, &[jobs[0].id]).await > 2 * killed as i64 {
            servers[killed].process.kill();
            killed += 1;
        }
    }
    assert_eq!(killed, KILLED);
    assert!(refused > 0);
    for job in &jobs {
        job.at(&servers[SERVERS - 1]).act("pause").await;
    }
    // What is left is told whole: which instance it is, and where its shard is.
    let running = "select to_jsonb(i) || jsonb_build_object(
            'ready', (select jsonb_agg(r) from shard_ready r where r.instance_id = i.id),
            'delayed', (select jsonb_agg(d) from shard_delayed d where d.instance_id = i.id),
            'running', (select jsonb_agg(r) from shard_running r where r.instance_id = i.id))
        from instance i";
    wait_until("what runs has ended", BOUND, async || {
        assert_kept(&world, &jobs).await;
        let left: Vec<Value> = sqlx::query_scalar(running)
            .fetch_all(world.pool())
            .await
            .expect("instances can be read");
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    // Each tick that fired and each trigger that was accepted is one instance. A paused job keeps its queue.
    let made = "select (select count(*) from instance_ended where job_id = $1)
        + (select count(*) from instance_queued where job_id = $1)";
    let mut by_schedule = 0;
    for (job, accepted) in jobs.iter().zip(accepted) {
        let (fired, ..) = world.assert_ticks_exact(job).await;
        assert_eq!(world.number(made, &[job.id]).await, fired + accepted);
        by_schedule += fired;
    }
    // Triggers may take each turn of one job, not of all: what replaces is always let in.
    assert!(by_schedule > 0);
    world.assert_consistent().await;
    drop(client);
}
