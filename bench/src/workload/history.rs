//! Drained on top of a long history; and that history read, counted, and dropped by the day.

use std::time::Instant;

use antares_server::store::partition;
use chrono::{Days, NaiveDate};
use sqlx::AssertSqlSafe;

use crate::oracle::{self, Expected};
use crate::report::{Must, Outcome};
use crate::stats::Spread;
use crate::world::World;
use crate::{Options, Result};

use super::drain::{SHARDS, drain, make_jobs};

mod reading;

/// Writes the history; see the file.
const FILL: &str = include_str!("../../sql/fill_history.sql");
/// Days of history, each a partition of each table: as many as are kept by default.
const DAYS: u64 = 30;

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (filled, instances) = if options.short {
        (300, 20)
    } else {
        (10_000, 200)
    };
    let runs = options.runs.unwrap_or(if options.short { 1 } else { 3 });
    let pages = if options.short { 50 } else { 500 };
    let shards = i64::from(instances) * i64::from(SHARDS);
    let mut outcome = Outcome::new(
        options,
        "history",
        format!(
            "{shards} shards drained without a history and on one of {filled} instances × {SHARDS} shards in {DAYS} days, written by SQL, in turn; {pages} pages of each list"
        ),
    );
    // A namespace each; only one of them works at a time, the other idles.
    let mut worlds = [World::new(options, 1).await?, World::new(options, 1).await?];
    let jobs = [
        make_jobs(&worlds[0], instances).await?,
        make_jobs(&worlds[1], instances).await?,
    ];
    let began = Instant::now();
    let days = fill(&worlds[1], filled).await?;
    outcome.one(
        "filling the history took",
        "s",
        began.elapsed().as_secs_f64(),
        None,
    );
    let written = "select sum(mask_count(mask))::bigint from attempt_ended where final";
    let written = worlds[1].count(written).await? as f64;
    outcome.one("shards of history", "", written, None);
    let mut rates = [Vec::new(), Vec::new()];
    let mut first = [None, None];
    // The first ones are the warm-up.
    for run in 0..=runs {
        for index in [0, 1] {
            let done = drain(&mut worlds[index], &jobs[index]).await?;
            first[index].get_or_insert(done.first);
            if run > 0 {
                rates[index].push(shards as f64 / done.seconds);
            }
        }
    }
    outcome.spread("drained without history", "shards/s", &rates[0], None);
    outcome.spread("drained on the history", "shards/s", &rates[1], None);
    outcome.ratio(
        "with history to without",
        Some(Spread::of(&rates[1]).median),
        Ok(Spread::of(&rates[0]).median),
        Must::AtLeast(0.95),
    );
    for (index, part) in ["without", "with"].into_iter().enumerate() {
        let ran = i64::from(instances) * (i64::from(runs) + 1);
        let expected = Expected {
            instances: Some(ran),
            shards: Some(ran * i64::from(SHARDS)),
            ticks: Some(0),
            first_instance: first[index].unwrap_or_default(),
            ..Expected::default()
        };
        outcome.judge(oracle::ask(&worlds[index].pool, part, expected).await?);
    }
    reading::pages(&worlds[1], pages, &mut outcome).await?;
    reading::counts(&worlds[1], &mut outcome).await?;
    drop_days(&worlds[1], &days, &mut outcome).await?;
    for world in worlds {
        world.end().await?;
    }
    Ok(outcome)
}

/// Writes the history of the days before today, and returns these.
async fn fill(world: &World, instances: u32) -> Result<Vec<NaiveDate>> {
    let mut conn = world.pool.acquire().await?;
    let today = partition::today(&mut conn).await?;
    let days: Vec<NaiveDate> = (1..=DAYS)
        .filter_map(|ago| today.checked_sub_days(Days::new(ago)))
        .collect();
    for day in &days {
        for table in partition::TABLES {
            partition::create(&mut conn, table, *day).await?;
        }
    }
    // Numbers; nothing here comes from anybody.
    let statements = FILL
        .replace("{days}", &DAYS.to_string())
        .replace("{instances}", &instances.to_string())
        .replace("{shards}", &SHARDS.to_string());
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut *conn)
        .await?;
    for statement in [
        "vacuum analyze tick",
        "vacuum analyze instance_ended",
        "vacuum analyze attempt_ended",
    ] {
        sqlx::query(statement).execute(&mut *conn).await?;
    }
    world.settle().await;
    Ok(days)
}

/// Drops the filled days one after another, each as the server does: a transaction for each table.
async fn drop_days(world: &World, days: &[NaiveDate], outcome: &mut Outcome) -> Result {
    let mut samples = Vec::new();
    for day in days {
        let begin = Instant::now();
        for table in partition::TABLES {
            let mut tx = world.pool.begin().await?;
            partition::lock(&mut tx).await?;
            partition::drop(&mut tx, table, *day).await?;
            tx.commit().await?;
        }
        samples.push(begin.elapsed().as_secs_f64());
    }
    outcome.spread("dropping a day", "s", &samples, Some(Must::AtMost(1.0)));
    Ok(())
}
