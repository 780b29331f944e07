//! Replicas join, leave, die, hang and lose their database.

use std::time::Duration;

use antares_protocol::cluster::Server as ServerView;
use antares_protocol::page::Page;
use antares_tests::{App, BOUND, Job, Server, World, wait_for, wait_until};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A lease that cannot end within a test: what happens sooner does not happen because of it.
const LONG_LEASE: [&str; 2] = ["--failover-wait", "60s"];
/// How soon the others have what a killed or stopped server owned.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Jobs due every second, in different buckets.
async fn given_dense_jobs(app: &App, n: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    for number in 0..n {
        let dense =
            |spec: &mut antares_protocol::job::JobSpec| spec.cron = Some("* * * * * ?".into());
        jobs.push(app.job(&format!("dense {number}"), dense).await);
    }
    jobs
}

/// Waits until every job has had `n` more ticks.
async fn more_ticks(world: &World, jobs: &[Job], n: i64) {
    let ticks = async || {
        let mut ticks = Vec::new();
        for job in jobs {
            let sql = "select coalesce(sum(count), 0)::bigint from tick where job_id = $1";
            ticks.push(world.number(sql, &[job.id]).await);
        }
        ticks
    };
    let before = ticks().await;
    wait_until(&format!("{n} more ticks of every job"), BOUND, async || {
        let more: Vec<i64> = ticks()
            .await
            .iter()
            .zip(&before)
            .map(|(now, before)| now - before)
            .collect();
        if more.iter().all(|more| *more >= n) {
            Ok(())
        } else {
            Err(more)
        }
    })
    .await;
}

async fn owns_all(world: &World, server: &Server, bound: Duration) {
    wait_for(
        "the other server owns every bucket",
        bound,
        256,
        async || server.buckets(world).await,
    )
    .await;
}

#[tokio::test]
async fn four_replicas_starting_together_migrate_safely_and_share_evenly() {
    let world = World::new().await;
    let servers: [Server; 4] = world.servers().await;
    for server in &servers {
        assert_eq!(server.buckets(&world).await, 64);
    }
    assert_eq!(
        world
            .number(
                "select count(*) from _sqlx_migrations where not success",
                &[]
            )
            .await,
        0
    );
    assert_eq!(
        world.number("select count(*) from user_account", &[]).await,
        1
    );
    assert_eq!(
        world
            .number("select count(*) from server where left_at is null", &[])
            .await,
        4
    );
}

#[tokio::test]
async fn a_replica_that_joins_gets_its_share_and_only_that_moves() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let epochs = "select sum(epoch)::bigint from bucket_lease";
    let before = world.number(epochs, &[]).await;
    let c = world.server().start().await;
    world.spread(&[&a, &b, &c]).await;
    let share = c.buckets(&world).await;
    assert_eq!(
        world.number(epochs, &[]).await - before,
        share,
        "other buckets changed hands too"
    );
}

#[tokio::test]
async fn a_server_that_is_stopped_hands_over_at_once_and_ticks_keep_coming() {
    let world = World::new().await;
    let [mut a, b] = world.servers_with(&LONG_LEASE).await;
    let app = world.app(&b, "shop").await;
    let jobs = given_dense_jobs(&app, 12).await;
    more_ticks(&world, &jobs, 1).await;
    a.process.terminate();
    owns_all(&world, &b, AT_ONCE).await;
    let status = a.process.ended(BOUND).await;
    assert!(status.success(), "{status}");
    more_ticks(&world, &jobs, 2).await;
    let coalesced = world
        .number("select count(*) from tick where outcome = 'coalesced'", &[])
        .await;
    assert_eq!(coalesced, 0, "ticks came too late");
    for job in &jobs {
        world.assert_ticks_exact(job).await;
    }
    assert_eq!(
        world
            .number("select count(*) from server where left_at is null", &[])
            .await,
        1
    );
}

#[tokio::test]
async fn a_killed_server_is_replaced_at_once() {
    let world = World::new().await;
    let [mut a, b] = world.servers_with(&LONG_LEASE).await;
    let app = world.app(&b, "shop").await;
    let jobs = given_dense_jobs(&app, 12).await;
    more_ticks(&world, &jobs, 1).await;
    a.process.kill();
    owns_all(&world, &b, AT_ONCE).await;
    more_ticks(&world, &jobs, 2).await;
    for job in &jobs {
        world.assert_ticks_exact(job).await;
    }
    world.assert_consistent().await;
}

#[tokio::test]
async fn a_hung_server_is_replaced_when_its_lease_ends_and_cannot_fire_when_it_goes_on() {
    let world = World::new().await;
    let [mut a, b] = world.servers().await;
    let app = world.app(&b, "shop").await;
    let jobs = given_dense_jobs(&app, 12).await;
    more_ticks(&world, &jobs, 1).await;
    let old: Uuid = a.ids(&world).await[0];

    a.process.hang();
    owns_all(&world, &b, BOUND).await;
    let lost_at: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(world.pool())
        .await
        .unwrap();
    more_ticks(&world, &jobs, 2).await;
    a.process.go_on();
    wait_until(
        "the server joins again as another",
        BOUND,
        async || match a.ids(&world).await[0] {
            id if id == old => Err(id),
            _ => Ok(()),
        },
    )
    .await;
    world.spread(&[&a, &b]).await;
    more_ticks(&world, &jobs, 2).await;

    let late: i64 =
        sqlx::query_scalar("select count(*) from tick where server_id = $1 and decided_at > $2")
            .bind(old)
            .bind(lost_at)
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(
        late, 0,
        "the hung server decided ticks of buckets that it had lost"
    );
    for job in &jobs {
        world.assert_ticks_exact(job).await;
    }
    world.assert_consistent().await;
}

#[tokio::test]
async fn servers_live_through_a_restart_of_the_database_and_no_tick_is_lost_or_doubled() {
    let world = World::with_own_postgres().await;
    let [mut a, mut b] = world.servers().await;
    let app = world.app(&b, "shop").await;
    let jobs = given_dense_jobs(&app, 6).await;
    let client = world.client(&app, &[&a, &b]).start().await;
    more_ticks(&world, &jobs, 1).await;

    world.database().kill();
    for server in [&a, &b] {
        wait_until(
            "the server says that its database is away",
            BOUND,
            async || match server.admin().readyz().await {
                Some((503, body)) if body.to_string().contains("the database is away") => Ok(()),
                other => Err(other),
            },
        )
        .await;
    }
    world.database().restart();
    a.ready().await;
    b.ready().await;
    world.spread(&[&a, &b]).await;
    more_ticks(&world, &jobs, 3).await;

    assert_eq!(
        (a.process.exit_status(), b.process.exit_status()),
        (None, None)
    );
    for job in &jobs {
        world.assert_ticks_exact(job).await;
        job.act("pause").await;
    }
    let running = "select count(*) from instance";
    wait_for("what was fired has run", BOUND, 0, async || {
        world.number(running, &[]).await
    })
    .await;
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn a_server_that_starts_before_its_database_waits_for_it() {
    let world = World::with_own_postgres().await;
    world.database().kill();
    let server = world.server().listen().await;
    wait_until(
        "the server says what it waits for",
        BOUND,
        async || match server.admin().readyz().await {
            Some((503, body)) if body.to_string().contains("waiting for the database") => Ok(()),
            other => Err(other),
        },
    )
    .await;
    let (status, _) = server
        .admin()
        .call(reqwest::Method::GET, "/api/v1/jobs", None)
        .await;
    assert_eq!(status, 503);
    world.database().restart();
    server.ready().await;
    world.spread(&[&server]).await;
}

/// `drain` or `resume`. Returns the status and the answer.
async fn set(at: &Server, id: Uuid, action: &str) -> (u16, serde_json::Value) {
    let path = format!("/api/v1/servers/{id}/{action}");
    let (status, answer) = at.admin().call(reqwest::Method::POST, &path, None).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn a_drained_server_fires_nothing_and_serves_on_until_it_is_resumed() {
    let world = World::new().await;
    let [a, b] = world.servers_with(&LONG_LEASE).await;
    let app = world.app(&b, "shop").await;
    let jobs = given_dense_jobs(&app, 6).await;
    more_ticks(&world, &jobs, 1).await;
    let id = a.ids(&world).await[0];
    for _ in 0..2 {
        let (status, answer) = set(&b, id, "drain").await;
        assert_eq!((status, answer["buckets"].as_i64()), (200, Some(0)));
    }
    // In the transaction of the call, not when somebody looks.
    let drained_at: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(b.buckets(&world).await, 256);
    more_ticks(&world, &jobs, 2).await;
    let late: i64 =
        sqlx::query_scalar("select count(*) from tick where server_id = $1 and decided_at > $2")
            .bind(id)
            .bind(drained_at)
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(late, 0, "the drained server fired");

    // Whoever is connected to it works on.
    let client = world.client(&app, &[&a]).start().await;
    let job = app.job("by hand", |_| {}).await;
    let instance = job.at(&a).trigger().await;
    world.ended(instance, BOUND).await;

    let (status, answer) = set(&a, id, "resume").await;
    assert_eq!((status, answer["draining"].as_bool()), (200, Some(false)));
    world.spread(&[&a, &b]).await;
    more_ticks(&world, &jobs, 1).await;
    for job in &jobs {
        world.assert_ticks_exact(job).await;
    }
    drop(client);
}

#[tokio::test]
async fn a_drained_server_stays_so_when_it_joins_again_and_fires_when_it_is_the_last() {
    let world = World::new().await;
    let [mut a, mut b] = world.servers().await;
    let app = world.app(&b, "shop").await;
    let jobs = given_dense_jobs(&app, 6).await;
    let id = a.ids(&world).await[0];
    set(&b, id, "drain").await;
    a.process.hang();
    let is_dead = "select count(*) from server where draining and left_at is not null";
    wait_for("the hung server is taken for dead", BOUND, 1, async || {
        world.number(is_dead, &[]).await
    })
    .await;
    a.process.go_on();
    wait_until("it joins again, drained", BOUND, async || {
        let all: Page<ServerView> = b.admin().get("/api/v1/servers").await;
        match all
            .items
            .iter()
            .find(|server| server.address == a.address())
        {
            Some(server) if server.id != id && server.draining => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    more_ticks(&world, &jobs, 2).await;
    assert_eq!(b.buckets(&world).await, 256);

    // Late is better than never.
    b.process.kill();
    owns_all(&world, &a, BOUND).await;
    more_ticks(&world, &jobs, 2).await;
    let c = world.server().start().await;
    owns_all(&world, &c, AT_ONCE).await;
    for job in &jobs {
        world.assert_ticks_exact(job).await;
    }
}

#[tokio::test]
async fn the_only_server_that_fires_cannot_be_drained() {
    let world = World::new().await;
    let [a, mut b] = world.servers_with(&LONG_LEASE).await;
    let [first, second] = [a.ids(&world).await[0], b.ids(&world).await[0]];
    assert_eq!(set(&a, Uuid::now_v7(), "drain").await.0, 404);
    assert_eq!(set(&a, second, "drain").await.0, 200);
    let (status, problem) = set(&a, first, "drain").await;
    assert_eq!(
        (status, problem["detail"].as_str()),
        (
            409,
            Some(
                "cannot drain the only server that fires jobs: start another or resume one, then try again"
            )
        )
    );
    assert_eq!(set(&a, second, "resume").await.0, 200);
    world.spread(&[&a, &b]).await;
    // Two at once cannot both leave their jobs to the other.
    let drained = "select count(*) from server where draining";
    for _ in 0..20 {
        let both = tokio::join!(set(&a, first, "drain"), set(&b, second, "drain"));
        let mut both = [both.0.0, both.1.0];
        both.sort_unstable();
        assert_eq!(both, [200, 409]);
        assert_eq!(world.number(drained, &[]).await, 1);
        for id in [first, second] {
            set(&a, id, "resume").await;
        }
    }
    // Who has died takes nothing over, though its lease stands.
    b.process.kill();
    b.process.ended(BOUND).await;
    let refused = async || set(&a, first, "drain").await.0;
    wait_for("its lock is gone", AT_ONCE, 409, async || {
        let status = refused().await;
        if status == 200 {
            set(&a, first, "resume").await;
        }
        status
    })
    .await;
    assert_eq!(set(&a, second, "resume").await.0, 404);
}
