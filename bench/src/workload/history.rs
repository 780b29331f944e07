//! Drained on top of a long history; and that history read, counted, and dropped by the day.

use std::time::Instant;

use chrono::{Days, NaiveDate};
use sqlx::AssertSqlSafe;

use crate::oracle::{self, Expected};
use crate::report::{Must, Outcome};
use crate::stats::{Percentiles, Spread};
use crate::world::World;
use crate::{Options, Result};

use super::drain::{SHARDS, drain, make_jobs};

/// Writes the history; see the file.
const FILL: &str = include_str!("../../sql/fill_history.sql");

pub(crate) async fn run(options: &Options) -> Result<Outcome> {
    let (filled, instances) = if options.short {
        (100, 20)
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
            "{shards} shards drained without a history and on one of {filled} instances × {SHARDS} shards written by SQL, in turn; {pages} pages of each list"
        ),
    );
    // A namespace each; only one of them works at a time, the other idles.
    let mut worlds = [World::new(options, 1).await?, World::new(options, 1).await?];
    let jobs = [
        make_jobs(&worlds[0], instances).await?,
        make_jobs(&worlds[1], instances).await?,
    ];
    let began = Instant::now();
    let day = fill(&worlds[1], filled).await?;
    outcome.one(
        "filling the history took",
        "s",
        began.elapsed().as_secs_f64(),
        None,
    );
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
    read(&worlds[1], pages, &mut outcome).await?;
    count(&worlds[1], &mut outcome).await?;
    drop_day(&worlds[1], day, &mut outcome).await?;
    for world in worlds {
        world.end().await?;
    }
    Ok(outcome)
}

/// Writes the history of the day before yesterday.
async fn fill(world: &World, instances: u32) -> Result<NaiveDate> {
    let today: NaiveDate = sqlx::query_scalar("select (now() at time zone 'UTC')::date")
        .fetch_one(&world.pool)
        .await?;
    let day = today.checked_sub_days(Days::new(2)).unwrap_or(today);
    // Numbers and digits; nothing here comes from anybody.
    let statements = FILL
        .replace("{day}", &day.to_string())
        .replace("{partition}", &day.format("%Y%m%d").to_string())
        .replace("{instances}", &instances.to_string())
        .replace("{shards}", &SHARDS.to_string());
    let mut conn = world.pool.acquire().await?;
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut *conn)
        .await?;
    for statement in [
        "vacuum analyze instance_ended",
        "vacuum analyze attempt_ended",
    ] {
        sqlx::query(statement).execute(&mut *conn).await?;
    }
    world.settle().await;
    Ok(day)
}

/// Reads pages through the API, as the console does.
async fn read(world: &World, pages: u32, outcome: &mut Outcome) -> Result {
    let (oldest, newest): (i64, i64) =
        sqlx::query_as("select min(instance_id), max(instance_id) from instance_history")
            .fetch_one(&world.pool)
            .await?;
    let admin = world.admin();
    let lists: [(&str, &dyn Fn(i64) -> String); 4] = [
        ("a page of the instances, anywhere", &|id| {
            format!("/api/v1/instances?after={id}")
        }),
        ("a page of the instances of a state, anywhere", &|id| {
            format!("/api/v1/instances?state=succeeded&after={id}")
        }),
        ("a page of an instance's shards", &|id| {
            format!(
                "/api/v1/instances/{id}/shards?after={}",
                id % i64::from(SHARDS)
            )
        }),
        ("a page of an instance's attempts", &|id| {
            format!("/api/v1/instances/{id}/attempts")
        }),
    ];
    for (name, path) in lists {
        let mut samples = Vec::new();
        for page in 0..pages + 10 {
            let begin = Instant::now();
            admin.get(&path(fastrand::i64(oldest..=newest))).await?;
            // The first ones run statements that were not prepared yet.
            if page >= 10 {
                samples.push(begin.elapsed().as_secs_f64() * 1e3);
            }
        }
        let must = Some(Must::AtMost(10.0));
        outcome.percentiles(name, "ms", Percentiles::of(&samples), must);
    }
    Ok(())
}

/// Counts through the views, since no call of the API counts history.
async fn count(world: &World, outcome: &mut Outcome) -> Result {
    let counts = [
        (
            "instances counted by state",
            "select state, count(*) from instance_history group by state",
        ),
        (
            "shards counted by state, from the instances' counters",
            "select 'succeeded', sum(succeeded)::bigint from instance_history",
        ),
    ];
    for (name, statement) in counts {
        let mut samples = Vec::new();
        for _ in 0..10 {
            let begin = Instant::now();
            let _: Vec<(String, i64)> = sqlx::query_as(statement).fetch_all(&world.pool).await?;
            samples.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        outcome.spread(name, "ms", &samples, Some(Must::AtMost(50.0)));
    }
    Ok(())
}

/// Drops the filled day as the server does.
async fn drop_day(world: &World, day: NaiveDate, outcome: &mut Outcome) -> Result {
    let begin = Instant::now();
    for table in ["instance_ended", "attempt_ended"] {
        let drop = format!("drop table {table}_{}", day.format("%Y%m%d"));
        sqlx::query(AssertSqlSafe(drop))
            .execute(&world.pool)
            .await?;
    }
    let took = begin.elapsed().as_secs_f64();
    outcome.one("dropping the day", "s", took, Some(Must::AtMost(1.0)));
    Ok(())
}
