//! How claims end.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::form;
use crate::domain::chunk;

/// A claim to end.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    pub client_id: Uuid,
    pub shard_id: i64,
    pub attempt: i16,
    /// An outcome of `attempt_ended`.
    pub outcome: &'static str,
    pub error: Option<String>,
    pub output: Option<String>,
    /// For an outcome that puts the shard back: how long to wait.
    pub delay_ms: i64,
    pub started_at: Option<DateTime<Utc>>,
}

impl Ending {
    /// What it ends: client, shard and attempt.
    pub fn claim(&self) -> (Uuid, i64, i16) {
        (self.client_id, self.shard_id, self.attempt)
    }
}

/// Shards of one chunk whose claims ended now.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Ended {
    pub client_id: Uuid,
    pub instance_id: i64,
    pub chunk: i16,
    pub attempt: i16,
    /// Mask of the shards.
    pub hit: i64,
    /// Whether the shards ended with it.
    pub is_final: bool,
    pub delay_ms: i64,
    /// Whether so many shards of the instance have failed that the rest is to be cancelled.
    pub is_hopeless: bool,
}

/// Endings of one chunk that are alike, so that one row stands for them.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Group<'a> {
    instance_id: i64,
    chunk: i16,
    client_id: Uuid,
    attempt: i16,
    outcome: &'static str,
    delay_ms: i64,
    /// Which columns have values.
    has: [bool; 3],
    /// The error, where one that takes the last attempt is told with the limit.
    reason: Option<&'a str>,
}

/// The parameters of `end_attempts.sql`.
#[derive(Default)]
struct Columns<'a> {
    groups: Vec<(Group<'a>, i64, [i32; 3])>,
    started: Vec<DateTime<Utc>>,
    errors: Vec<&'a str>,
    outputs: Vec<&'a str>,
}

type Groups<'a> = BTreeMap<Group<'a>, BTreeMap<u32, &'a Ending>>;

fn groups<'a>(endings: impl Iterator<Item = &'a Ending>) -> Groups<'a> {
    let mut groups = Groups::new();
    for ending in endings {
        let (instance_id, chunk, bit) = chunk::locate(ending.shard_id);
        let result = matches!(ending.outcome, "succeeded" | "failed" | "timed_out");
        let key = Group {
            instance_id,
            chunk,
            client_id: ending.client_id,
            attempt: ending.attempt,
            outcome: ending.outcome,
            delay_ms: ending.delay_ms,
            has: [
                ending.started_at.is_some(),
                ending.error.is_some(),
                ending.output.is_some(),
            ],
            reason: ending.error.as_deref().filter(|_| !result),
        };
        groups.entry(key).or_default().entry(bit).or_insert(ending);
    }
    groups
}

/// Puts together what one row can stand for. Of a shard that is named twice, the first ending counts.
fn group(endings: &[Ending]) -> Columns<'_> {
    let mut by_group = groups(endings.iter());
    if is_twice(&by_group) {
        let mut seen = HashSet::new();
        by_group = groups((endings.iter()).filter(|ending| seen.insert(ending.claim())));
    }
    let mut columns = Columns::default();
    for (key, bits) in by_group {
        let begins = [
            columns.started.len(),
            columns.errors.len(),
            columns.outputs.len(),
        ];
        let begins = std::array::from_fn(|i| if key.has[i] { begins[i] as i32 + 1 } else { 0 });
        let mask = mask(&bits);
        for ending in bits.values() {
            columns.started.extend(ending.started_at);
            columns.errors.extend(ending.error.as_deref());
            columns.outputs.extend(ending.output.as_deref());
        }
        columns.groups.push((key, mask.cast_signed(), begins));
    }
    columns
}

/// The shards of a chunk that are named.
fn mask(bits: &BTreeMap<u32, &Ending>) -> u64 {
    bits.keys().fold(0, |mask, bit| mask | 1 << bit)
}

/// Whether two groups name a shard of one claim, which the statement must not see.
fn is_twice(groups: &Groups<'_>) -> bool {
    let mut last = None;
    let mut seen = 0u64;
    groups.iter().any(|(key, bits)| {
        let claim = (key.instance_id, key.chunk, key.client_id, key.attempt);
        if last.replace(claim) != Some(claim) {
            seen = 0;
        }
        let mask = mask(bits);
        let is_twice = seen & mask != 0;
        seen |= mask;
        is_twice
    })
}

/// `end_attempts.sql` for shards that all succeeded, as most do.
static END_PLAIN: LazyLock<&str> = LazyLock::new(|| form::plain(END).leak());
const END: &str = include_str!("sql/end_attempts.sql");

/// Ends those of `endings` that are current, and the instances whose last shards they were. Returns what ended.
pub async fn end(conn: &mut PgConnection, endings: &[Ending]) -> sqlx::Result<Vec<Ended>> {
    let columns = group(endings);
    let groups = &columns.groups;
    let is_plain =
        columns.errors.is_empty() && groups.iter().all(|(key, ..)| key.outcome == "succeeded");
    sqlx::query_as(if is_plain { *END_PLAIN } else { END })
        .bind(groups.iter().map(|g| g.0.client_id).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.0.instance_id).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.0.chunk).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.0.attempt).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.1).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.0.outcome).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.0.delay_ms).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.2[0]).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.2[1]).collect::<Vec<_>>())
        .bind(groups.iter().map(|g| g.2[2]).collect::<Vec<_>>())
        .bind(columns.started)
        .bind(columns.errors)
        .bind(columns.outputs)
        .fetch_all(conn)
        .await
}

/// Of `reports`, those that were made before: a repeated report is told that it counted.
pub async fn reported_before(
    conn: &mut PgConnection,
    reports: &[&Ending],
) -> sqlx::Result<Vec<(Uuid, i64, i16, String)>> {
    let clients: Vec<Uuid> = reports.iter().map(|report| report.client_id).collect();
    let shards: Vec<i64> = reports.iter().map(|report| report.shard_id).collect();
    let attempts: Vec<i16> = reports.iter().map(|report| report.attempt).collect();
    let outcomes: Vec<&str> = reports.iter().map(|report| report.outcome).collect();
    sqlx::query_as(include_str!("sql/reported_before.sql"))
        .bind(clients)
        .bind(shards)
        .bind(attempts)
        .bind(outcomes)
        .fetch_all(conn)
        .await
}

#[cfg(test)]
mod tests {
    use antares_protocol::shard::shard_id;

    use super::*;

    fn ending(item: i32, outcome: &'static str, error: Option<&str>) -> Ending {
        Ending {
            shard_id: shard_id(1, item),
            attempt: 1,
            outcome,
            error: error.map(str::to_owned),
            started_at: DateTime::from_timestamp_micros(i64::from(item)),
            ..Ending::default()
        }
    }

    #[test]
    fn endings_that_are_alike_are_one_row_with_their_values_in_order() {
        let endings = [
            ending(2, "succeeded", None),
            ending(0, "succeeded", None),
            ending(64, "succeeded", None),
            ending(1, "failed", Some("x")),
        ];
        let columns = group(&endings);
        let masks: Vec<i64> = columns.groups.iter().map(|g| g.1).collect();
        assert_eq!(masks, [0b10, 0b101, 1]);
        let begins: Vec<[i32; 3]> = columns.groups.iter().map(|g| g.2).collect();
        assert_eq!(begins, [[1, 1, 0], [2, 0, 0], [4, 0, 0]]);
        let started: Vec<i64> = columns
            .started
            .iter()
            .map(DateTime::timestamp_micros)
            .collect();
        assert_eq!(started, [1, 0, 2, 64]);
        assert_eq!(columns.errors, ["x"]);
    }

    #[test]
    fn returned_shards_with_different_reasons_are_different_rows() {
        let endings = [
            ending(0, "later", Some("a")),
            ending(1, "later", Some("b")),
            ending(0, "later", Some("a")),
        ];
        assert_eq!(group(&endings).groups.len(), 2);
    }

    #[test]
    fn of_what_is_said_of_a_shard_the_first_counts_whatever_the_outcomes_are_called() {
        let endings = [
            ending(1, "failed", None),
            ending(0, "succeeded", None),
            ending(0, "failed", None),
            ending(1, "later", Some("a")),
            ending(1, "succeeded", None),
        ];
        let columns = group(&endings);
        let groups: Vec<_> = (columns.groups.iter())
            .map(|(key, mask, _)| (key.outcome, *mask))
            .collect();
        assert_eq!(groups, [("failed", 0b10), ("succeeded", 0b1)]);
    }
}
