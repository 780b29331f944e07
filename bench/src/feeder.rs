//! Triggers instances at a steady rate, as a program would that has work all the time.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Result;
use crate::admin::Admin;

/// Calls under way at once; beyond that the server is slower than the feeder, and the feeder waits.
const CALLS: usize = 16;

/// A feeder that is running.
pub(crate) struct Feeder {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Fed>>,
}

/// What it did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fed {
    pub(crate) instances: i64,
    /// Triggers refused because the job still ran.
    pub(crate) refused: i64,
    pub(crate) seconds: f64,
}

impl Feeder {
    /// Triggers the jobs in turn, one `every` so often.
    pub(crate) fn start(admin: &Admin, jobs: Vec<i64>, every: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(feed(admin.clone(), jobs, every, stopped));
        Self { stop, task }
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> Result<Fed> {
        // A feeder that has ended hears nothing, and its result says why.
        let _ = self.stop.send(true);
        self.task.await?
    }
}

async fn feed(
    admin: Admin,
    jobs: Vec<i64>,
    every: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Result<Fed> {
    let mut fed = Fed::default();
    let mut calls = FuturesUnordered::new();
    let mut due = interval(every);
    // The rate holds on average: what was missed is made up for.
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begin = Instant::now();
    let mut jobs = jobs.iter().cycle();
    loop {
        tokio::select! {
            _ = due.tick(), if calls.len() < CALLS => {
                let Some(job) = jobs.next() else { return Ok(fed) };
                calls.push(admin.trigger(*job));
            }
            Some(done) = calls.next() => fed.count(done?),
            _ = stopped.changed() => break,
        }
    }
    while let Some(done) = calls.next().await {
        fed.count(done?);
    }
    fed.seconds = begin.elapsed().as_secs_f64();
    Ok(fed)
}

impl Fed {
    fn count(&mut self, instance: Option<i64>) {
        match instance {
            Some(_) => self.instances += 1,
            None => self.refused += 1,
        }
    }
}
