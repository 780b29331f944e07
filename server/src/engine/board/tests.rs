//! The claimer's memory, without a database: what it proposes, and what it learns from the answer.

use antares_protocol::job::JobSpec;
use chrono::DateTime;

use super::*;
use crate::store::shard::{Claim, Run};

fn client(n: u128, handlers: &[&str]) -> Arc<Profile> {
    Arc::new(Profile {
        id: Uuid::from_u128(n),
        app_id: 1,
        host: "host".into(),
        ip: String::new(),
        labels: sqlx::types::Json::default(),
        handlers: handlers.iter().map(|h| (*h).to_owned()).collect(),
    })
}

fn instance(id: i64, handler: &str, total: i32, cap: u32) -> Known {
    let mut job = JobSpec::new(handler);
    job.max_shards_per_client = cap;
    let at = DateTime::UNIX_EPOCH;
    Known::new(
        Ready {
            id,
            app_id: 1,
            job_id: id,
            job_version: 1,
            trigger: "api".into(),
            scheduled_at: at,
            fired_at: at,
            param: None,
            total,
            priority: 0,
            phase: "run".into(),
            plan: None,
        },
        Arc::new(job),
    )
}

fn wait(board: &mut Board<u128>, n: u128, handlers: &[&str], max: u32) {
    let deadline = Instant::now() + Duration::from_mins(1);
    assert_eq!(board.wait(client(n, handlers), max, deadline, n), None);
}

/// What the database would answer if each proposal got all it asked for, from place `from` on.
fn all(proposals: &[Proposal], from: i64) -> Vec<Claim> {
    let mut id = from;
    let mut claims = Vec::new();
    for (at, proposal) in (1..).zip(proposals) {
        for _ in 0..proposal.wanted {
            claims.push(Claim {
                ord: at,
                allowed: 0,
                run: Some(Run {
                    id,
                    item: id as i32,
                    n: 1,
                    attempt: 1,
                    whole: true,
                }),
            });
            id += 1;
        }
        claims.push(nothing(at, i64::from(proposal.wanted)));
    }
    claims
}

/// What it answers besides the shards: how many the proposal was allowed.
fn nothing(at: i64, allowed: i64) -> Claim {
    Claim {
        ord: at,
        allowed,
        run: None,
    }
}

#[tokio::test]
async fn the_first_client_does_not_take_all_of_an_instance() {
    let mut board = Board::default();
    board.offer(instance(1, "settle", 10, 0));
    wait(&mut board, 1, &["settle"], 100);
    wait(&mut board, 2, &["settle"], 100);
    let proposals = board.propose(|_| false);
    let wanted: Vec<i32> = proposals.iter().map(|p| p.wanted).collect();
    assert_eq!(wanted, [5, 5]);
}

#[tokio::test]
async fn a_client_is_offered_only_what_it_has_a_handler_for() {
    let mut board = Board::default();
    // Instances that nobody here can run stand in front and hold up nothing.
    for id in 1..=100 {
        board.offer(instance(id, "other", 5, 0));
    }
    board.offer(instance(101, "settle", 1, 0));
    wait(&mut board, 1, &["settle"], 4);
    let proposals = board.propose(|_| false);
    assert_eq!(proposals.len(), 1);
    assert_eq!((proposals[0].instance_id, proposals[0].wanted), (101, 1));
}

#[tokio::test]
async fn the_cap_limits_a_proposal_and_what_is_left_goes_to_the_next_instance() {
    let mut board = Board::default();
    board.offer(instance(1, "settle", 50, 1));
    board.offer(instance(2, "settle", 50, 2));
    wait(&mut board, 1, &["settle"], 10);
    let wanted: Vec<(i64, i32)> = board
        .propose(|_| false)
        .iter()
        .map(|p| (p.instance_id, p.wanted))
        .collect();
    assert_eq!(wanted, [(1, 1), (2, 2)]);
}

#[tokio::test]
async fn a_client_that_holds_its_share_is_not_proposed_again_until_it_reports() {
    let mut board = Board::default();
    board.offer(instance(1, "settle", 50, 1));
    wait(&mut board, 1, &["settle"], 10);
    let proposals = board.propose(|_| false);
    let applied = board.apply(&proposals, &[nothing(1, 0)]);
    assert!(applied.given.is_empty() && applied.passed_over.is_empty());
    assert_eq!(board.propose(|_| false), []);
    assert!(board.knows(1), "the instance still has shards for others");
    board.unblock(&[Uuid::from_u128(1)]);
    assert_eq!(board.propose(|_| false).len(), 1);
}

#[tokio::test]
async fn an_answered_client_no_longer_waits_and_a_used_up_instance_is_forgotten() {
    let mut board = Board::default();
    board.offer(instance(1, "settle", 2, 0));
    wait(&mut board, 1, &["settle"], 10);
    let proposals = board.propose(|_| false);
    let claims = all(&proposals, 7);
    let applied = board.apply(&proposals, &claims);
    assert_eq!(applied.given.len(), 1);
    assert_eq!(applied.given[0].0, 1);
    assert_eq!(applied.given[0].2.len(), 2);
    assert!(!board.has_waiters() && !board.knows(1));
}

#[tokio::test]
async fn nothing_above_the_mark_makes_it_look_below_once_before_it_gives_up() {
    let mut board = Board::default();
    board.offer(instance(1, "settle", 100, 0));
    wait(&mut board, 1, &["settle"], 10);
    let proposals = board.propose(|_| false);
    assert_eq!(proposals[0].mark, 0);
    board.apply(&proposals, &all(&proposals, 500));
    wait(&mut board, 1, &["settle"], 10);
    let proposals = board.propose(|_| false);
    assert_eq!(proposals[0].mark, 509, "above what was handed out");
    let applied = board.apply(&proposals, &[nothing(1, 10)]);
    assert!(applied.again && board.knows(1));
    let proposals = board.propose(|_| false);
    assert_eq!(proposals[0].mark, 0, "everything is looked at once more");
    let applied = board.apply(&proposals, &[nothing(1, 10)]);
    assert!(!applied.again && !board.knows(1));
}

#[tokio::test]
async fn a_client_without_an_answer_to_its_proposal_is_passed_over_and_waits_on() {
    let mut board = Board::default();
    board.offer(instance(1, "settle", 100, 0));
    wait(&mut board, 1, &["settle"], 10);
    let proposals = board.propose(|_| false);
    let applied = board.apply(&proposals, &[]);
    assert_eq!(applied.passed_over, [Uuid::from_u128(1)]);
    assert!(board.has_waiters());
}

#[tokio::test]
async fn a_second_wait_of_a_client_replaces_the_first() {
    let mut board = Board::default();
    let deadline = Instant::now() + Duration::from_mins(1);
    assert_eq!(
        board.wait(client(1, &["settle"]), 1, deadline, "first"),
        None
    );
    let replaced = board.wait(client(1, &["settle"]), 1, deadline, "second");
    assert_eq!(replaced, Some("first"));
    assert_eq!(board.take_all(), ["second"]);
}

#[tokio::test]
async fn a_statement_never_claims_more_than_its_limit() {
    let mut board = Board::default();
    for id in 1..=50 {
        board.offer(instance(id, "settle", 1000, 0));
    }
    for n in 1..=40 {
        wait(&mut board, n, &["settle"], 500);
    }
    let wanted: i32 = board.propose(|_| false).iter().map(|p| p.wanted).sum();
    assert!(wanted <= MOST_SHARDS as i32, "{wanted}");
    assert!(wanted > 900, "{wanted}");
}

#[test]
fn priority_and_age_decide_between_handlers_too() {
    let mut board: Board<u128> = Board::default();
    let mut urgent = instance(3, "b", 1, 0);
    urgent.ready.priority = 1000;
    board.offer(instance(1, "a", 100, 0));
    board.offer(instance(2, "c", 1, 0));
    board.offer(urgent);
    board.offer(instance(4, "b", 1, 0));
    wait(&mut board, 1, &["a", "b", "c"], 103);
    let order: Vec<i64> = (board.propose(|_| false).iter())
        .map(|proposal| proposal.instance_id)
        .collect();
    assert_eq!(order, [3, 1, 2, 4]);
}
