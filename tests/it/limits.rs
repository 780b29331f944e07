//! How many shards run at once: limits of jobs, apps and names.

use std::time::Duration;

use antares_tests::{BOUND, World, wait_for, wait_until};
use reqwest::Method;
use serde_json::{Value, json};

const DENSE: &str = "* * * * * ?";

#[tokio::test]
async fn no_more_shards_run_at_once_than_the_limits_of_job_app_and_name_allow() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let (shop, bank) = (world.app(&a, "shop").await, world.app(&a, "bank").await);
    let path = "/api/v1/limits/crm";
    let body = json!({ "max_running_shards": 3, "description": "calls of the CRM" });
    let (status, answer) = a.admin().call(Method::PUT, path, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    let apps: Value = a.admin().get("/api/v1/apps?search=bank").await;
    let bank_path = format!("/api/v1/apps/{}", apps["items"][0]["id"]);
    let body = json!({ "max_running_shards": 2 });
    let (status, answer) = a.admin().call(Method::PATCH, &bank_path, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["max_running_shards"], 2);
    let gate = world.gate("gate");
    let work = serde_json::to_value(gate.work()).unwrap();
    let wide = async |app: &antares_tests::App, name: &str, limits: Vec<String>, own: u32| {
        app.job(name, |s| {
            s.handler = Some("work".into());
            s.shard_count = 40;
            s.max_shards_per_client = 0;
            s.limits = limits;
            s.max_running_shards = own;
            s.param = work.clone();
        })
        .await
    };
    let crm = vec!["crm".to_owned()];
    let jobs = [
        wide(&shop, "named", crm.clone(), 0).await,
        wide(&bank, "both", crm, 0).await,
        wide(&shop, "own", Vec::new(), 4).await,
        wide(&bank, "app", Vec::new(), 0).await,
    ];
    // The replicas hear of the app's limit with their next look.
    let seen = "select count(*) from claim_limit where key like 'app:%'";
    assert_eq!(world.number(seen, &[]).await, 1);
    let mut clients = Vec::new();
    for app in [&shop, &bank] {
        for servers in [[&a, &b], [&b, &a]] {
            clients.push(world.client(app, &servers).slots(16).start().await);
        }
    }
    let other = world.app(&a, "other").await;
    let tick = other.job("tick", |s| s.cron = Some(DENSE.into())).await;
    let ticks = "select count(*) from tick where job_id = $1";
    wait_until("looks go by", BOUND, async || {
        match world.number(ticks, &[tick.id]).await {
            n if n >= 3 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    let mut instances = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        instances.push(job.at(if index % 2 == 0 { &a } else { &b }).trigger().await);
    }
    let over = "select count(*) from (select u.key, l.most, sum(mask_count(r.open)) as n from claim_use u
        join shard_running r on r.id = u.claim_id join claim_limit l on l.key = u.key group by 1, 2) x where n > most";
    let full = "select count(*) from (select u.key, l.most, sum(mask_count(r.open)) as n from claim_use u
        join shard_running r on r.id = u.claim_id join claim_limit l on l.key = u.key group by 1, 2) x where n = most";
    wait_for("every limit is reached", BOUND, 3, async || {
        assert_eq!(world.number(over, &[]).await, 0);
        world.number(full, &[]).await
    })
    .await;
    let running = "select coalesce(sum(mask_count(open)), 0) from shard_running r join instance i on i.id = r.instance_id where i.job_id = $1";
    assert_eq!(world.number(running, &[jobs[2].id]).await, 4);
    gate.open();
    for instance in instances {
        wait_until("it ends", Duration::from_mins(1), async || {
            assert_eq!(world.number(over, &[]).await, 0);
            world.try_ended(instance).await.ok_or("not yet")
        })
        .await;
    }
    tick.act("stop").await;
    world.assert_nothing_left().await;
    let (status, answer) = a.admin().call(Method::DELETE, path, None).await;
    assert_eq!(status, 409, "{answer}");
    drop(clients);
}

#[tokio::test]
async fn a_limit_counts_what_ran_before_it_was_set() {
    let world = World::new().await;
    let first = world.server().start().await;
    let admin = first.admin();
    let apps = [
        world.app(&first, "shop").await,
        world.app(&first, "bank").await,
    ];
    let mut jobs = Vec::new();
    let mut clients = Vec::new();
    for (app, handler) in [(&apps[0], "own"), (&apps[0], "named"), (&apps[1], "app")] {
        let job = app
            .job(handler, |s| {
                s.handler = Some(handler.into());
                s.shard_count = 40;
                s.max_shards_per_client = 0;
            })
            .await;
        let client = app.raw_client(&first, &[handler]).await;
        job.trigger().await;
        assert_eq!(client.claim(3, 10_000).await.len(), 3);
        jobs.push(job);
        clients.push(client);
    }
    let put = async |path: &str, body: Value| {
        let (status, answer) = admin.call(Method::PUT, path, Some(&body)).await;
        assert_eq!(status, 200, "{answer}");
    };
    put("/api/v1/limits/crm", json!({ "max_running_shards": 4 })).await;
    for job in &jobs[..2] {
        let mut spec = job.view().await.spec;
        match spec.name.as_str() {
            "own" => spec.max_running_shards = 4,
            _ => spec.limits = vec!["crm".to_owned()],
        }
        let path = format!("/api/v1/jobs/{}", job.id);
        put(&path, json!({ "spec": spec })).await;
    }
    let found: Value = admin.get("/api/v1/apps?search=bank").await;
    let path = format!("/api/v1/apps/{}", found["items"][0]["id"]);
    let body = json!({ "max_running_shards": 4 });
    let (status, answer) = admin.call(Method::PATCH, &path, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    let counted = "select count(*) from limit_view where running = 3 and most = 4";
    assert_eq!(world.number(counted, &[]).await, 3);
    // It knows all limits from its beginning.
    let second = world.server().start().await;
    for (app, handler) in [(&apps[0], "own"), (&apps[0], "named"), (&apps[1], "app")] {
        let client = app.raw_client(&second, &[handler]).await;
        assert_eq!(client.claim(40, 10_000).await.len(), 1, "{handler}");
        assert_eq!(client.claim(40, 100).await.len(), 0, "{handler}");
        clients.push(client);
    }
}

#[tokio::test]
async fn a_replica_that_has_just_started_keeps_the_limit_of_an_app() {
    let world = World::new().await;
    let mut first = world.server().start().await;
    let app = world.app(&first, "shop").await;
    let apps: Value = first.admin().get("/api/v1/apps?search=shop").await;
    let path = format!("/api/v1/apps/{}", apps["items"][0]["id"]);
    let body = json!({ "max_running_shards": 2 });
    let (status, answer) = first.admin().call(Method::PATCH, &path, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    let job = app
        .job("work", |s| {
            s.shard_count = 40;
            s.max_shards_per_client = 0;
        })
        .await;
    job.trigger().await;
    first.process.kill();
    let again = world.server().start().await;
    let client = app.raw_client(&again, &["work"]).await;
    assert_eq!(client.claim(40, 10_000).await.len(), 2);
    assert_eq!(client.claim(40, 100).await.len(), 0);
}
