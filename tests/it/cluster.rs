//! Replicas join, leave, die, hang and lose their database.

use std::time::Duration;

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
