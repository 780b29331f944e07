//! The guards of single statements, one by one: cases that processes reach only by bad luck.

use std::sync::Arc;

use antares_server::store::schedule::{self, Decision};
use antares_server::store::shard::{self, Proposal};
use antares_tests::{BOUND, World, wait_until};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use sqlx::pool::PoolConnection;
use uuid::Uuid;

/// A job that is due since a second ago, in a bucket that `server` owns.
struct Due {
    world: World,
    conn: PoolConnection<sqlx::Postgres>,
    server: Uuid,
    decision: Decision,
}

/// The forms of the statement that fires: plain, or with all its steps.
const FORMS: [bool; 2] = [true, false];

async fn given_due(is_plain: bool) -> Due {
    let world = World::new().await;
    world.migrate().await;
    let server = Uuid::now_v7();
    let mut conn = world.pool().acquire().await.unwrap();
    let job_id = given_job(&mut conn).await;
    let (bucket, due): (i16, DateTime<Utc>) =
        sqlx::query_as("select bucket, next_fire_at from job_schedule where job_id = $1")
            .bind(job_id)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    let epoch: i64 = sqlx::query_scalar(
        "update bucket_lease set owner = $1, epoch = epoch + 1, expires_at = now() + interval '1 h'
         where bucket = $2 returning epoch",
    )
    .bind(server)
    .bind(bucket)
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let decision = Decision {
        job_id,
        bucket,
        epoch,
        version: 1,
        old_fire_at: due,
        prev_fire_at: None,
        new_fire_at: Some(due + TimeDelta::hours(1)),
        fire_at: Some(due),
        unfired: Vec::new(),
        is_plain,
    };
    Due {
        world,
        conn,
        server,
        decision,
    }
}

async fn given_job(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "with a as (insert into app (name, secret_hash) values ('shop', '') returning id),
         j as (insert into job (app_id, name, state) select id, 'settle', 'waiting' from a returning id, app_id)
         insert into job_schedule (job_id, app_id, version, cron, time_zone, shard_count, max_attempts,
            instance_timeout_ms, next_fire_at)
         select id, app_id, 1, '0 0 * * * ?', 'UTC', 3, 2, 0, date_trunc('second', now()) - interval '1 s' from j
         returning job_id",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

impl Due {
    /// Fires as `server` what `change` makes of the decision. Returns how many decisions held.
    async fn fire(&mut self, server: Uuid, change: impl FnOnce(&mut Decision)) -> usize {
        let mut decision = self.decision.clone();
        change(&mut decision);
        schedule::fire(&mut self.conn, server, &[decision])
            .await
            .unwrap()
            .len()
    }

    async fn assert_untouched(&self) {
        let next: Option<DateTime<Utc>> =
            sqlx::query_scalar("select next_fire_at from job_schedule")
                .fetch_one(self.world.pool())
                .await
                .unwrap();
        assert_eq!(next, Some(self.decision.old_fire_at));
        for table in [
            "select count(*) from tick",
            "select count(*) from instance",
            "select coalesce(sum(n), 0) from shard_ready",
        ] {
            assert_eq!(self.world.number(table, &[]).await, 0, "{table}");
        }
    }
}

#[tokio::test]
async fn a_server_fires_only_buckets_that_it_owns_with_the_epoch_it_knows() {
    for is_plain in FORMS {
        let mut due = given_due(is_plain).await;
        let server = due.server;
        assert_eq!(due.fire(Uuid::now_v7(), |_| ()).await, 0, "another server");
        assert_eq!(
            due.fire(server, |d| d.epoch -= 1).await,
            0,
            "an epoch that is over"
        );
        assert_eq!(
            due.fire(server, |d| d.epoch += 1).await,
            0,
            "an epoch that has not come"
        );
        due.assert_untouched().await;
        due.world
            .execute("update bucket_lease set expires_at = now() where owner is not null")
            .await;
        assert_eq!(due.fire(server, |_| ()).await, 0, "a lease that has ended");
        due.assert_untouched().await;
        due.world
            .execute(
                "update bucket_lease set expires_at = now() + interval '1 h' where owner is not null",
            )
            .await;
        assert_eq!(due.fire(server, |_| ()).await, 1);
        due.world.assert_consistent().await;
        assert_eq!(
            due.world
                .number("select coalesce(sum(n), 0) from shard_ready", &[])
                .await,
            3
        );
    }
}

#[tokio::test]
async fn a_tick_is_decided_once_and_only_at_the_version_and_time_it_was_read_at() {
    for is_plain in FORMS {
        let mut due = given_due(is_plain).await;
        let server = due.server;
        assert_eq!(
            due.fire(server, |d| d.version += 1).await,
            0,
            "another version"
        );
        assert_eq!(
            due.fire(server, |d| d.old_fire_at -= TimeDelta::seconds(1))
                .await,
            0,
            "another time"
        );
        due.assert_untouched().await;
        let later = due.decision.old_fire_at + TimeDelta::hours(2);
        sqlx::query("update job_schedule set next_fire_at = $1")
            .bind(later)
            .execute(due.world.pool())
            .await
            .unwrap();
        assert_eq!(
            due.fire(server, |d| d.old_fire_at = later).await,
            0,
            "a time that has not come"
        );
        sqlx::query("update job_schedule set next_fire_at = $1")
            .bind(due.decision.old_fire_at)
            .execute(due.world.pool())
            .await
            .unwrap();
        due.assert_untouched().await;

        assert_eq!(due.fire(server, |_| ()).await, 1);
        let next = Some(due.decision.new_fire_at.unwrap());
        // The same decision again, and one that would set the schedule elsewhere.
        assert_eq!(due.fire(server, |_| ()).await, 0);
        assert_eq!(due.fire(server, |d| d.new_fire_at = None).await, 0);
        let now: Option<DateTime<Utc>> =
            sqlx::query_scalar("select next_fire_at from job_schedule")
                .fetch_one(due.world.pool())
                .await
                .unwrap();
        assert_eq!(now, next);
        assert_eq!(due.world.number("select count(*) from tick", &[]).await, 1);
        assert_eq!(
            due.world.number("select count(*) from instance", &[]).await,
            1
        );
        due.world.assert_consistent().await;
    }
}

#[tokio::test]
async fn servers_that_decide_the_same_tick_at_the_same_time_fire_it_once() {
    for is_plain in FORMS {
        let mut due = given_due(is_plain).await;
        let mut calls = Vec::new();
        for _ in 0..6 {
            let mut conn = due.world.pool().acquire().await.unwrap();
            let (server, decision) = (due.server, due.decision.clone());
            calls.push(async move {
                schedule::fire(&mut conn, server, &[decision])
                    .await
                    .unwrap()
                    .len()
            });
        }
        let held = futures_util::future::join_all(calls).await;
        assert_eq!(held.iter().sum::<usize>(), 1, "{held:?}");
        let server = due.server;
        assert_eq!(due.fire(server, |_| ()).await, 0);
        assert_eq!(
            due.world.number("select count(*) from instance", &[]).await,
            1
        );
        due.world.assert_consistent().await;
    }
}

#[tokio::test]
async fn a_bucket_changes_hands_only_before_or_after_a_firing() {
    for is_plain in FORMS {
        let mut due = given_due(is_plain).await;
        // Another server takes the bucket over, and has not committed when the old one fires.
        let mut tx = due.world.pool().begin().await.unwrap();
        sqlx::query("update bucket_lease set owner = $1, epoch = epoch + 1 where bucket = $2")
            .bind(Uuid::now_v7())
            .bind(due.decision.bucket)
            .execute(&mut *tx)
            .await
            .unwrap();
        let (server, pool) = (due.server, due.world.pool().clone());
        let (held, ()) = futures_util::future::join(due.fire(server, |_| ()), async {
            wait_until("the firing waits for the bucket", BOUND, async || {
                let waiting: i64 = sqlx::query_scalar(
                    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '-- Decides a batch%'",
                )
                .fetch_one(&pool)
                .await
                .unwrap();
                if waiting > 0 { Ok(()) } else { Err(waiting) }
            })
            .await;
            tx.commit().await.unwrap();
        })
        .await;
        assert_eq!(held, 0);
        due.assert_untouched().await;
    }
}

#[tokio::test]
async fn a_schedule_set_back_does_not_fire_a_tick_again() {
    for is_plain in FORMS {
        let mut due = given_due(is_plain).await;
        let server = due.server;
        assert_eq!(due.fire(server, |_| ()).await, 1);
        due.world
            .execute("delete from shard_ready; delete from instance")
            .await;
        sqlx::query("update job_schedule set next_fire_at = $1")
            .bind(due.decision.old_fire_at)
            .execute(due.world.pool())
            .await
            .unwrap();
        let decided = due.decision.old_fire_at;
        assert_eq!(
            due.fire(server, |_| ()).await,
            0,
            "what was decided before another tick was does nothing"
        );
        let fired = due.fire(server, |d| d.prev_fire_at = Some(decided)).await;
        assert_eq!(fired, 1, "the schedule goes on");
        assert_eq!(
            due.world.number("select count(*) from instance", &[]).await,
            0
        );
        assert_eq!(due.world.number("select count(*) from tick", &[]).await, 1);
    }
}

#[tokio::test]
async fn the_plain_form_fires_only_jobs_that_are_plain() {
    let mut due = given_due(true).await;
    let server = due.server;
    for (is_so, was_so) in [
        ("slots = 2", "slots = 1"),
        ("queue = 1", "queue = 0"),
        ("replaces = true", "replaces = false"),
        ("is_dynamic = true", "is_dynamic = false"),
    ] {
        let set = async |what| {
            due.world
                .execute(&format!("update job_schedule set {what}"))
                .await;
        };
        set(is_so).await;
        let held = schedule::fire(&mut due.conn, server, std::slice::from_ref(&due.decision)).await;
        assert_eq!(held.unwrap().len(), 0, "{is_so}");
        due.assert_untouched().await;
        set(was_so).await;
    }
    assert_eq!(due.fire(server, |_| ()).await, 1);
}

#[tokio::test]
async fn a_client_without_a_lease_claims_nothing() {
    let mut due = given_due(true).await;
    let server = due.server;
    assert_eq!(due.fire(server, |_| ()).await, 1);
    let instance_id = due.world.number("select id from instance", &[]).await;
    let proposal = |client_id| Proposal {
        client_id,
        instance_id,
        wanted: 1,
        cap: 0,
        mark: 0,
        timeout_ms: 0,
        rows: 2,
        limits: Arc::default(),
    };
    let [ended, none, alive] = [(); 3].map(|()| Uuid::now_v7());
    for (client, seconds) in [(ended, -1), (alive, 3600)] {
        sqlx::query("insert into client_lease values ($1, now() + $2 * interval '1 s')")
            .bind(client)
            .bind(seconds)
            .execute(due.world.pool())
            .await
            .unwrap();
    }
    let proposals = [proposal(ended), proposal(none), proposal(alive)];
    let claims = shard::claim(&mut due.conn, &proposals, 10_000)
        .await
        .unwrap();
    let got: Vec<_> = claims
        .iter()
        .filter(|claim| claim.run.is_some())
        .map(|claim| claim.ord)
        .collect();
    assert_eq!(got, [3], "only the third has a lease");
    assert!(
        claims.iter().all(|claim| claim.ord == 3),
        "the others are not even answered: {claims:?}"
    );
    due.world.assert_consistent().await;
}

#[tokio::test]
async fn servers_that_claim_for_one_client_at_the_same_time_keep_to_its_limit() {
    let mut due = given_due(true).await;
    due.world
        .execute("update job_schedule set shard_count = 2000")
        .await;
    let server = due.server;
    assert_eq!(due.fire(server, |_| ()).await, 1);
    let instance_id = due.world.number("select id from instance", &[]).await;
    let client_id = Uuid::now_v7();
    sqlx::query("insert into client_lease values ($1, now() + interval '1 h')")
        .bind(client_id)
        .execute(due.world.pool())
        .await
        .unwrap();
    let proposal = Proposal {
        client_id,
        instance_id,
        wanted: 1,
        cap: 1,
        mark: 0,
        timeout_ms: 0,
        rows: 2,
        limits: Arc::default(),
    };
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(due.world.pool().acquire().await.unwrap());
    }
    let mut handed_out = 0;
    for round in 0..400 {
        let claims = servers.iter_mut().map(async |conn| {
            shard::claim(conn, std::slice::from_ref(&proposal), 10_000)
                .await
                .unwrap()
        });
        let claims = futures_util::future::join_all(claims).await;
        let held = claims
            .iter()
            .flatten()
            .filter_map(|claim| claim.run)
            .map(|run| usize::from(run.n.unsigned_abs()))
            .sum::<usize>();
        assert!(
            held <= 1,
            "round {round}: {held} shards at once, 1 is allowed"
        );
        handed_out += held;
        due.world.execute("delete from shard_running").await;
    }
    assert!(
        handed_out > 300,
        "claims got in one another's way: {handed_out} of 400 rounds handed out a shard"
    );
}
