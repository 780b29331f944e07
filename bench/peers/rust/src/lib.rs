//! What the peers in Rust share: a database of their own, the feeder, the clock and the line of JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Jobs of one insert.
pub const BATCH: u64 = 2_000;
/// `sustained` inserts while fewer jobs than this wait: never empty, never a drain in disguise.
const BACKLOG: u64 = 14_000;
/// What a worker does in its first moments is no steady state.
const WARM_UP: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
pub enum Workload {
    Drain(u64),
    Sustained(Duration),
}

impl Workload {
    pub fn from_args() -> Result<Self> {
        let args: Vec<String> = std::env::args().skip(1).collect();
        match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["drain", jobs] => Ok(Self::Drain(jobs.parse()?)),
            ["sustained", seconds] => Ok(Self::Sustained(Duration::from_secs(seconds.parse()?))),
            _ => Err("usage: run drain JOBS | run sustained SECONDS".into()),
        }
    }
}

/// The fresh database of one peer.
pub struct Database {
    admin: PgConnectOptions,
    name: String,
    pub pool: PgPool,
}

impl Database {
    pub async fn create(peer: &str, connections: u32) -> Result<Self> {
        let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
        let admin: PgConnectOptions = url.parse()?;
        let name = format!("bench_peer_{peer}");
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(admin.clone())
            .await?;
        for statement in [
            format!("drop database if exists {name} with (force)"),
            format!("create database {name}"),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(&pool).await?;
        }
        pool.close().await;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections.min(4))
            .connect_with(admin.clone().database(&name))
            .await?;
        Ok(Self { admin, name, pool })
    }

    /// All peers start from the same place: fresh statistics, nothing left to flush.
    pub async fn settle(&self) -> Result {
        sqlx::query("vacuum analyze").execute(&self.pool).await?;
        sqlx::query("checkpoint").execute(&self.pool).await?;
        Ok(())
    }

    pub async fn drop(self) -> Result {
        self.pool.close().await;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(self.admin)
            .await?;
        let statement = format!("drop database {} with (force)", self.name);
        sqlx::query(AssertSqlSafe(statement)).execute(&pool).await?;
        Ok(())
    }

    /// When the last job is completed in the database, not only handled; `any_left` selects one boolean.
    pub async fn emptied(&self, any_left: &'static str) -> Result {
        while sqlx::query_scalar::<_, bool>(any_left)
            .fetch_one(&self.pool)
            .await?
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

/// Counts calls of the handler.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<AtomicU64>);

impl Calls {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub async fn reach(&self, jobs: u64) {
        while self.get() < jobs {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// What `sustained` saw.
pub struct Sustained {
    pub inserted: u64,
    pub completed: u64,
    pub elapsed: Duration,
}

/// Inserts until the time is up, as fast as the jobs are worked; the caller has started the worker.
///
/// The window begins after the warm-up. Handled stands for completed in it: they differ by what is in
/// flight, the same at both ends.
pub async fn feed<F>(calls: &Calls, time: Duration, mut insert: F) -> Result<Sustained>
where
    F: AsyncFnMut(u64, u64) -> Result,
{
    let begin = Instant::now();
    let mut inserted = 0;
    let mut window = None;
    loop {
        if window.is_none() && begin.elapsed() >= WARM_UP {
            window = Some((Instant::now(), calls.get()));
        }
        if let Some((start, before)) = window {
            let elapsed = start.elapsed();
            if elapsed >= time {
                let completed = calls.get() - before;
                return Ok(Sustained {
                    inserted,
                    completed,
                    elapsed,
                });
            }
        }
        if inserted - calls.get().min(inserted) < BACKLOG {
            insert(inserted, BATCH).await?;
            inserted += BATCH;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The last line of the program.
pub fn print(
    (peer, version): (&str, &str),
    workload: Workload,
    jobs: u64,
    elapsed: Duration,
    verified: bool,
    settings: &str,
) {
    let seconds = elapsed.as_secs_f64();
    let workload = match workload {
        Workload::Drain(_) => "drain",
        Workload::Sustained(_) => "sustained",
    };
    let line = serde_json::json!({
        "peer": peer,
        "version": version,
        "workload": workload,
        "jobs": jobs,
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "per_second": (jobs as f64 / seconds).round() as u64,
        "verified": verified,
        "settings": settings,
    });
    println!("{line}");
}
