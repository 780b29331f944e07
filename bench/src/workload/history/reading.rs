//! Pages and counts of a long history: through the API, as the console does, and through the views, as people
//! and their tools do.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::FromRow;

use crate::report::{Must, Outcome};
use crate::stats::Percentiles;
use crate::world::World;
use crate::{Error, Result};

use super::super::drain::SHARDS;

/// Reads before the measured ones: the first ones run statements that were not prepared yet.
const WARM_UP: u32 = 10;
/// A page or a list is read in so many milliseconds, but for one in a hundred.
const PAGE: Option<Must> = Some(Must::AtMost(10.0));
/// And a count in so many.
const COUNT: Option<Must> = Some(Must::AtMost(50.0));
/// How often each count is asked for.
const COUNTS: u32 = 20;

/// An instance of the history.
#[derive(Debug, Clone, FromRow)]
struct Past {
    instance_id: i64,
    job_id: i64,
    ended_at: DateTime<Utc>,
}

/// Reads pages anywhere in the history.
pub(super) async fn pages(world: &World, pages: u32, outcome: &mut Outcome) -> Result {
    let all: Vec<Past> =
        sqlx::query_as("select instance_id, job_id, ended_at from instance_history")
            .fetch_all(&world.pool)
            .await?;
    let any = || all.get(fastrand::usize(..all.len().max(1))).cloned();
    let admin = world.admin();
    let lists: [(&str, &dyn Fn(&Past) -> String); 7] = [
        ("a page of the instances", &|p| {
            format!("instances?after={}", p.instance_id)
        }),
        ("a page of the instances that failed", &|p| {
            format!("instances?state=failed&after={}", p.instance_id)
        }),
        ("a page of the instances of an app that succeeded", &|p| {
            let id = p.instance_id;
            format!("instances?app=bench&state=succeeded&after={id}")
        }),
        ("a page of the instances of a job", &|p| {
            let id = p.instance_id;
            format!("instances?job_id={}&after={id}", p.job_id)
        }),
        ("a page of the ticks of a job", &|p| {
            let at = p.ended_at.to_rfc3339_opts(SecondsFormat::Micros, true);
            format!("ticks?job_id={}&after={at}", p.job_id)
        }),
        ("a page of the shards of an instance", &|p| {
            let item = fastrand::u32(..SHARDS);
            format!("instances/{}/shards?after={item}", p.instance_id)
        }),
        ("a page of the attempts of an instance", &|p| {
            let item = fastrand::u32(..SHARDS);
            format!("instances/{}/attempts?after={item}-1-true", p.instance_id)
        }),
    ];
    for (name, path) in lists {
        let samples = timed(pages, async || {
            let past = any().ok_or("there is no history")?;
            admin.get(&format!("/api/v1/{}", path(&past))).await?;
            Ok(())
        });
        let samples = Percentiles::of(&samples.await?);
        outcome.percentiles(format!("{name}, API"), "ms", samples, PAGE);
    }
    // The day before and after, as a reader knows it who saw the instance in a list.
    let views = [
        (
            "a page of the instances of a day, instance_history",
            "select * from instance_history where ended_at >= $2 and ended_at < $3 and $1 > 0
             order by ended_at desc, instance_id desc limit 50",
        ),
        (
            "a page of the shards of an instance, shard_history",
            "select * from shard_history where instance_id = $1 and ended_at >= $2 and ended_at < $3
             order by item limit 50",
        ),
        (
            "a page of the attempts of an instance, attempt_history",
            "select * from attempt_history where instance_id = $1 and ended_at >= $2 and ended_at < $3
             order by item, attempt limit 50",
        ),
    ];
    for (name, statement) in views {
        let samples = timed(pages, async || {
            let past = any().ok_or("there is no history")?;
            sqlx::query(statement)
                .bind(past.instance_id)
                .bind(past.ended_at - HALF_A_DAY)
                .bind(past.ended_at + HALF_A_DAY)
                .fetch_all(&world.pool)
                .await?;
            Ok(())
        });
        let samples = Percentiles::of(&samples.await?);
        outcome.percentiles(format!("{name}, SQL"), "ms", samples, PAGE);
    }
    Ok(())
}

const HALF_A_DAY: Duration = Duration::from_hours(12);

/// Counts through the views, since no call of the API counts history.
pub(super) async fn counts(world: &World, outcome: &mut Outcome) -> Result {
    let counts = [
        (
            "instances of a day counted by state, instance_history",
            "select state, count(*), sum(total)::bigint from instance_history
             where ended_at >= $1 and ended_at < $2 group by state",
            1,
            COUNT,
        ),
        (
            "instances of 30 days counted by state, instance_history",
            "select state, count(*), sum(total)::bigint from instance_history
             where ended_at >= $1 and ended_at < $2 group by state",
            30,
            COUNT,
        ),
        (
            "shards of 30 days counted by job from the counters of their instances, instance_history",
            "select job, sum(succeeded)::bigint, sum(failed)::bigint from instance_history
             where ended_at >= $1 and ended_at < $2 group by job",
            30,
            COUNT,
        ),
        (
            "ticks of 30 days counted by outcome, tick_history",
            "select outcome, count(*), sum(count)::bigint from tick_history
             where scheduled_at >= $1 and scheduled_at < $2 group by outcome",
            30,
            COUNT,
        ),
        // Nobody needs that for a number that the counters have; it shows what they save.
        (
            "attempts of a day counted one by one by outcome, attempt_history",
            "select outcome, count(*), max(attempt)::bigint from attempt_history
             where ended_at >= $1 and ended_at < $2 group by outcome",
            1,
            None,
        ),
    ];
    let today: DateTime<Utc> = sqlx::query_scalar("select date_trunc('day', now())")
        .fetch_one(&world.pool)
        .await?;
    for (name, statement, days, must) in counts {
        let samples = timed(COUNTS, async || {
            let since = today - Duration::from_hours(24 * days);
            let until = since + Duration::from_hours(24 * days);
            let counted: Vec<(String, i64, i64)> = sqlx::query_as(statement)
                .bind(since)
                .bind(until)
                .fetch_all(&world.pool)
                .await?;
            (!counted.is_empty())
                .then_some(())
                .ok_or_else(|| Error::from("there is nothing to count"))
        });
        outcome.spread(name, "ms", &samples.await?, must);
    }
    Ok(())
}

/// Milliseconds that each of `n` reads takes.
async fn timed(n: u32, mut read: impl AsyncFnMut() -> Result) -> Result<Vec<f64>> {
    let mut samples = Vec::new();
    for page in 0..n + WARM_UP {
        let begin = Instant::now();
        read().await?;
        if page >= WARM_UP {
            samples.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(samples)
}
