//! What the demo asks the database in the end. The answers do not come from Antares' own counters alone:
//! they are recounted from orders, ticks and attempts.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::{Result, StartError, sql};
use crate::domain::job::{parse_cron, parse_zone};

/// How many instances have ended, and how many run or are about to.
pub(super) async fn instances(pool: &PgPool) -> Result<(i64, i64)> {
    sqlx::query_as(
        "select (select count(*) from instance_history),
            (select count(*) from instance) + (select count(*) from instance_queued) + (select count(*) from dependency_event)",
    )
    .fetch_one(pool)
    .await
    .map_err(sql)
}

/// Whether an instance of the job has succeeded.
pub(super) async fn has_succeeded(pool: &PgPool, job: &str) -> Result<bool> {
    sqlx::query_scalar(
        "select exists (select from instance_history where job = $1 and state = 'succeeded')",
    )
    .bind(job)
    .fetch_one(pool)
    .await
    .map_err(sql)
}

/// Whether the client process with this number holds a shard of the orders.
pub(super) async fn holds_shards(pool: &PgPool, pid: Option<u32>) -> Result<bool> {
    sqlx::query_scalar(
        "select exists (select from shard_running r join client c on c.id = r.client_id
            join instance i on i.id = r.instance_id join job j on j.id = i.job_id
            where c.pid = $1 and j.name = 'settle-orders')",
    )
    .bind(pid.map(i64::from))
    .fetch_one(pool)
    .await
    .map_err(sql)
}

struct Line {
    what: &'static str,
    found: String,
    ok: bool,
}

/// Verifies and prints the table. Returns whether all is well.
pub(super) async fn report(pool: &PgPool, orders: i64) -> Result<bool> {
    let mut lines = vec![settled(pool, orders).await?];
    lines.extend(ticks(pool).await?);
    for (what, statement) in CHECKS {
        let found: i64 = sqlx::query_scalar(*statement)
            .fetch_one(pool)
            .await
            .map_err(sql)?;
        lines.push(Line {
            what,
            found: found.to_string(),
            ok: found == 0,
        });
    }
    for (what, statement) in SIGHTS {
        let found: i64 = sqlx::query_scalar(*statement)
            .fetch_one(pool)
            .await
            .map_err(sql)?;
        lines.push(Line {
            what,
            found: found.to_string(),
            ok: found > 0,
        });
    }
    println!();
    for line in &lines {
        println!(
            "{} {:<66} {}",
            if line.ok { "ok  " } else { "FAIL" },
            line.what,
            line.found
        );
    }
    println!();
    Ok(lines.iter().all(|line| line.ok))
}

/// Questions whose answer must be 0.
const CHECKS: &[(&str, &str)] = &[
    (
        "instances, shards or claims still there",
        "select (select count(*) from instance) + (select count(*) from shard_ready)
            + (select count(*) from shard_delayed) + (select count(*) from shard_running)",
    ),
    (
        "fired ticks without exactly one instance, or instances without one",
        "select count(*) from (
            select t.instance_id from tick_history t where t.outcome = 'fired'
            group by t.instance_id having count(*) <> 1
            union all
            select t.instance_id from tick_history t left join instance_history i using (instance_id)
            where t.outcome = 'fired' and i.instance_id is null
            union all
            select i.instance_id from instance_history i left join tick_history t using (instance_id)
            where i.trigger = 'schedule' and t.instance_id is null) x",
    ),
    (
        "shards that did not end exactly once",
        "select count(*) from (
            select i.instance_id from instance_history i cross join lateral generate_series(0, i.total - 1) as g (n)
            left join shard_history s on s.instance_id = i.instance_id and s.item = g.n
            group by i.instance_id, g.n having count(s.item) <> 1) x",
    ),
    (
        "instances whose counters differ from a recount",
        "select count(*) from instance_history i where (i.succeeded, i.failed, i.cancelled) <> (
            select count(*) filter (where s.state = 'succeeded'), count(*) filter (where s.state = 'failed'),
                count(*) filter (where s.state = 'cancelled')
            from shard_history s where s.instance_id = i.instance_id)",
    ),
    (
        "instances of the job that is followed, without exactly one that follows",
        "select count(*) from (
            select i.instance_id from instance_history i
            left join instance_history f on f.cause_id = i.instance_id and f.job = 'settlement-report' and f.trigger = 'dependency'
            where i.job = 'settle-orders' and i.state in ('succeeded', 'failed', 'timed_out')
            group by 1 having count(f.instance_id) <> 1) x",
    ),
    (
        "instances of the job that fails, that did not fail",
        "select count(*) from instance_history where job = 'always-fails' and state <> 'failed'",
    ),
    (
        "instances of the job that answers Later, without three attempts",
        "select count(*) from instance_history i where job = 'not-yet' and (state <> 'succeeded'
            or (select count(*) from attempt_history a where a.instance_id = i.instance_id) < 3)",
    ),
    (
        "script shards that did not succeed with output",
        "select count(*) from shard_history s join instance_history i using (instance_id)
            where i.job = 'disk-report' and (s.state <> 'succeeded' or s.output not like '%Filesystem%')",
    ),
];

/// Questions whose answer must not be 0: what was to be seen was seen.
const SIGHTS: &[(&str, &str)] = &[
    (
        "claims of the killed client that went to others",
        "select count(*) from attempt_history where outcome = 'lost'",
    ),
    (
        "instances of the script job",
        "select count(*) from instance_history where job = 'disk-report'",
    ),
    (
        "instances that followed others",
        "select count(*) from instance_history where job = 'settlement-report' and state = 'succeeded'",
    ),
    (
        "servers that took over from the killed one",
        "select count(*) from server_view where buckets = 256",
    ),
];

async fn settled(pool: &PgPool, orders: i64) -> Result<Line> {
    let (settled, twice) = super::orders::progress(pool).await?;
    Ok(Line {
        what: "orders settled exactly once",
        found: format!("{} of {orders}, {twice} more than once", settled - twice),
        ok: settled == orders && twice == 0,
    })
}

#[derive(sqlx::FromRow)]
struct JobRow {
    job_id: i64,
    job: String,
    cron: String,
    time_zone: String,
    created_at: DateTime<Utc>,
    paused_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct TickRow {
    scheduled_at: DateTime<Utc>,
    last_scheduled_at: DateTime<Utc>,
    count: i64,
    outcome: String,
    reason: Option<String>,
}

/// Computes when each job was due, and compares that with the ticks on record.
async fn ticks(pool: &PgPool) -> Result<Vec<Line>> {
    let jobs: Vec<JobRow> = sqlx::query_as(
        "select job_id, job, cron, time_zone, created_at, updated_at as paused_at from job_view
         where cron is not null order by job_id",
    )
    .fetch_all(pool)
    .await
    .map_err(sql)?;
    let mut all = (0, 0, 0, 0, 0);
    let mut wrong = Vec::new();
    for job in jobs {
        let cron = parse_cron(&job.cron).map_err(|error| StartError(error.to_string()))?;
        let zone = parse_zone(&job.time_zone).map_err(|error| StartError(error.to_string()))?;
        let due: BTreeSet<DateTime<Utc>> = cron
            .upcoming(job.created_at, zone)
            .take_while(|tick| *tick <= job.paused_at)
            .collect();
        let rows: Vec<TickRow> = sqlx::query_as(
            "select scheduled_at, last_scheduled_at, count, outcome, reason from tick_history where job_id = $1",
        )
        .bind(job.job_id)
        .fetch_all(pool)
        .await
        .map_err(sql)?;
        let mut decided = BTreeSet::new();
        for row in rows {
            let mut ticks = vec![row.scheduled_at];
            ticks.extend(
                cron.upcoming(row.scheduled_at, zone)
                    .take_while(|tick| *tick <= row.last_scheduled_at),
            );
            if ticks.len() as i64 != row.count {
                wrong.push(format!(
                    "{} {} stands for {}",
                    job.job, row.scheduled_at, row.count
                ));
            }
            for tick in ticks {
                if !decided.insert(tick) {
                    wrong.push(format!("{} {tick} twice", job.job));
                }
            }
            match (row.outcome.as_str(), row.reason) {
                ("fired", None) => all.1 += row.count,
                ("skipped", Some(_)) => all.2 += row.count,
                ("coalesced", Some(_)) => all.3 += row.count,
                _ => all.4 += row.count,
            }
        }
        all.0 += due.len();
        wrong.extend(due.difference(&decided).map(|tick| {
            // The very last one may have been due while the pause was on its way.
            format!("{} {tick} missing", job.job)
        }));
        wrong.extend(
            decided
                .difference(&due)
                .map(|tick| format!("{} {tick} not due", job.job)),
        );
    }
    let mut lines = vec![Line {
        what: "ticks due, each decided exactly once",
        found: format!(
            "{} due: {} fired, {} skipped with a reason, {} coalesced",
            all.0, all.1, all.2, all.3
        ),
        ok: wrong.is_empty() && all.0 > 0 && all.4 == 0,
    }];
    lines.extend(wrong.into_iter().take(20).map(|found| Line {
        what: "a tick",
        found,
        ok: false,
    }));
    Ok(lines)
}
