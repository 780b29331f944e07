//! Shards are claimed, reported, returned and cancelled.

use std::time::Duration;

use antares_protocol::client::{CancelReason, ClaimedShard, Outcome, ReportStatus};
use antares_tests::{BOUND, RawClient, Work, World, result, wait_for, wait_until};
use futures_util::future::{join, join_all};
use tokio::time::Instant;

use super::attempts::AT_ONCE;

/// What `client` gets when it asks until it has `n` shards.
async fn claim_exactly(client: &RawClient, n: usize) -> Vec<ClaimedShard> {
    let mut got = Vec::new();
    let what = format!("{n} shards");
    wait_until(&what, BOUND, async || {
        let shards = client.claim((n - got.len()) as u32, 1000).await;
        got.extend(shards);
        if got.len() == n {
            Ok(())
        } else {
            Err(got.len())
        }
    })
    .await;
    got
}

#[tokio::test]
async fn the_last_reports_of_an_instance_at_the_same_time_end_it_exactly_once() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let mut instances = Vec::new();
    for number in 0..40 {
        let job = app
            .job(&format!("pair {number}"), |spec| spec.shard_count = 2)
            .await;
        instances.push(job.trigger().await);
    }
    let clients = [
        app.raw_client(&a, &["work"]).await,
        app.raw_client(&b, &["work"]).await,
    ];
    let mut held = Vec::new();
    for client in &clients {
        // One of each instance: two are not allowed.
        let mut shards = claim_exactly(client, 40).await;
        shards.sort_by_key(|shard| shard.instance_id);
        held.push(shards);
    }
    // Every report is a call of its own; both clients end the same instances at the same time.
    for (first, second) in held[0].chunks(8).zip(held[1].chunks(8)) {
        let report = |client: usize, shards: &[ClaimedShard]| {
            let calls: Vec<_> = shards
                .iter()
                .map(|shard| {
                    let outcome = if shard.instance_id % 2 == 0 {
                        Outcome::Succeeded
                    } else {
                        Outcome::Failed
                    };
                    clients[client].report(shard.token(), outcome)
                })
                .collect();
            join_all(calls)
        };
        let (first, second) = join(report(0, first), report(1, second)).await;
        assert!(
            first
                .iter()
                .chain(&second)
                .all(|status| *status == ReportStatus::Accepted)
        );
    }
    for instance in instances {
        let expected = if instance % 2 == 0 {
            ("succeeded", 2, 0, 0)
        } else {
            ("failed", 0, 2, 0)
        };
        assert_eq!(world.ended(instance, BOUND).await.summary(), expected);
    }
    world.assert_nothing_left().await;
    for server in [&a, &b] {
        assert_eq!(
            server.metric("antares_conflicts_total").await,
            0,
            "one lock order means no deadlock"
        );
    }
}

#[tokio::test]
async fn many_instances_on_many_clients_through_two_servers_all_add_up() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let mut instances = Vec::new();
    for number in 0..12 {
        let job = app
            .job(&format!("wide {number}"), |spec| {
                spec.shard_count = 40;
                spec.max_shards_per_client = 0;
            })
            .await;
        instances.push(job.trigger().await);
    }
    let mut clients = Vec::new();
    for number in 0..6 {
        clients.push(
            app.raw_client(if number % 2 == 0 { &a } else { &b }, &["work"])
                .await,
        );
    }
    let busy = clients.iter().map(async |client| {
        loop {
            let shards = client.claim(7, 0).await;
            if shards.is_empty() {
                match world
                    .number("select coalesce(sum(n), 0) from shard_ready", &[])
                    .await
                {
                    0 => return,
                    _ => continue,
                }
            }
            let results = shards
                .iter()
                .map(|shard| {
                    let failed = shard.item % 5 == 0;
                    result(
                        shard.token(),
                        if failed {
                            Outcome::Failed
                        } else {
                            Outcome::Succeeded
                        },
                    )
                })
                .collect();
            let statuses = client.report_all(results).await;
            assert!(
                statuses
                    .iter()
                    .all(|status| *status == ReportStatus::Accepted)
            );
        }
    });
    tokio::time::timeout(3 * BOUND, join_all(busy))
        .await
        .expect("all shards are run");
    for instance in instances {
        assert_eq!(
            world.ended(instance, BOUND).await.summary(),
            ("failed", 32, 8, 0)
        );
    }
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_report_counts_once_and_only_from_the_client_that_holds_the_claim() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let (app, foreign) = (world.app(&a, "shop").await, world.app(&a, "foreign").await);
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 2;
            spec.max_shards_per_client = 0;
        })
        .await;
    let instance = job.trigger().await;
    let client = app.raw_client(&a, &["work"]).await;
    let held = claim_exactly(&client, 2).await;
    let token = held[0].token();

    let other = app.raw_client(&b, &["work"]).await;
    assert_eq!(
        other.report(token, Outcome::Failed).await,
        ReportStatus::Stale
    );
    let stranger = foreign.raw_client(&a, &["work"]).await;
    assert_eq!(
        stranger.report(token, Outcome::Failed).await,
        ReportStatus::Stale
    );
    // In the name of the client, with the secret of another app.
    let forged = RawClient {
        api: foreign.protocol(&[&a]),
        id: client.id,
    };
    let request = antares_protocol::client::Report {
        results: vec![result(token, Outcome::Failed)],
    };
    let refused = forged.api.report(forged.id, &request).await.unwrap_err();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(404));
    for attempt in [0, 2] {
        let stale = antares_protocol::client::ClaimToken { attempt, ..token };
        assert_eq!(
            client.report(stale, Outcome::Failed).await,
            ReportStatus::Stale
        );
    }
    assert_eq!(world.shards(instance).await.len(), 2);

    world.assert_consistent().await;

    assert_eq!(
        client.report(token, Outcome::Succeeded).await,
        ReportStatus::Accepted
    );
    // Again, on the other server, and twice in one call: an echo. Another outcome is too late. Nothing changes.
    let elsewhere = client.at(&app, &b);
    let (echo, late) = (ReportStatus::Accepted, ReportStatus::Stale);
    assert_eq!(elsewhere.report(token, Outcome::Succeeded).await, echo);
    assert_eq!(elsewhere.report(token, Outcome::Failed).await, late);
    let twice = [Outcome::Succeeded, Outcome::Later, Outcome::Succeeded];
    let twice = twice.map(|outcome| result(token, outcome)).into();
    assert_eq!(client.report_all(twice).await, [echo, late, echo]);
    let last = held[1].token();
    let twice = [Outcome::Succeeded, Outcome::Failed, Outcome::Succeeded];
    let twice = twice.map(|outcome| result(last, outcome)).into();
    assert_eq!(client.report_all(twice).await, [echo, late, echo]);
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 2, 0, 0)
    );
    assert_eq!(
        elsewhere.report(last, Outcome::Succeeded).await,
        ReportStatus::Accepted
    );
    assert_eq!(world.attempts(instance).await.len(), 2);
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_client_never_holds_more_of_an_instance_than_the_job_allows() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    for cap in [1, 2, 0] {
        let job = app
            .job(&format!("cap {cap}"), |spec| {
                spec.shard_count = 12;
                spec.max_shards_per_client = cap;
            })
            .await;
        let instance = job.trigger().await;
        let at_a = app.raw_client(&a, &["work"]).await;
        let at_b = at_a.at(&app, &b);
        let most = if cap == 0 { 12 } else { cap as usize };
        let mut run = 0;
        let deadline = Instant::now() + 2 * BOUND;
        let mut fullest = 0;
        while run < 12 {
            assert!(
                Instant::now() < deadline,
                "only {run} of 12 shards were handed out, {cap} at a time"
            );
            // Twice at once on each server: the same client asks through both.
            let (first, second) = join(at_a.claim(12, 0), at_b.claim(12, 0)).await;
            let held: Vec<_> = first.into_iter().chain(second).collect();
            assert!(
                held.len() <= most,
                "{} shards at once, {cap} are allowed",
                held.len()
            );
            // While it holds as many as it may, there is no more, whoever is asked.
            if cap > 0 && held.len() == most {
                let (first, second) = join(at_a.claim(12, 0), at_b.claim(12, 0)).await;
                assert_eq!((first.len(), second.len()), (0, 0));
            }
            fullest = fullest.max(held.len());
            run += held.len();
            if !held.is_empty() {
                let results = held
                    .iter()
                    .map(|shard| result(shard.token(), Outcome::Succeeded))
                    .collect();
                at_b.report_all(results).await;
            }
        }
        assert_eq!(
            world.ended(instance, BOUND).await.summary(),
            ("succeeded", 12, 0, 0)
        );
        if cap == 1 {
            assert_eq!(fullest, 1);
        }
        at_a.leave().await;
    }
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn later_puts_a_shard_back_after_its_delay_and_fails_it_at_the_last_attempt() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |spec| spec.max_attempts = 2).await;
    let instance = job.trigger().await;
    let client = app.raw_client(&a, &["work"]).await;
    let first = claim_exactly(&client, 1).await.remove(0);
    let later = |shard: &ClaimedShard| {
        let mut later = result(shard.token(), Outcome::Later);
        later.delay_ms = Some(700);
        vec![later]
    };
    assert_eq!(
        client.report_all(later(&first)).await,
        [ReportStatus::Accepted]
    );
    assert_eq!(world.shards(instance).await, [("delayed".to_owned(), 0, 1)]);
    let second = claim_exactly(&client, 1).await.remove(0);
    assert_eq!((second.shard_id, second.attempt), (first.shard_id, 2));
    let waited = "select (extract(epoch from r.claimed_at - e.ended_at) * 1000)::bigint
        from shard_running r, attempt_history e where e.instance_id = $1";
    let waited = world.number(waited, &[instance]).await;
    assert!(
        (700..5000).contains(&waited),
        "claimed again after {waited} ms"
    );

    assert_eq!(
        client.report_all(later(&second)).await,
        [ReportStatus::Accepted]
    );
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("failed", 0, 1, 0)
    );
    let error: Option<String> =
        sqlx::query_scalar("select error from attempt_history where instance_id = $1 and final")
            .bind(instance)
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(error.as_deref(), Some("no attempt is left, the limit is 2"));
    world.assert_nothing_left().await;
}

#[tokio::test]
async fn shards_of_handlers_that_a_client_lacks_do_not_keep_others_from_it() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let (app, foreign) = (world.app(&a, "shop").await, world.app(&a, "foreign").await);
    // First in the queue: a handler that nobody has, and the same handler of another app.
    let lacking = app
        .job("lacking", |spec| {
            spec.handler = Some("other".to_owned());
            spec.shard_count = 3000;
            spec.max_shards_per_client = 0;
        })
        .await;
    let lacking = lacking.trigger().await;
    let theirs = foreign
        .job("theirs", |spec| spec.shard_count = 100)
        .await
        .trigger()
        .await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 20;
            spec.max_shards_per_client = 0;
        })
        .await;
    let instance = job.trigger().await;
    let client = app.raw_client(&a, &["work"]).await;
    let held = claim_exactly(&client, 20).await;
    assert!(held.iter().all(|shard| shard.instance_id == instance));
    assert_eq!(client.claim(100, 1500).await, []);
    assert_eq!(world.shards(lacking).await.len(), 3000);
    assert_eq!(world.shards(theirs).await.len(), 100);
    let claims = "select coalesce(sum(mask_count(open)), 0) from shard_running";
    assert_eq!(world.number(claims, &[]).await, 20);
    // A client that may hold no more of one instance gets the next one's.
    let narrow = [
        app.job("narrow", |spec| spec.shard_count = 50).await,
        app.job("next", |_| ()).await,
    ];
    for job in &narrow {
        job.trigger().await;
    }
    let names = claim_exactly(&client, 2).await;
    let mut names: Vec<_> = names.iter().map(|shard| shard.job.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["narrow", "next"]);
    world.assert_consistent().await;
}

#[tokio::test]
async fn whatever_ends_a_running_instance_cancels_all_that_is_left_of_it() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let endings = [
        ("terminate", "waiting", "terminated by admin"),
        ("stop", "stopped", "the job was stopped"),
        ("disable", "disabled", "the job was disabled"),
        ("delete", "", "the job was deleted"),
    ];
    for (action, state_after, reason) in endings {
        let job = app
            .job(action, |spec| {
                spec.shard_count = 5;
                spec.max_shards_per_client = 4;
            })
            .await;
        let instance = job.trigger().await;
        let client = app.raw_client(&a, &["work"]).await;
        let held = claim_exactly(&client, 4).await;
        let mut later = result(held[1].token(), Outcome::Later);
        later.delay_ms = Some(60_000);
        client
            .report_all(vec![result(held[0].token(), Outcome::Succeeded), later])
            .await;
        let places: Vec<_> = world
            .shards(instance)
            .await
            .into_iter()
            .map(|(place, ..)| place)
            .collect();
        for (place, n) in [("ready", 1), ("delayed", 1), ("running", 2)] {
            assert_eq!(
                places.iter().filter(|other| *other == place).count(),
                n,
                "{places:?}"
            );
        }
        let running = [held[2].token(), held[3].token()];
        assert_eq!(client.renew(&running).await, []);

        match action {
            "delete" => job.at(&b).delete().await,
            action => job.at(&b).act(action).await,
        }
        let ended = world
            .try_ended(instance)
            .await
            .expect("it has ended when the call is answered");
        assert_eq!(ended.summary(), ("terminated", 1, 0, 4), "{action}");
        assert_eq!(ended.reason.as_deref(), Some(reason));
        world.assert_nothing_left().await;
        let cancel = client.renew(&running).await;
        assert_eq!(cancel.len(), 2);
        assert!(
            cancel
                .iter()
                .all(|cancel| cancel.reason == CancelReason::Ended),
            "{cancel:?}"
        );
        assert_eq!(client.claim(10, 0).await, []);
        assert_eq!(
            client.report(running[0], Outcome::Succeeded).await,
            ReportStatus::Stale
        );
        assert_eq!(world.try_ended(instance).await, Some(ended));
        if action == "delete" {
            let (status, _) = a
                .admin()
                .call(
                    reqwest::Method::GET,
                    &format!("/api/v1/jobs/{}", job.id),
                    None,
                )
                .await;
            assert_eq!(status, 404);
        } else {
            assert_eq!(serde_json::json!(job.view().await.state), state_after);
        }
        client.leave().await;
        world.assert_nothing_left().await;
    }
}

#[tokio::test]
async fn ending_instances_while_they_are_reported_and_claimed_is_always_clean() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let clients = [
        app.raw_client(&a, &["work"]).await,
        app.raw_client(&b, &["work"]).await,
    ];
    let mut jobs = Vec::new();
    for number in 0..12 {
        let wide = |spec: &mut antares_protocol::job::JobSpec| {
            spec.shard_count = 30;
            spec.max_shards_per_client = 0;
        };
        jobs.push(app.job(&format!("wide {number}"), wide).await);
    }
    for round in 0..3 {
        let mut instances = Vec::new();
        for job in &jobs {
            instances.push(job.trigger().await);
        }
        let [first, second] = &clients;
        let busy = async |client: &RawClient| {
            loop {
                let shards = client.claim(5, 0).await;
                if shards.is_empty()
                    && world
                        .number("select coalesce(sum(n), 0) from shard_ready", &[])
                        .await
                        == 0
                {
                    return;
                }
                for shard in shards {
                    client.report(shard.token(), Outcome::Succeeded).await;
                }
            }
        };
        let end = async {
            for (job, instance) in jobs.iter().zip(&instances) {
                let server = if instance % 2 == 0 { &a } else { &b };
                // Those that have ended by themselves meanwhile are refused.
                let path = format!("/api/v1/jobs/{}/terminate", job.id);
                let (status, body) = server
                    .admin()
                    .call(reqwest::Method::POST, &path, None)
                    .await;
                assert!(matches!(status.as_u16(), 200 | 409), "{status} {body}");
            }
        };
        let all = join(join(busy(first), busy(second)), end);
        tokio::time::timeout(2 * BOUND, all)
            .await
            .unwrap_or_else(|_| panic!("round {round} does not end"));
        for instance in instances {
            world.ended(instance, BOUND).await;
        }
        world.assert_nothing_left().await;
    }
    for server in [&a, &b] {
        assert_eq!(
            server.metric("antares_conflicts_total").await,
            0,
            "one lock order means no deadlock"
        );
    }
}

#[tokio::test]
async fn an_instance_that_takes_too_long_is_ended_and_its_handlers_are_told() {
    let world = World::new().await;
    // On a busy machine a client may miss a short lease, and would hear that its claim is lost instead.
    let [a] = world.servers_with(&["--failover-wait", "9s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 2;
            spec.instance_timeout_ms = 700;
        })
        .await;
    let client = world.client(&app, &[&a]).start().await;
    let instance = job.trigger_with(&Work::hang()).await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("timed_out", 0, 0, 2));
    assert_eq!(
        ended.reason.as_deref(),
        Some("the instance took longer than the job allows")
    );
    wait_until("the handler is told", BOUND, async || {
        let executed = world.executed(instance).await;
        let told = executed
            .iter()
            .any(|row| row.event == "cancelled" && row.detail.as_deref() == Some("Ended"));
        if told { Ok(()) } else { Err(executed) }
    })
    .await;
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn a_client_that_renews_but_never_ends_a_shard_loses_it_when_the_attempt_is_out_of_time() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_timeout_ms = 200;
            spec.retry = Some(AT_ONCE);
        })
        .await;
    let instance = job.trigger().await;
    let client = app.raw_client(&a, &["work"]).await;
    let held = claim_exactly(&client, 1).await.remove(0).token();
    let cancel = wait_until("the client is told to stop", BOUND, async || {
        client.renew(&[held]).await.pop().ok_or("it is not")
    })
    .await;
    assert_eq!(
        (cancel.shard_id, cancel.attempt, cancel.reason),
        (held.shard_id, 1, CancelReason::Lost)
    );
    assert_eq!(
        world.attempts(instance).await,
        [(0, 1, "timed_out".to_owned())]
    );
    assert_eq!(
        client.report(held, Outcome::Succeeded).await,
        ReportStatus::Stale
    );
    let again = claim_exactly(&client, 1).await.remove(0);
    assert_eq!(again.attempt, 2);
    client.report(again.token(), Outcome::Succeeded).await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    world.assert_nothing_left().await;
}

/// How long a client that waits at one server waits for a shard triggered through the other, `n` times.
async fn wake_ups(world: &World, n: u32) -> Vec<Duration> {
    let [a, b] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| ()).await;
    let client = app.raw_client(&b, &["work"]).await;
    let mut took = Vec::new();
    for _ in 0..n {
        let waiting = client.claim(1, 20_000);
        let trigger = async {
            // The wait must be at the server before the trigger is: a call that follows it there tells.
            b.ready().await;
            let begin = Instant::now();
            let instance = job.trigger().await;
            (begin, instance)
        };
        let ((shards, end), (begin, instance)) =
            join(async { (waiting.await, Instant::now()) }, trigger).await;
        took.push(end - begin);
        assert_eq!(shards.len(), 1);
        client.report(shards[0].token(), Outcome::Succeeded).await;
        world.ended(instance, BOUND).await;
    }
    took
}

#[tokio::test]
async fn a_trigger_wakes_a_client_that_waits_at_the_other_server() {
    let world = World::new().await;
    let took = wake_ups(&world, 10).await;
    // Polling each second would take half a second on average.
    let average = took.iter().sum::<Duration>() / 10;
    assert!(average < Duration::from_millis(250), "{took:?}");
}

#[tokio::test]
async fn without_notifications_a_waiting_client_is_found_by_polling() {
    let world = World::new().await;
    let channel = format!("LISTEN \"antares_{}\"", world.namespace());
    let cut = async || {
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where query = $1")
            .bind(&channel)
            .execute(world.pool())
            .await
            .unwrap()
            .rows_affected()
    };
    let mut cuts = 0;
    let took = {
        let mut wake_ups = std::pin::pin!(wake_ups(&world, 5));
        loop {
            tokio::select! {
                took = &mut wake_ups => break took,
                () = tokio::time::sleep(Duration::from_millis(20)) => cuts += cut().await,
            }
        }
    };
    assert!(cuts > 5, "the listeners were cut {cuts} times only");
    let longest = took.iter().max().copied().unwrap_or_default();
    assert!(longest < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn rows_that_another_transaction_holds_do_not_hold_up_claims() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "30s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 130;
            spec.max_shards_per_client = 0;
        })
        .await;
    let instance = job.trigger().await;
    let busy = app.raw_client(&a, &["work"]).await;
    let client = app.raw_client(&a, &["work"]).await;
    let mut tx = world.pool().begin().await.unwrap();
    sqlx::query("select from shard_ready where instance_id = $1 and item < 64 for update")
        .bind(instance)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("select from client_lease where client_id = $1 for no key update")
        .bind(busy.id)
        .execute(&mut *tx)
        .await
        .unwrap();
    let both = async {
        // The first one's lease is held as by another server that serves it: nobody waits for that.
        let (none, held) = join(busy.claim(10, 0), claim_exactly(&client, 66)).await;
        assert_eq!(none.len(), 0);
        let mut items: Vec<_> = held.iter().map(|shard| shard.item).collect();
        items.sort_unstable();
        assert_eq!(items, (64..130).collect::<Vec<_>>());
    };
    tokio::time::timeout(Duration::from_secs(5), both)
        .await
        .expect("claims pass over locked rows");
    tx.rollback().await.unwrap();
    // Rows below what has been handed out are found again.
    assert_eq!(claim_exactly(&busy, 64).await.len(), 64);
    let left = "select coalesce(sum(n), 0) from shard_ready";
    wait_for("no shard is left", BOUND, 0, async || {
        world.number(left, &[]).await
    })
    .await;
    world.assert_consistent().await;
}
