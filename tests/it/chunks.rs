//! Chunks of shards: claims and endings that meet in one row.

use std::sync::Arc;

use antares_protocol::shard::shard_id;
use antares_server::pipeline::attempt;
use antares_server::pipeline::instance;
use antares_server::store::attempt::Ending;
use antares_server::store::client;
use antares_server::store::shard::{self, Proposal};
use antares_tests::{BOUND, World, wait_until};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

/// An instance with so many shards, and a client with a lease.
struct Given {
    world: World,
    instance: i64,
    client: Uuid,
}

async fn given(shards: i32, max_attempts: i16) -> Given {
    let world = World::new().await;
    world.migrate().await;
    let instance = sqlx::query_scalar(
        "with a as (insert into app (name, secret_hash) values ('shop', '') returning id),
         j as (insert into job (app_id, name, state) select id, 'settle', 'waiting' from a returning id, app_id),
         i as (insert into instance (job_id, app_id, job_version, trigger, scheduled_at, max_attempts, total, remaining)
            select id, app_id, 1, 'api', now(), $2, $1, $1 from j returning id),
         s as (insert into shard_ready (instance_id, item, n, attempt)
            select i.id, item, least(64, $1 - item), 0 from i, generate_series(0, $1 - 1, 64) item)
         select id from i",
    )
    .bind(shards)
    .bind(max_attempts)
    .fetch_one(world.pool())
    .await
    .unwrap();
    let client = Uuid::now_v7();
    sqlx::query("insert into client_lease values ($1, now() + interval '1 h')")
        .bind(client)
        .execute(world.pool())
        .await
        .unwrap();
    Given {
        world,
        instance,
        client,
    }
}

impl Given {
    fn proposal(&self, wanted: i32) -> Proposal {
        Proposal {
            client_id: self.client,
            instance_id: self.instance,
            wanted,
            cap: 0,
            mark: 0,
            timeout_ms: 0,
            rows: wanted + 1,
            limits: Arc::default(),
        }
    }

    /// Claims and returns the items.
    async fn claim(&self, wanted: i32) -> Vec<i32> {
        let mut conn = self.world.pool().acquire().await.unwrap();
        let claims = shard::claim(&mut conn, &[self.proposal(wanted)], 10_000)
            .await
            .unwrap();
        let runs = claims.iter().filter_map(|claim| claim.run);
        runs.flat_map(|run| run.item..run.item + i32::from(run.n))
            .collect()
    }

    /// Claims a part of a row on a connection whose transaction stays open.
    async fn cut_a_row(&self, conn: &mut PgConnection) {
        let claims = shard::claim(conn, &[self.proposal(10)], 10_000)
            .await
            .unwrap();
        assert_eq!(claims.iter().filter(|c| c.run.is_some()).count(), 1);
    }

    fn ending(&self, item: i32, outcome: &'static str) -> Ending {
        Ending {
            client_id: self.client,
            shard_id: shard_id(self.instance, item),
            attempt: 1,
            outcome,
            started_at: chrono::DateTime::from_timestamp_micros(i64::from(item)),
            output: Some(format!("of {item}")),
            ..Ending::default()
        }
    }

    /// Ends items on a connection of its own. Returns how many counted.
    async fn end(&self, items: &[i32]) -> u32 {
        let endings: Vec<Ending> = items
            .iter()
            .map(|item| self.ending(*item, "succeeded"))
            .collect();
        let mut conn = self.world.pool().acquire().await.unwrap();
        let ended = attempt::end(&mut conn, &endings).await.unwrap();
        ended.iter().map(|e| e.hit.count_ones()).sum()
    }

    /// Waits until a statement that holds `word` waits for a lock.
    async fn blocked(&self, word: &'static str) {
        wait_until("a statement waits for a lock", BOUND, async || {
            let blocked: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%' || $1 || '%'",
            )
            .bind(word)
            .fetch_one(self.world.pool())
            .await
            .unwrap();
            if blocked > 0 { Ok(()) } else { Err(blocked) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_claim_takes_part_of_a_row_and_leaves_the_rest_in_its_place() {
    let given = given(200, 3).await;
    assert_eq!(given.claim(10).await, (0..10).collect::<Vec<_>>());
    given.world.assert_consistent().await;
    assert_eq!(given.claim(100).await, (10..110).collect::<Vec<_>>());
    given.world.assert_consistent().await;
    assert_eq!(given.claim(1).await, [110]);
    assert_eq!(given.claim(1000).await, (111..200).collect::<Vec<_>>());
    assert!(given.claim(1).await.is_empty());
    given.world.assert_consistent().await;
}

#[tokio::test]
async fn runs_of_every_length_are_claimed() {
    let given = given(64 * 64, 3).await;
    for (chunk, n) in (1..=64).enumerate() {
        let first = chunk as i32 * 64;
        assert_eq!(given.claim(n).await, (first..first + n).collect::<Vec<_>>());
        assert_eq!(given.claim(64 - n).await.len() as i32, 64 - n);
    }
    given.world.assert_consistent().await;
}

#[tokio::test]
async fn one_statement_deals_a_row_out_to_several_clients_without_overlap() {
    let given = given(300, 3).await;
    let mut clients = vec![given.client];
    for _ in 0..40 {
        let client = Uuid::now_v7();
        sqlx::query("insert into client_lease values ($1, now() + interval '1 h')")
            .bind(client)
            .execute(given.world.pool())
            .await
            .unwrap();
        clients.push(client);
    }
    let proposals: Vec<Proposal> = clients
        .iter()
        .zip(1..)
        .map(|(client, wanted)| Proposal {
            client_id: *client,
            rows: 5,
            cap: if wanted == 3 { 2 } else { 0 },
            ..given.proposal(wanted)
        })
        .collect();
    let mut conn = given.world.pool().acquire().await.unwrap();
    let claims = shard::claim(&mut conn, &proposals, 10_000).await.unwrap();
    drop(conn);
    let mut items = Vec::new();
    for ord in 1..=41 {
        let own = claims.iter().filter(|c| c.ord == ord);
        let n: i32 = own
            .clone()
            .filter_map(|c| c.run)
            .map(|run| i32::from(run.n))
            .sum();
        let allowed: i64 = own.clone().map(|c| c.allowed).sum();
        assert_eq!(allowed, if ord == 3 { 2 } else { ord }, "{ord}");
        // 1 + 2 + 2 + 4 + … + 23 are 275, and the 24th gets its 24: one is left for the 25th.
        let expected = match ord {
            3 => 2,
            1..=24 => ord as i32,
            25 => 1,
            _ => 0,
        };
        assert_eq!(n, expected, "{ord}");
        items.extend(
            own.filter_map(|c| c.run)
                .flat_map(|run| run.item..run.item + i32::from(run.n)),
        );
    }
    items.sort_unstable();
    assert_eq!(items, (0..300).collect::<Vec<_>>());
    given.world.assert_consistent().await;
}

#[tokio::test]
async fn two_reports_about_one_row_both_count() {
    let given = given(64, 3).await;
    assert_eq!(given.claim(64).await.len(), 64);
    let mut first = given.world.pool().acquire().await.unwrap();
    let mut tx = first.begin().await.unwrap();
    let endings = [given.ending(0, "succeeded"), given.ending(63, "succeeded")];
    assert_eq!(attempt::end(&mut tx, &endings).await.unwrap().len(), 1);
    let rest: Vec<i32> = (1..64).collect();
    let commit = async {
        given.blocked("Ends claims").await;
        tx.commit().await.unwrap();
    };
    // The second began when the first had not committed, and names one shard that the first has ended.
    let (counted, ()) = futures_util::future::join(given.end(&rest), commit).await;
    assert_eq!(counted, 62);
    given.world.assert_nothing_left().await;
    let values: Vec<(i32, String, i64)> = sqlx::query_as(
        "select item, output, 1::bigint from attempt_history where instance_id = $1 order by 1",
    )
    .bind(given.instance)
    .fetch_all(given.world.pool())
    .await
    .unwrap();
    let expected: Vec<_> = (0..64)
        .map(|item| (item, format!("of {item}"), 1))
        .collect();
    assert_eq!(values, expected);
}

#[tokio::test]
async fn a_report_of_which_part_is_stale_keeps_the_values_of_the_rest() {
    let given = given(8, 3).await;
    assert_eq!(given.claim(8).await.len(), 8);
    assert_eq!(given.end(&[1, 2]).await, 2);
    assert_eq!(given.end(&[0, 1, 2, 3, 7]).await, 3);
    assert_eq!(given.end(&[0, 1, 2, 3, 7]).await, 0);
    let values: Vec<(i32, String)> = sqlx::query_as(
        "select item, output from attempt_history where instance_id = $1 order by 1",
    )
    .bind(given.instance)
    .fetch_all(given.world.pool())
    .await
    .unwrap();
    let expected = [0, 1, 2, 3, 7].map(|item| (item, format!("of {item}")));
    assert_eq!(values, expected);
    given.world.assert_consistent().await;
    assert_eq!(given.end(&[4, 5, 6]).await, 3);
    given.world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_shard_that_is_reported_twice_in_different_ways_ends_once() {
    let given = given(2, 3).await;
    assert_eq!(given.claim(2).await.len(), 2);
    let endings = [
        given.ending(0, "succeeded"),
        given.ending(0, "failed"),
        given.ending(1, "failed"),
        given.ending(1, "later"),
    ];
    let mut conn = given.world.pool().acquire().await.unwrap();
    let ended = attempt::end(&mut conn, &endings).await.unwrap();
    let hits: u32 = ended.iter().map(|e| e.hit.count_ones()).sum();
    assert_eq!(hits, 2);
    drop(conn);
    given.world.assert_nothing_left().await;
}

#[tokio::test]
async fn shards_that_go_back_can_be_claimed_again_and_end_with_their_last_attempt() {
    let given = given(70, 2).await;
    assert_eq!(given.claim(70).await.len(), 70);
    let later = |attempt, item| Ending {
        attempt,
        error: Some("not yet".into()),
        ..given.ending(item, "later")
    };
    let mut conn = given.world.pool().acquire().await.unwrap();
    let endings = [3, 5, 66].map(|item| later(1, item));
    let ended = attempt::end(&mut conn, &endings).await.unwrap();
    assert!(ended.iter().all(|e| !e.is_final));
    given.world.assert_consistent().await;
    assert_eq!(given.claim(9).await, [3, 5, 66]);
    let endings = [3, 5, 66].map(|item| later(2, item));
    let ended = attempt::end(&mut conn, &endings).await.unwrap();
    assert!(ended.iter().all(|e| e.is_final));
    let errors: Vec<String> =
        sqlx::query_scalar("select error from attempt_history where instance_id = $1 and final")
            .bind(given.instance)
            .fetch_all(given.world.pool())
            .await
            .unwrap();
    assert_eq!(errors, ["no attempt is left, the limit is 2: not yet"; 3]);
    given.world.assert_consistent().await;
}

#[tokio::test]
async fn an_instance_that_is_terminated_while_a_row_is_cut_leaves_nothing() {
    let given = given(100, 3).await;
    let mut claiming = given.world.pool().acquire().await.unwrap();
    let mut tx = claiming.begin().await.unwrap();
    given.cut_a_row(&mut tx).await;
    let terminate = async {
        let mut conn = given.world.pool().acquire().await.unwrap();
        assert!(
            instance::terminate(&mut conn, given.instance, "enough")
                .await
                .unwrap()
        );
    };
    let commit = async {
        given.blocked("delete from shard_ready").await;
        tx.commit().await.unwrap();
    };
    futures_util::future::join(terminate, commit).await;
    given.world.assert_nothing_left().await;
}

#[tokio::test]
async fn a_renewal_that_waits_for_a_claim_does_not_give_the_long_lease() {
    let given = given(100, 3).await;
    let mut claiming = given.world.pool().acquire().await.unwrap();
    let mut tx = claiming.begin().await.unwrap();
    given.cut_a_row(&mut tx).await;
    let renew = async {
        let mut conn = given.world.pool().acquire().await.unwrap();
        client::renew(&mut conn, &[given.client], 10_000, 60_000)
            .await
            .unwrap()
    };
    let commit = async {
        given.blocked("Extends the leases of the clients").await;
        tx.commit().await.unwrap();
    };
    let (renewed, ()) = futures_util::future::join(renew, commit).await;
    assert!(!renewed[&given.client].idle);
    let usual: bool = sqlx::query_scalar(
        "select expires_at <= now() + interval '10 s' from client_lease where client_id = $1",
    )
    .bind(given.client)
    .fetch_one(given.world.pool())
    .await
    .unwrap();
    assert!(usual, "a client that holds shards has a long lease");
}
