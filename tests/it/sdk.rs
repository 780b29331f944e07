//! The SDK's client against real servers.

use std::time::Duration;

use antares_protocol::job::{JobKind, Script};
use antares_tests::{App, BOUND, Work, World, wait_until};

async fn endings(
    world: &World,
    instance: i64,
) -> Vec<(i32, i16, String, Option<String>, Option<String>)> {
    sqlx::query_as(
        "select item, attempt, outcome, error, output from attempt_history where instance_id = $1 order by 1, 2",
    )
    .bind(instance)
    .fetch_all(world.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn success_failure_panic_and_later_arrive_as_such_and_listeners_hear_of_each() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 4;
            spec.max_shards_per_client = 0;
            spec.shard_params = vec![
                Work::default().param(),
                Work::fail("boom").param(),
                Work::panic("ouch").param(),
                Work::later(300).until_attempt(1).param(),
            ];
        })
        .await;
    let client = world.client(&app, &[&a, &b]).name("one").start().await;
    let instance = job.trigger().await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("failed", 2, 2, 0)
    );
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        endings(&world, instance).await,
        [
            (0, 1, "succeeded".to_owned(), None, text("one")),
            (1, 1, "failed".to_owned(), text("boom"), None),
            (2, 1, "failed".to_owned(), text("panicked: ouch"), None),
            (3, 1, "later".to_owned(), None, None),
            (3, 2, "succeeded".to_owned(), None, text("one")),
        ]
    );
    let executed = world.executed(instance).await;
    let events = |item: i32| -> Vec<(i16, &str)> {
        let of_item = executed.iter().filter(|row| row.item == item);
        of_item
            .map(|row| (row.attempt, row.event.as_str()))
            .collect()
    };
    assert_eq!(
        events(0),
        [
            (1, "before"),
            (1, "begin"),
            (1, "end"),
            (1, "success"),
            (1, "after")
        ]
    );
    assert_eq!(
        events(1),
        [
            (1, "before"),
            (1, "begin"),
            (1, "end"),
            (1, "fail"),
            (1, "after")
        ]
    );
    assert_eq!(
        events(2),
        [
            (1, "before"),
            (1, "begin"),
            (1, "end"),
            (1, "fail"),
            (1, "after")
        ]
    );
    let later = [(1, "before"), (1, "begin"), (1, "end"), (1, "after")];
    let success = [
        (2, "before"),
        (2, "begin"),
        (2, "end"),
        (2, "success"),
        (2, "after"),
    ];
    assert_eq!(events(3), [later.as_slice(), &success].concat());
    let at = |attempt: i16, event: &str| {
        executed
            .iter()
            .find(|row| row.item == 3 && row.attempt == attempt && row.event == event)
            .unwrap()
            .at
    };
    let delay = at(2, "before") - at(1, "after");
    assert!(
        delay >= chrono::TimeDelta::milliseconds(300),
        "called again after {delay}"
    );
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn a_script_gets_its_shard_and_its_output_and_exit_code_come_back() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let body = "echo \"$ANTARES_SHARD_ITEM of $ANTARES_SHARD_TOTAL: $ANTARES_SHARD_PARAM, $ANTARES_JOB_PARAM\"\n\
        exit $ANTARES_SHARD_ITEM\n";
    let job = app
        .job("script", |spec| {
            spec.handler = None;
            spec.kind = JobKind::Script;
            spec.script = Some(Script::Body {
                interpreter: "sh".to_owned(),
                body: body.to_owned(),
            });
            spec.param = "today".into();
            spec.shard_count = 2;
            spec.shard_params = vec!["a=1;b".into(), serde_json::json!({ "b": 2 })];
            spec.max_shards_per_client = 0;
        })
        .await;
    let without = world
        .client(&app, &[&a])
        .name("without scripts")
        .start()
        .await;
    let with = world
        .client(&app, &[&a])
        .name("with scripts")
        .scripts()
        .start()
        .await;
    let instance = job.trigger().await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("failed", 1, 1, 0)
    );
    let endings = endings(&world, instance).await;
    assert_eq!(
        endings[0].4.as_deref().map(str::trim),
        Some("0 of 2: a=1;b, today")
    );
    let error = endings[1].3.as_deref().unwrap_or_default();
    assert!(
        error.contains("exit code 1") && error.contains("1 of 2: {\"b\":2}, today"),
        "{error}"
    );
    let by: Vec<uuid::Uuid> =
        sqlx::query_scalar("select distinct client_id from attempt_history where instance_id = $1")
            .bind(instance)
            .fetch_all(world.pool())
            .await
            .unwrap();
    assert_eq!(by, [with.id(&world).await]);
    drop(without);
}

#[tokio::test]
async fn a_script_does_not_find_the_secret_of_its_app() {
    let world = World::new().await;
    let [a] = world.servers().await;
    // Two variables that cargo sets for this process, which client processes inherit: one shall be the secret's.
    let (name, other) = ("CARGO_MANIFEST_DIR", "CARGO_PKG_NAME=");
    let secret = std::env::var(name).unwrap();
    let body = serde_json::json!({ "name": "shop", "secret": secret });
    let made: serde_json::Value = a.admin().post("/api/v1/apps", &body).await;
    let app = App::known(a.admin(), made["id"].as_i64().unwrap(), "shop", &secret);
    let job = app
        .job("script", |spec| {
            spec.handler = None;
            spec.kind = JobKind::Script;
            spec.script = Some(Script::Command("env".to_owned()));
        })
        .await;
    let client = world.client(&app, &[&a]).scripts().start().await;
    let instance = job.trigger().await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 1, 0, 0));
    let output = endings(&world, instance).await.remove(0).4.unwrap();
    assert!(output.contains(other), "{output}");
    assert!(!output.contains(name), "{output}");
    drop(client);
}

#[tokio::test]
async fn a_script_that_takes_too_long_is_killed_with_all_that_it_started() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let file = world.folder().join("pid");
    // The grandchild ignores what the shell could pass on.
    let body = format!(
        "sh -c 'trap \"\" TERM; sleep 1000' &\necho $! > {0}.new; mv {0}.new {0}\nwait\n",
        file.display()
    );
    let job = app
        .job("script", |spec| {
            spec.handler = None;
            spec.kind = JobKind::Script;
            spec.script = Some(Script::Body {
                interpreter: "sh".to_owned(),
                body,
            });
            spec.shard_timeout_ms = 1500;
        })
        .await;
    let client = world.client(&app, &[&a]).scripts().start().await;
    let instance = job.trigger().await;
    let pid = wait_until("the script has started its child", BOUND, async || {
        std::fs::read_to_string(&file)
    })
    .await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("failed", 0, 1, 0));
    let error = endings(&world, instance).await[0]
        .3
        .clone()
        .unwrap_or_default();
    assert!(error.contains("timed out"), "{error}");
    let attempts = world.attempts(instance).await;
    assert_eq!(attempts, [(0, 1, "timed_out".to_owned())]);
    is_gone(pid.trim()).await;
    drop(client);
}

/// Waits until a process that a script started is gone.
async fn is_gone(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    wait_until(
        "the script's process is gone",
        BOUND,
        async || match std::fs::read_to_string(&stat) {
            Ok(stat) if !stat.contains(") Z ") => Err(stat),
            _ => Ok(()),
        },
    )
    .await;
}

#[tokio::test]
async fn a_script_ends_with_the_client_that_is_killed() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let file = world.folder().join("pids");
    let body = format!("sleep 600 & echo $$ $! > {}; wait", file.display());
    let job = app
        .job("script", |spec| {
            spec.handler = None;
            spec.kind = JobKind::Script;
            spec.script = Some(Script::Body {
                interpreter: "sh".to_owned(),
                body,
            });
        })
        .await;
    let mut client = world.client(&app, &[&a]).scripts().start().await;
    job.trigger().await;
    let pids =
        wait_until(
            "the script has started its child",
            BOUND,
            async || match std::fs::read_to_string(&file) {
                Ok(pids) if pids.split_whitespace().count() == 2 => Ok(pids),
                other => Err(other),
            },
        )
        .await;
    client.process.kill();
    for pid in pids.split_whitespace() {
        is_gone(pid).await;
    }
}

#[tokio::test]
async fn a_client_that_is_stopped_finishes_what_runs_and_takes_nothing_new() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let gate = world.gate("gate");
    let (running, waiting) = (
        app.job("running", |_| ()).await,
        app.job("waiting", |_| ()).await,
    );
    let mut client = world.client(&app, &[&a]).start().await;
    let instance = running.trigger_with(&gate.work()).await;
    world.begun(instance, 1).await;
    client.process.terminate();
    client.process.line("draining").await;
    let not_taken = waiting.trigger().await;
    // Longer than a lease: it must renew while it drains.
    let claimed_at =
        "select (extract(epoch from now() - claimed_at) * 1000)::bigint from shard_running";
    wait_until("a lease and a half goes by", BOUND, async || {
        match world.number(claimed_at, &[]).await {
            ms if ms > 3000 => Ok(()),
            ms => Err(ms),
        }
    })
    .await;
    assert_eq!(client.process.exit_status(), None);
    gate.open();
    let status = client.process.ended(BOUND).await;
    assert!(status.success(), "{status}");
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    assert_eq!(
        world.attempts(instance).await,
        [(0, 1, "succeeded".to_owned())]
    );
    assert_eq!(world.shards(not_taken).await, [("ready".to_owned(), 0, 0)]);
    let leases = world.number("select count(*) from client_lease", &[]).await;
    assert_eq!(leases, 0, "the client did not leave");
}

#[tokio::test]
async fn what_does_not_finish_in_the_drain_timeout_is_cancelled_and_goes_back_at_once() {
    let world = World::new().await;
    let [a] = world.servers_with(&["--failover-wait", "60s"]).await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| ()).await;
    let mut first = world
        .client(&app, &[&a])
        .name("first")
        .drain_timeout(Duration::from_millis(300))
        .start()
        .await;
    let instance = job.trigger_with(&Work::hang().until_attempt(1)).await;
    world.begun(instance, 1).await;
    let second = world.client(&app, &[&a]).name("second").start().await;
    first.process.terminate();
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    let attempts = world.attempts(instance).await;
    assert_eq!(
        attempts,
        [
            (0, 1, "returned".to_owned()),
            (0, 2, "succeeded".to_owned())
        ]
    );
    let executed = world.executed(instance).await;
    let cancelled = executed
        .iter()
        .find(|row| row.event == "cancelled")
        .unwrap();
    assert_eq!(
        (cancelled.client.as_str(), cancelled.detail.as_deref()),
        ("first", Some("Shutdown"))
    );
    assert!(first.process.ended(BOUND).await.success());
    drop(second);
}

#[tokio::test]
async fn a_client_survives_a_restart_of_all_servers_and_delivers_what_ended_meanwhile() {
    let world = World::new().await;
    let lease = ["--failover-wait", "60s"];
    let [mut a, mut b] = world.servers_with(&lease).await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |_| ()).await;
    let gate = world.gate("gate");
    let client = world.client(&app, &[&a, &b]).start().await;
    let id = client.id(&world).await;
    let instance = job.trigger_with(&gate.work()).await;
    world.begun(instance, 1).await;
    let addresses = [a.address().to_owned(), b.address().to_owned()];
    a.process.kill();
    b.process.kill();
    gate.open();
    wait_until(
        "the handler ends while there is no server",
        BOUND,
        async || {
            let executed = world.executed(instance).await;
            if executed.iter().any(|row| row.event == "after") {
                Ok(())
            } else {
                Err(executed)
            }
        },
    )
    .await;
    assert_eq!(world.try_ended(instance).await, None);
    let a = world
        .server()
        .arguments(&lease)
        .arguments(&["--listen", &addresses[0]])
        .start()
        .await;
    assert_eq!(
        world.ended(instance, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    assert_eq!(
        world.attempts(instance).await,
        [(0, 1, "succeeded".to_owned())]
    );
    assert_eq!(
        client.id(&world).await,
        id,
        "the lease stood, there was no need to register again"
    );
    let next = job.at(&a).trigger().await;
    assert_eq!(
        world.ended(next, BOUND).await.summary(),
        ("succeeded", 1, 0, 0)
    );
    world.assert_nothing_left().await;
}
