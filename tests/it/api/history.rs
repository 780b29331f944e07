//! What a run left is read back: instances, shards, attempts, logs, ticks, clients and servers.

use antares_protocol::client::{LogLevel, LogLine, Outcome, ReportStatus, ShardLogs};
use antares_protocol::cluster::{Client, Server};
use antares_protocol::instance::{Instance, InstanceState, Tick, TickOutcome};
use antares_protocol::page::Page;
use antares_protocol::schedule::Overlap;
use antares_protocol::shard::{Attempt, AttemptOutcome, Shard, ShardLog, ShardState, Trigger};
use antares_tests::{Admin, BOUND, World, wait_until};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Every row of a list, read in pages of `limit`; none but the last page is short.
async fn all<T: DeserializeOwned>(admin: &Admin, path: &str, limit: usize) -> Vec<T> {
    let (mut rows, mut after) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let page: Page<T> = admin
            .get(&format!("{path}{sign}limit={limit}{after}"))
            .await;
        assert!(
            page.items.len() == limit || page.next.is_none(),
            "{path}: a short page with a next"
        );
        rows.extend(page.items);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one run, read through every list")]
async fn what_a_run_left_is_read_back() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.cron = Some("* * * * * ?".to_owned());
            spec.shard_count = 3;
            spec.shard_params = vec![json!("A"), json!({ "b": 1 })];
            spec.param = json!({ "of": "the job" });
            spec.max_shards_per_client = 0;
        })
        .await;
    let client = app.raw_client(&a, &["work"]).await;
    let shards = wait_until("all shards are claimed", BOUND, async || {
        let mut claimed = client.claim(3, 1000).await;
        while !claimed.is_empty() && claimed.len() < 3 {
            claimed.extend(client.claim(3, 1000).await);
        }
        if claimed.len() == 3 {
            Ok(claimed)
        } else {
            Err(claimed.len())
        }
    })
    .await;
    job.act("pause").await;
    let instance = shards[0].instance_id;
    // While it runs.
    let read: Instance = b
        .admin()
        .get(&format!("/api/v1/instances/{instance}"))
        .await;
    assert_eq!(
        (read.state, read.waiting, read.running, read.trigger),
        (InstanceState::Running, Some(0), Some(3), Trigger::Schedule)
    );
    let running: Vec<Shard> = all(
        b.admin(),
        &format!("/api/v1/instances/{instance}/shards"),
        2,
    )
    .await;
    assert!(
        running
            .iter()
            .all(|shard| shard.state == ShardState::Running
                && shard.client_id == Some(client.id)
                && shard.client_host.as_deref() == Some("raw"))
    );
    let clients: Vec<Client> = all(b.admin(), "/api/v1/clients?app=shop", 1).await;
    // By part of the host, and by label.
    world
        .execute(r#"update client set labels = '{"zone": "a"}'"#)
        .await;
    for (query, found) in [
        (format!("host={}", clients[0].host.to_uppercase()), 1),
        ("host=elsewhere.invalid".to_owned(), 0),
        ("label=zone".to_owned(), 1),
        ("label=zone=a".to_owned(), 1),
        ("label=zone=b".to_owned(), 0),
        ("label=other".to_owned(), 0),
        ("label=".to_owned(), 1),
    ] {
        let path = format!("/api/v1/clients?app=shop&{query}");
        assert_eq!(
            all::<Client>(b.admin(), &path, 1).await.len(),
            found,
            "{query}"
        );
    }
    assert_eq!(
        (
            clients[0].id,
            clients[0].running,
            clients[0].slots,
            clients[0].handlers[0].as_str()
        ),
        (client.id, 3, 100, "work")
    );
    let line = |item: usize, message: &str| LogLine {
        shard_id: shards[item].shard_id,
        attempt: 1,
        logged_at: DateTime::UNIX_EPOCH,
        level: LogLevel::Warn,
        message: message.to_owned(),
    };
    let logs = ShardLogs {
        lines: vec![
            line(0, "one"),
            line(0, "two \0 é"),
            line(0, &"x".repeat(10_000)),
            line(1, "other"),
        ],
    };
    client
        .api
        .send_logs(client.id, &logs)
        .await
        .expect("the lines are kept");
    let mut results: Vec<_> = [Outcome::Succeeded, Outcome::Failed, Outcome::Later]
        .into_iter()
        .zip(&shards)
        .map(|(outcome, shard)| antares_protocol::client::ShardResult {
            shard_id: shard.shard_id,
            attempt: 1,
            outcome,
            error: None,
            output: None,
            delay_ms: None,
            checkpoint: None,
            started_at: DateTime::UNIX_EPOCH,
            ended_at: DateTime::UNIX_EPOCH,
        })
        .collect();
    results[0].output = Some("42".to_owned());
    results[1].error = Some("no such order".to_owned());
    assert_eq!(
        client.report_all(results.clone()).await,
        [ReportStatus::Accepted; 3]
    );
    assert_eq!(
        client.report_all(results).await,
        [ReportStatus::Accepted; 3],
        "a repeat is told that it counted"
    );
    let again = client.claim(3, 10_000).await;
    assert_eq!(
        (
            again.len(),
            again[0].item,
            again[0].attempt,
            &again[0].param
        ),
        (1, 2, 2, &json!(null))
    );
    client.report(again[0].token(), Outcome::Succeeded).await;
    world.ended(instance, BOUND).await;

    let admin = b.admin();
    let read: Instance = admin.get(&format!("/api/v1/instances/{instance}")).await;
    assert_eq!(
        (
            read.state,
            read.total,
            read.succeeded,
            read.failed,
            read.cancelled
        ),
        (InstanceState::Failed, 3, 2, 1, 0)
    );
    assert_eq!(
        (
            read.app.as_str(),
            read.job.as_str(),
            read.job_version,
            &read.param
        ),
        ("shop", "settle", 1, &json!({ "of": "the job" }))
    );
    assert!(
        read.scheduled_at <= read.fired_at && Some(read.fired_at) <= read.ended_at,
        "{read:?}"
    );
    let ended: Vec<Shard> = all(admin, &format!("/api/v1/instances/{instance}/shards"), 1).await;
    let told: Vec<_> = ended
        .iter()
        .map(|shard| {
            (
                shard.item,
                shard.state,
                shard.attempt,
                shard.error.as_deref(),
                shard.output.as_deref(),
                shard.param.clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, ShardState::Succeeded, 1, None, Some("42"), json!("A")),
            (
                1,
                ShardState::Failed,
                1,
                Some("no such order"),
                None,
                json!({ "b": 1 })
            ),
            (2, ShardState::Succeeded, 2, None, None, json!(null)),
        ]
    );
    let attempts: Vec<Attempt> =
        all(admin, &format!("/api/v1/instances/{instance}/attempts"), 1).await;
    let told: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.item, attempt.attempt, attempt.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (0, 1, AttemptOutcome::Succeeded),
            (1, 1, AttemptOutcome::Failed),
            (2, 1, AttemptOutcome::Later),
            (2, 2, AttemptOutcome::Succeeded),
        ]
    );
    for attempt in &attempts {
        assert_eq!(attempt.client_id, Some(client.id));
        assert_eq!(attempt.client_host.as_deref(), Some("raw"));
        // The client's clock said 1970: it is kept within what the database saw.
        assert!(
            attempt.claimed_at <= attempt.started_at
                && attempt.started_at <= Some(attempt.ended_at),
            "{attempt:?}"
        );
    }
    let lines: Vec<ShardLog> = all(
        admin,
        &format!("/api/v1/shards/{}/logs", shards[0].shard_id),
        1,
    )
    .await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line.attempt,
                line.level,
                line.message.chars().take(7).collect::<String>(),
            )
        })
        .collect();
    let line = |text: &str| (1, LogLevel::Warn, text.to_owned());
    assert_eq!(told, [line("one"), line("two \u{fffd} é"), line("xxxxxxx")]);
    assert!(lines[2].message.ends_with("[cut: 10000 bytes in all]"));
    assert_eq!(
        all::<ShardLog>(
            admin,
            &format!("/api/v1/shards/{}/logs", shards[2].shard_id),
            5
        )
        .await,
        []
    );

    let ticks: Vec<Tick> = all(admin, &format!("/api/v1/ticks?job_id={}", job.id), 1).await;
    let fired: Vec<&Tick> = ticks
        .iter()
        .filter(|tick| tick.instance_id == Some(instance))
        .collect();
    assert_eq!(fired.len(), 1, "{ticks:?}");
    assert_eq!(
        (fired[0].outcome, fired[0].scheduled_at, fired[0].count),
        (TickOutcome::Fired, read.scheduled_at, 1)
    );
    assert!(
        ticks.is_sorted_by(|a, b| a.scheduled_at > b.scheduled_at),
        "newest first: {ticks:?}"
    );
    world.assert_ticks_exact(&job).await;

    let servers: Vec<Server> = all(admin, "/api/v1/servers", 50).await;
    let addresses: Vec<&str> = servers
        .iter()
        .map(|server| server.address.as_str())
        .collect();
    assert!(
        addresses.len() == 2
            && addresses.contains(&a.address())
            && addresses.contains(&b.address()),
        "{addresses:?}"
    );
    assert_eq!(
        servers.iter().map(|server| server.buckets).sum::<i64>(),
        256
    );
    client.leave().await;
    assert_eq!(all::<Client>(admin, "/api/v1/clients", 5).await, []);
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn instances_are_paged_newest_first_and_filtered() {
    let world = World::new().await;
    let server = world.server().start().await;
    let admin = server.admin();
    let app = world.app(&server, "shop").await;
    let other = world.app(&server, "other").await;
    let (settle, report) = (
        app.job("settle", |_| {}).await,
        app.job("report", |_| {}).await,
    );
    let foreign = other.job("settle", |_| {}).await;
    let mut ids = Vec::new();
    for job in [&settle, &report, &settle, &foreign, &settle] {
        ids.push(job.trigger().await);
        job.act("terminate").await;
    }
    ids.push(settle.trigger().await);
    let of = async |query: &str| {
        all::<Instance>(admin, &format!("/api/v1/instances{query}"), 2)
            .await
            .into_iter()
            .map(|i| i.id)
            .collect::<Vec<_>>()
    };
    let picked = |indices: &[usize]| indices.iter().map(|&index| ids[index]).collect::<Vec<_>>();
    assert_eq!(of("").await, picked(&[5, 4, 3, 2, 1, 0]));
    assert_eq!(of("?app=shop").await, picked(&[5, 4, 2, 1, 0]));
    assert_eq!(of("?state=running").await, picked(&[5]));
    assert_eq!(of("?state=terminated&app=other").await, picked(&[3]));
    assert_eq!(
        of(&format!("?job_id={}", settle.id)).await,
        picked(&[5, 4, 2, 0])
    );
    assert_eq!(
        of(&format!("?job_id={}&state=succeeded", settle.id)).await,
        picked(&[])
    );
    assert_eq!(of("?app=nobody").await, picked(&[]));
    // Running and ended ones are paged as one list.
    let first: Page<Instance> = admin.get("/api/v1/instances?limit=1").await;
    settle.act("terminate").await;
    let next = first.next.expect("there are more");
    let second: Page<Instance> = admin
        .get(&format!("/api/v1/instances?limit=10&after={next}"))
        .await;
    assert_eq!(
        second.items.iter().map(|i| i.id).collect::<Vec<_>>(),
        picked(&[4, 3, 2, 1, 0])
    );
    assert!(
        second
            .items
            .iter()
            .all(|i| i.state == InstanceState::Terminated && i.reason.is_some())
    );
}

#[tokio::test]
async fn each_filter_reads_instances_that_wait_run_and_have_ended() {
    let world = World::new().await;
    let server = world.server().start().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("Settle", |spec| spec.overlap = Overlap::Queue(1))
        .await;
    let ended = job.trigger().await;
    job.act("terminate").await;
    let (running, queued) = (job.trigger().await, job.trigger().await);
    let of = async |query: &str| {
        all::<Instance>(server.admin(), &format!("/api/v1/instances?{query}"), 2)
            .await
            .into_iter()
            .map(|i| (i.id, i.job, i.state))
            .collect::<Vec<_>>()
    };
    let name = || "Settle".to_owned();
    let all_three = [
        (queued, name(), InstanceState::Queued),
        (running, name(), InstanceState::Running),
        (ended, name(), InstanceState::Terminated),
    ];
    let [waits, runs, over] = all_three.each_ref().map(std::slice::from_ref);
    let a_day = TimeDelta::days(1);
    let path = format!("/api/v1/instances/{ended}");
    let one: Instance = server.admin().get(&path).await;
    let (before, after) = (one.fired_at - a_day, one.fired_at + a_day);
    let at = |at: chrono::DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    for (query, expected) in [
        (format!("job_id={}", job.id), &all_three[..]),
        ("app=shop".to_owned(), &all_three),
        ("trigger=api".to_owned(), &all_three),
        ("trigger=sql".to_owned(), &[]),
        ("job=ETT".to_owned(), &all_three),
        ("job=other".to_owned(), &[]),
        (format!("from={}", at(before)), &all_three),
        (format!("from={}", at(after)), &[]),
        (format!("until={}", at(after)), &all_three),
        (format!("until={}", at(before)), &[]),
        // What waits has not begun.
        ("min_duration_ms=0".to_owned(), &all_three[1..]),
        ("min_duration_ms=86400000".to_owned(), &[]),
        ("state=queued".to_owned(), waits),
        ("state=queued&min_duration_ms=0".to_owned(), &[]),
        ("state=running".to_owned(), runs),
        ("state=terminated".to_owned(), over),
        ("state=failed".to_owned(), &[]),
        (
            format!(
                "state=terminated&app=shop&trigger=api&job=settle&job_id={}&from={}&until={}&min_duration_ms=0",
                job.id,
                at(before),
                at(after)
            ),
            over,
        ),
    ] {
        assert_eq!(of(&query).await, expected, "{query}");
    }
    // No shards of what waits, and of no instance.
    for list in ["shards", "attempts"] {
        let none: Page<serde_json::Value> = (server.admin())
            .get(&format!("/api/v1/instances/{queued}/{list}"))
            .await;
        assert!(none.items.is_empty(), "{list}");
        let path = format!("/api/v1/instances/{}/{list}", queued + 1000);
        let (status, body) = server.admin().call(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{list}");
        assert_eq!(body["type"], "/problems/not-found", "{list}");
    }
}
