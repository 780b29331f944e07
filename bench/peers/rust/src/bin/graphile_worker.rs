//! graphile_worker with the settings of its own `benches/perf_test.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_peers::{BATCH, Calls, Database, Result, Workload, feed, print};
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, RefetchDelayConfig, TaskHandler,
    WorkerContext, WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};

const PEER: (&str, &str) = ("graphile_worker", "0.14.1");
/// Its benchmark allows 100; on few cores more than these only wait for one another.
const CONNECTIONS: u32 = 12;
/// A completed job is deleted, so the empty table says that each was completed.
const ANY_LEFT: &str = "select exists (select from graphile_worker._private_jobs)";
const SETTINGS: &str = "concurrency 500, local queue 5000, complete batch 5 ms, poll 5 ms, 12 connections, \
                        jobs are deleted without history";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noop {
    id: u64,
}

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(calls) = context.get_ext::<Calls>() {
            calls.add();
        }
        Ok::<(), String>(())
    }
}

async fn insert(utils: &WorkerUtils, first: u64, jobs: u64) -> Result {
    let jobs: Vec<RawJobSpec> = (first..first + jobs)
        .map(|id| RawJobSpec {
            identifier: Noop::IDENTIFIER.to_owned(),
            payload: serde_json::json!({ "id": id }),
            spec: JobSpec::default(),
        })
        .collect();
    utils.add_raw_jobs(&jobs).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let workload = Workload::from_args()?;
    let database = Database::create(PEER.0, CONNECTIONS).await?;
    let utils = WorkerUtils::new(database.pool.clone(), "graphile_worker");
    utils.migrate().await?;
    if let Workload::Drain(jobs) = workload {
        let mut first = 0;
        while first < jobs {
            insert(&utils, first, BATCH.min(jobs - first)).await?;
            first += BATCH;
        }
        database.settle().await?;
    }

    let calls = Calls::default();
    let worker = WorkerOptions::default()
        .database(database.pool.clone())
        .schema("graphile_worker")
        .concurrency(500)
        .poll_interval(Duration::from_millis(5))
        .complete_job_batch_delay(Duration::from_millis(5))
        .local_queue(
            LocalQueueConfig::default()
                .with_size(5_000)
                .with_refetch_delay(
                    RefetchDelayConfig::default().with_duration(Duration::from_millis(5)),
                ),
        )
        .listen_os_shutdown_signals(false)
        .add_extension(calls.clone())
        .define_job::<Noop>()
        .init()
        .await?;
    let worker = Arc::new(worker);
    let running = Arc::clone(&worker);
    let start = Instant::now();
    let running = tokio::spawn(async move { running.run().await });

    let (done, elapsed, total) = match workload {
        Workload::Drain(jobs) => {
            calls.reach(jobs).await;
            database.emptied(ANY_LEFT).await?;
            (jobs, start.elapsed(), jobs)
        }
        Workload::Sustained(time) => {
            let seen = feed(&calls, time, async |first, jobs| {
                insert(&utils, first, jobs).await
            })
            .await?;
            calls.reach(seen.inserted).await;
            database.emptied(ANY_LEFT).await?;
            (seen.completed, seen.elapsed, seen.inserted)
        }
    };
    worker.request_shutdown();
    running.await??;
    let verified = calls.get() == total;
    database.drop().await?;
    print(PEER, workload, done, elapsed, verified, SETTINGS);
    Ok(())
}
