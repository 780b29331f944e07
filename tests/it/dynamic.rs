//! Instances whose shards are found out when they start.

use std::collections::HashSet;

use antares_protocol::client::{ClaimedShard, Outcome};
use antares_protocol::plan::Explanation;
use antares_protocol::policy::Sharding;
use antares_protocol::schedule::Overlap;
use antares_tests::{App, BOUND, Job, Server, World, result, wait_for, wait_until};
use reqwest::Method;

use crate::attempts::AT_ONCE;

async fn planned(app: &App) -> Job {
    app.job("work", |s| {
        s.sharding = Sharding::Planned("plan".into());
        s.max_shards_per_client = 0;
    })
    .await
}

#[tokio::test]
async fn a_broadcast_runs_once_on_each_client_that_is_alive() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("work", |s| s.sharding = Sharding::Broadcast).await;
    // Without a client it waits to start.
    let first = job.trigger().await;
    let mut clients = Vec::new();
    let one = world.client(&app, &[&a]).name("client 0").start().await;
    clients.push(one);
    assert_eq!(
        world.ended(first, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    for n in 1..5 {
        let name = format!("client {n}");
        let servers = if n % 2 == 0 { [&a, &b] } else { [&b, &a] };
        clients.push(world.client(&app, &servers).name(&name).start().await);
    }
    for _ in 0..3 {
        let instance = job.trigger().await;
        assert_eq!(
            world.ended(instance, BOUND).await.summary(),
            ("succeeded", 5, 0, 0)
        );
        let executed = world.executed(instance).await;
        let begun = executed.iter().filter(|e| e.event == "begin");
        let names: HashSet<&str> = begun.map(|e| e.client.as_str()).collect();
        assert_eq!(names.len(), 5, "{executed:?}");
    }
    world.assert_nothing_left().await;
    drop(clients);
}

#[tokio::test]
async fn a_broadcast_ends_though_a_client_is_killed_before_it_has_its_shard() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let client = world.client(&app, &[&a]).start().await;
    for (allowed, state) in [(0, "failed"), (1, "succeeded")] {
        let job = app
            .job(state, |spec| {
                spec.handler = Some("work".to_owned());
                spec.sharding = Sharding::Broadcast;
                spec.allowed_failures = allowed;
            })
            .await;
        // One of the app that cannot run it keeps nobody waiting.
        let other = world.client(&app, &[&a]).handlers(&["other"]).start().await;
        let idle = app.raw_client(&a, &["work"]).await;
        let instance = job.trigger().await;
        wait_until("the one has run", BOUND, async || {
            let executed = world.executed(instance).await;
            if executed.iter().any(|e| e.event == "begin") {
                Ok(())
            } else {
                Err(executed)
            }
        })
        .await;
        idle.leave().await;
        let ended = world.ended(instance, BOUND).await;
        drop(other);
        assert_eq!(ended.summary(), (state, 1, 1, 0));
        assert!(ended.reason.unwrap().contains("clients left"));
        let told = "select count(*) from shard_history
        where instance_id = $1 and state = 'failed' and error = 'the client left before it had run its shard'";
        assert_eq!(world.number(told, &[instance]).await, 1);
    }
    drop(client);
}

#[tokio::test]
async fn a_shard_of_a_broadcast_stays_with_its_client_as_long_as_that_lives() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s| {
            s.sharding = Sharding::Broadcast;
            s.max_attempts = 3;
            s.retry = Some(AT_ONCE);
        })
        .await;
    let first = app.raw_client(&a, &["work"]).await;
    let second = app.raw_client(&b, &["work"]).await;
    let instance = job.trigger().await;
    let mine = first.claim(10, 5000).await;
    first.report(mine[0].token(), Outcome::Failed).await;
    // One that came later gets neither what the second has yet to run nor what the first has to repeat.
    let late = app.raw_client(&a, &["work"]).await;
    assert_eq!(late.claim(10, 100).await, []);
    let theirs = second.claim(10, 5000).await;
    assert_eq!((mine.len(), theirs.len()), (1, 1));
    assert_ne!(mine[0].shard_id, theirs[0].shard_id);
    assert_eq!(late.claim(10, 100).await, []);
    let again = first.claim(10, 5000).await;
    assert_eq!(
        (again.len(), again[0].shard_id, again[0].attempt),
        (1, mine[0].shard_id, 2)
    );
    first.report(again[0].token(), Outcome::Failed).await;
    // Nor does who has had one get another, but what is of nobody any more goes to one that has had none.
    second.report(theirs[0].token(), Outcome::Succeeded).await;
    assert_eq!(second.claim(10, 100).await, []);
    first.leave().await;
    let last = late.claim(10, 5000).await;
    assert_eq!(
        (last.len(), last[0].shard_id, last[0].attempt),
        (1, mine[0].shard_id, 3)
    );
    late.report(last[0].token(), Outcome::Succeeded).await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 2, 0, 0)
    );

    // The place of one that left before it ran is taken once who is left has begun.
    let instance = job.trigger().await;
    let started = "select count(*) from instance where id = $1";
    wait_for("it has started", BOUND, 1, async || {
        world.number(started, &[instance]).await
    })
    .await;
    second.leave().await;
    let later = app.raw_client(&b, &["work"]).await;
    assert_eq!(later.claim(10, 100).await, []);
    let mine = late.claim(10, 5000).await;
    let theirs = later.claim(10, 5000).await;
    assert_eq!((mine.len(), theirs.len()), (1, 1));
    late.report(mine[0].token(), Outcome::Succeeded).await;
    later.report(theirs[0].token(), Outcome::Succeeded).await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 2, 0, 0)
    );
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn as_many_broadcasts_are_let_in_as_may_run_though_none_has_started() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |s| {
            s.sharding = Sharding::Broadcast;
            s.overlap = Overlap::Allow(3);
        })
        .await;
    // Nobody is there to start them for.
    for server in [&a, &b, &a] {
        job.at(server).trigger().await;
    }
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let (status, said) = b.admin().call(Method::POST, &path, None).await;
    assert_eq!(status, 409, "{said}");
    let client = world.client(&app, &[&a]).start().await;
    let ended = "select count(*) from instance_history where job_id = $1 and state = 'succeeded'";
    wait_for("all three have run", BOUND, 3, async || {
        world.number(ended, &[job.id]).await
    })
    .await;
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn a_planning_handler_says_what_the_shards_are() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = planned(&app).await;
    // A client that cannot plan: the explanation names the handler that is wanted now, not the one that is wanted later.
    let lacking = app.raw_client(&a, &["work"]).await;
    let waiting = job.trigger().await;
    let path = format!("/api/v1/jobs/{}/explain", job.id);
    let explained: Explanation = b.admin().get(&path).await;
    assert_eq!(
        explained.waits[0].reasons,
        ["1 shard waits: no client has the handler plan (1 online)"]
    );
    job.act("terminate").await;
    assert_eq!(world.ended(waiting, BOUND).await.state, "terminated");
    lacking.leave().await;
    let client = app.raw_client(&a, &["plan", "work"]).await;
    let run = async |output: &str| {
        let plan = job.at(&b).trigger().await;
        let shards = client.claim(10, 5000).await;
        assert_eq!(
            (
                shards.len(),
                shards[0].handler.as_str(),
                shards[0].instance_id
            ),
            (1, "plan", plan)
        );
        let mut done = result(shards[0].token(), Outcome::Succeeded);
        done.output = Some(output.to_owned());
        client.report_all(vec![done]).await;
        assert_eq!(
            world.ended(plan, BOUND).await.summary(),
            ("succeeded", 1, 0, 0)
        );
        plan
    };
    let plan = run(r#"["north", {"id": 7}, null]"#).await;
    let mut shards = client.claim(10, 5000).await;
    while shards.len() < 3 {
        shards.extend(client.claim(10, 5000).await);
    }
    shards.sort_by_key(|shard| shard.item);
    let params: Vec<String> = shards.iter().map(|shard| shard.param.to_string()).collect();
    assert_eq!(params, [r#""north""#, r#"{"id":7}"#, "null"]);
    assert!(
        shards
            .iter()
            .all(|shard| shard.handler == "work" && shard.total == 3)
    );
    let instance = shards[0].instance_id;
    let results = shards
        .iter()
        .map(|shard| result(shard.token(), Outcome::Succeeded));
    client.report_all(results.collect()).await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 3, 0, 0)
    );
    let cause = "select cause_id from instance_ended where id = $1";
    assert_eq!(world.number(cause, &[instance]).await, plan);
    // What cannot be carried out ends with the reason.
    for (output, state, said) in [
        ("[]", "succeeded", "no shards"),
        ("north", "failed", "not a JSON array"),
    ] {
        let plan = run(output).await;
        let made = "select count(*) from instance_ended where cause_id = $1";
        wait_for("the plan is taken up", BOUND, 1, async || {
            world.number(made, &[plan]).await
        })
        .await;
        let (found, reason): (String, String) =
            sqlx::query_as("select state, reason from instance_ended where cause_id = $1")
                .bind(plan)
                .fetch_one(world.pool())
                .await
                .unwrap();
        assert_eq!(found, state);
        assert!(reason.contains(said), "{reason}");
    }
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_planned_run_is_not_torn_apart() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("report", |spec| {
            spec.sharding = Sharding::Planned("plan".into());
            spec.handler = Some("work".into());
            spec.overlap = Overlap::Queue(1);
            spec.max_shards_per_client = 0;
        })
        .await;
    let client = app.raw_client(&a, &["plan", "work"]).await;
    let claim = async |handler: &str, n: usize| {
        let claim = async {
            let mut shards = client.claim(10, 1_000).await;
            while shards.len() < n {
                shards.extend(client.claim(10, 1_000).await);
            }
            shards
        };
        let shards = tokio::time::timeout(BOUND, claim).await;
        let shards = shards.unwrap_or_else(|_| panic!("no {n} shards of {handler} in time"));
        let handlers: Vec<&str> = shards.iter().map(|shard| shard.handler.as_str()).collect();
        assert_eq!(handlers, vec![handler; n]);
        shards
    };
    let end = async |shards: &[ClaimedShard], output: &str| {
        let done = shards.iter().map(|shard| {
            let mut done = result(shard.token(), Outcome::Succeeded);
            done.output = Some(output.to_owned());
            done
        });
        client.report_all(done.collect()).await;
    };
    let path = format!("/api/v1/jobs/{}/trigger", job.id);
    let trigger = async |server: &Server, priority: i16| {
        let body = serde_json::json!({ "priority": priority });
        let call = server
            .admin()
            .call(reqwest::Method::POST, &path, Some(&body));
        call.await.0.as_u16()
    };
    assert_eq!(trigger(&a, 0).await, 202);
    let plan = claim("plan", 1).await;
    // Of a higher priority, and yet after the shards of the run that has begun.
    assert_eq!(trigger(&b, 9).await, 202);
    assert_eq!(trigger(&a, 0).await, 409, "one runs and one waits");
    end(&plan, "[1, 2]").await;
    let shards = claim("work", 2).await;
    assert_eq!(trigger(&b, 0).await, 409, "one runs and one waits");
    end(&shards, "").await;
    let plan = claim("plan", 1).await;
    // What has been planned has a place among those that run, and none among those that wait.
    assert_eq!(trigger(&b, 0).await, 202);
    // A running instance goes on, though the job is paused.
    job.act("pause").await;
    end(&plan, "[3]").await;
    let shards = claim("work", 1).await;
    assert_eq!(shards[0].param, 3);
    end(&shards, "").await;
    job.act("resume").await;
    let plan = claim("plan", 1).await;
    end(&plan, "[]").await;
    let left = "select (select count(*) from instance) + (select count(*) from instance_queued)";
    wait_for("all has ended", BOUND, 0, async || {
        world.number(left, &[]).await
    })
    .await;
    world.assert_nothing_left().await;
}

/// What one handler says must not keep the instances of others from starting.
#[tokio::test]
async fn a_plan_that_cannot_be_stored_fails_alone_and_a_long_one_is_carried_out() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let other = world.app(&a, "other").await;
    let job = planned(&app).await;
    let client = app.raw_client(&a, &["plan"]).await;
    let plan = async |output: String| {
        let plan = job.trigger().await;
        let shards = client.claim(1, 5000).await;
        assert_eq!(shards[0].instance_id, plan);
        let mut done = result(shards[0].token(), Outcome::Succeeded);
        done.output = Some(output);
        client.report_all(vec![done]).await;
        world.ended(plan, BOUND).await;
    };
    let failed = "select count(*) from instance_ended where job_id = $1 and trigger = 'plan' and state = 'failed' and reason like '%U+0000%'";
    plan(r#"["\u0000"]"#.to_owned()).await;
    wait_for(
        "the instance of the plan has failed",
        BOUND,
        1,
        async || world.number(failed, &[job.id]).await,
    )
    .await;
    let innocent = other.job("innocent", |_| {}).await;
    let path = format!("/api/v1/jobs/{}/trigger", innocent.id);
    let later = serde_json::json!({ "delay_ms": 10 });
    let _: serde_json::Value = a.admin().post(&path, &later).await;
    let running = "select count(*) from instance where job_id = $1";
    wait_for("the delayed one has started", BOUND, 1, async || {
        world.number(running, &[innocent.id]).await
    })
    .await;
    // Longer than other outputs may be.
    let long: Vec<String> = (0..20).map(|n| format!("{n}").repeat(5000)).collect();
    plan(serde_json::to_string(&long).expect("texts are JSON")).await;
    let total = "select coalesce(max(total), 0)::bigint from instance where job_id = $1 and trigger = 'plan'";
    wait_for("the long plan is carried out", BOUND, 20, async || {
        world.number(total, &[job.id]).await
    })
    .await;
}
