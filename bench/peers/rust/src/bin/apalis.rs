//! apalis-postgres: one worker, tasks in parallel, large batches.

use std::time::{Duration, Instant};

use apalis::prelude::*;
use apalis_postgres::{Config, PgTask, PostgresStorage, queries::push_tasks};
use bench_peers::{BATCH, Calls, Database, Result, Workload, feed, print};
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Notify;

const PEER: (&str, &str) = ("apalis", "1.0.0");
const QUEUE: &str = "bench";
const ANY_LEFT: &str = "select exists (select from apalis.jobs where status <> 'Done')";
const SETTINGS: &str = "batch 1000, one worker, poll 10 ms, concurrency 1000, no separate locks (lock_tasks off), \
                        jobs stay in the table as history";

async fn insert(pool: &PgPool, first: u64, jobs: u64) -> Result {
    let tasks: Vec<PgTask> = (first..first + jobs)
        .map(|id| TaskBuilder::new(id.to_string().into_bytes()).build())
        .collect();
    let mut transaction = pool.begin().await?;
    push_tasks(&mut *transaction, QUEUE, tasks).await?;
    transaction.commit().await?;
    Ok(())
}

async fn noop(_id: u64, calls: Data<Calls>) {
    calls.add();
}

#[tokio::main]
async fn main() -> Result {
    let workload = Workload::from_args()?;
    let database = Database::create(PEER.0, 24).await?;
    PostgresStorage::setup(&database.pool).await?;
    if let Workload::Drain(jobs) = workload {
        let mut first = 0;
        while first < jobs {
            insert(&database.pool, first, BATCH.min(jobs - first)).await?;
            first += BATCH;
        }
        // What it fetches was due a whole second ago: it stores seconds.
        database.settle().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    let calls = Calls::default();
    let config = Config::default()
        .queue(QUEUE)
        .batch_size(1_000)
        .lock_tasks(false);
    let backend = PostgresStorage::<u64>::new(&database.pool)
        .with_config(config)
        // After an empty fetch it would otherwise sleep until its heartbeat.
        .poll_with_strategy(Strategy::new().interval(Duration::from_millis(10)));
    let worker = WorkerBuilder::new("bench")
        .backend(backend)
        .data(calls.clone())
        .concurrency(1_000)
        .build(noop);
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let start = Instant::now();
    let running = tokio::spawn(worker.run_until(async move {
        stopped.notified().await;
        Ok::<_, std::io::Error>(())
    }));

    let (done, elapsed, total) = match workload {
        Workload::Drain(jobs) => {
            calls.reach(jobs).await;
            database.emptied(ANY_LEFT).await?;
            (jobs, start.elapsed(), jobs)
        }
        Workload::Sustained(time) => {
            let seen = feed(&calls, time, async |first, jobs| {
                insert(&database.pool, first, jobs).await
            })
            .await?;
            calls.reach(seen.inserted).await;
            database.emptied(ANY_LEFT).await?;
            (seen.completed, seen.elapsed, seen.inserted)
        }
    };
    stop.notify_one();
    running.await??;
    let verified = calls.get() == total;
    database.drop().await?;
    print(PEER, workload, done, elapsed, verified, SETTINGS);
    Ok(())
}
