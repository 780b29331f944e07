//! Claims end: by a report, or because the client, its lease or its time is gone. One path for all.

use std::collections::{HashMap, HashSet};

use antares_protocol::client::{Outcome, ReportStatus, ShardResult};
use antares_protocol::shard::split_shard_id;
use chrono::Datelike as _;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::instance::end_locked;
use crate::domain::chunk;
use crate::store::attempt::{self, Ended, Ending};
use crate::store::sweep::Found;
use crate::store::{client, instance, shard};

/// Longest error kept, in bytes.
pub const MAX_ERROR: usize = 8 * 1024;
/// Longest output kept, in bytes.
pub const MAX_OUTPUT: usize = 64 * 1024;
/// The same of a planning handler, whose output holds the parameters of up to 100,000 shards.
pub const MAX_PLAN: usize = 1024 * 1024;

/// Ends claims and, in the same statement, the instances whose last shard that was.
pub async fn end(conn: &mut PgConnection, endings: &[Ending]) -> sqlx::Result<Vec<Ended>> {
    if endings.is_empty() {
        return Ok(Vec::new());
    }
    // A failure can take the rest of its instance with it, and whatever takes the last attempt is one: both have to be
    // seen together.
    if endings.iter().all(|ending| ending.outcome == "succeeded") {
        return attempt::end(conn, endings).await;
    }
    let mut tx = conn.begin().await?;
    let ended = attempt::end(&mut tx, endings).await?;
    let hopeless = ended.iter().filter(|ended| ended.is_hopeless);
    let mut hopeless: Vec<i64> = hopeless.map(|ended| ended.instance_id).collect();
    hopeless.sort_unstable();
    hopeless.dedup();
    let reason = "more shards failed than may, and the job cancels the rest then";
    end_locked(&mut tx, &hopeless, "failed", reason).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Of `results`, the instances whose outputs may be as long as plans are. Asks only if there is a long one.
pub async fn plans(pool: &PgPool, results: &[ShardResult]) -> sqlx::Result<HashSet<i64>> {
    let is_long = |result: &&ShardResult| {
        let output = result.output.as_ref();
        output.is_some_and(|output| output.len() > MAX_OUTPUT)
    };
    let long = results.iter().filter(is_long);
    let ids: Vec<i64> = long.map(|r| split_shard_id(r.shard_id).0).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let mut conn = pool.acquire().await?;
    instance::plans(&mut conn, &ids).await
}

/// The ending that a report asks for; `plans` are the instances whose output is a plan. Texts that are too long are cut,
/// with a notice.
pub fn from_result(client_id: Uuid, result: ShardResult, plans: &HashSet<i64>) -> Ending {
    let most = if plans.contains(&split_shard_id(result.shard_id).0) {
        MAX_PLAN
    } else {
        MAX_OUTPUT
    };
    Ending {
        client_id,
        shard_id: result.shard_id,
        attempt: result.attempt,
        outcome: match result.outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Later => "later",
            Outcome::TimedOut => "timed_out",
        },
        error: result.error.map(|text| cut(text, MAX_ERROR)),
        output: result.output.map(|text| cut(text, most)),
        delay_ms: result.delay_ms.map_or(0, |ms| ms as i64),
        // A client whose clock is so wrong that PostgreSQL cannot store it may report all the same.
        started_at: Some(result.started_at).filter(|at| (1..=9999).contains(&at.year())),
    }
}

/// Cuts a text to `most` bytes with a notice, and removes what PostgreSQL cannot store.
pub fn cut(mut text: String, most: usize) -> String {
    if text.contains('\0') {
        text = text.replace('\0', "\u{fffd}");
    }
    if text.len() <= most {
        return text;
    }
    let notice = format!("\n[cut: {} bytes in all]", text.len());
    let mut end = most - notice.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text + &notice
}

/// Whether each of `reports` counted: it ended its claim now, or an earlier copy of it did. One that says otherwise than
/// what was recorded did not.
pub async fn statuses(
    conn: &mut PgConnection,
    reports: &[Ending],
    ended: &[Ended],
) -> sqlx::Result<Vec<ReportStatus>> {
    let hits: u32 = ended.iter().map(|e| e.hit.count_ones()).sum();
    if hits as usize == reports.len() {
        // Each ended a claim of its own.
        return Ok(vec![ReportStatus::Accepted; reports.len()]);
    }
    let mut now: HashMap<(Uuid, i64, i16, i16), i64> = HashMap::new();
    for e in ended {
        *now.entry((e.client_id, e.instance_id, e.chunk, e.attempt))
            .or_default() |= e.hit;
    }
    // Of two about one claim the first counted.
    let mut first: HashMap<(Uuid, i64, i16), &str> = HashMap::with_capacity(reports.len());
    let mut missing = Vec::new();
    let mut statuses: Vec<ReportStatus> = Vec::with_capacity(reports.len());
    for report in reports {
        let (instance, chunk, bit) = chunk::locate(report.shard_id);
        let hit = now.get(&(report.client_id, instance, chunk, report.attempt));
        let has_ended = hit.is_some_and(|hit| hit >> bit & 1 == 1);
        let counted = *first.entry(report.claim()).or_insert(report.outcome);
        if !has_ended {
            missing.push(report);
        }
        statuses.push(if has_ended && counted == report.outcome {
            ReportStatus::Accepted
        } else {
            ReportStatus::Stale
        });
    }
    if !missing.is_empty() {
        let before: HashSet<(Uuid, i64, i16, String)> = attempt::reported_before(conn, &missing)
            .await?
            .into_iter()
            .collect();
        for (report, status) in reports.iter().zip(&mut statuses) {
            let outcome = report.outcome.to_owned();
            if before.contains(&(report.client_id, report.shard_id, report.attempt, outcome)) {
                *status = ReportStatus::Accepted;
            }
        }
    }
    Ok(statuses)
}

/// What a sweep for lost claims did.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Clients whose lease had ended.
    pub expired: Vec<Uuid>,
    /// Claims that were taken back.
    pub ended: Vec<Ended>,
}

/// Of what was `found` and, if asked, of claims without a lease: ends leases that have run out, and takes back every claim whose client has none or whose
/// time is up. Repeating it is harmless; any replica may do it at any time.
pub async fn rescue(
    conn: &mut PgConnection,
    found: &Found,
    look_for_orphans: bool,
) -> sqlx::Result<Sweep> {
    let mut sweep = Sweep::default();
    if found.expired {
        sweep.expired = client::expire(conn, 500).await?;
    }
    if look_for_orphans || !sweep.expired.is_empty() {
        // Orphans and not "claims of the expired": a claim may commit just after its client's lease ended.
        sweep.ended = take_back_orphans(conn).await?;
    }
    if found.overdue_claims {
        let overdue = shard::overdue(conn, 5000).await?;
        let reason = "the attempt took longer than the job allows";
        let endings = endings(&overdue, "timed_out", reason);
        sweep.ended.extend(end(conn, &endings).await?);
    }
    Ok(sweep)
}

/// Takes back every claim whose client has no lease.
pub async fn take_back_orphans(conn: &mut PgConnection) -> sqlx::Result<Vec<Ended>> {
    let orphans = shard::orphans(conn, 5000).await?;
    let reason = "the client was gone: killed, hung or cut off";
    end(conn, &endings(&orphans, "lost", reason)).await
}

/// The endings of claims that nobody reported.
pub fn endings(held: &[shard::Held], outcome: &'static str, reason: &str) -> Vec<Ending> {
    held.iter()
        .flat_map(|held| {
            held.tokens().map(|token| Ending {
                client_id: held.client_id,
                shard_id: token.shard_id,
                attempt: token.attempt,
                outcome,
                error: Some(reason.to_owned()),
                ..Ending::default()
            })
        })
        .collect()
}

/// Clients leave: their leases end, and what they still hold goes back at once.
pub async fn leave(conn: &mut PgConnection, clients: &[Uuid]) -> sqlx::Result<Vec<Ended>> {
    let mut tx = conn.begin().await?;
    client::leave(&mut tx, clients).await?;
    let held = shard::held(&mut tx, clients, 0).await?;
    let ended = end(&mut tx, &endings(&held, "returned", "the client left")).await?;
    tx.commit().await?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character_with_a_notice() {
        let kept = cut("é".repeat(10_000), MAX_ERROR);
        assert!(kept.len() <= MAX_ERROR);
        assert!(kept.ends_with("[cut: 20000 bytes in all]"));
        assert_eq!(cut("a\0b".into(), 10), "a\u{fffd}b");
        assert_eq!(cut("short".into(), 10), "short");
    }
}
