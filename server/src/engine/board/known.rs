//! An instance as the board knows it.

use std::sync::Arc;

use antares_protocol::job::JobSpec;
use antares_protocol::policy::Sharding;
use serde_json::Value;

use crate::store::limit;
use crate::store::shard::Ready;

/// An instance with shards to hand out.
#[derive(Debug)]
pub struct Known {
    pub ready: Ready,
    pub job: Arc<JobSpec>,
    /// The definition that holds now, which says who may run it, and how much of it at once.
    pub current: Arc<JobSpec>,
    /// Limits that its shards count against.
    pub limits: Arc<[String]>,
}

impl Known {
    /// An instance that was fired with the definition that holds now.
    pub fn new(ready: Ready, job: Arc<JobSpec>) -> Self {
        let current = Arc::clone(&job);
        Self::with_current(ready, job, current)
    }

    /// An instance of a job, as the definition has it with which it was fired, and the one that holds now.
    pub fn with_current(ready: Ready, job: Arc<JobSpec>, current: Arc<JobSpec>) -> Self {
        let own = (current.max_running_shards > 0).then(|| limit::of_job(ready.job_id));
        let named = current.limits.iter().map(|name| limit::named(name));
        let limits = own.into_iter().chain(named).collect();
        Self {
            ready,
            job,
            current,
            limits,
        }
    }

    /// Name of the handler that a client must have.
    pub fn handler(&self) -> &str {
        match &self.job.sharding {
            Sharding::Planned(handler) if self.ready.phase == "plan" => handler,
            _ => self.job.handler(),
        }
    }

    /// Parameter of an item.
    pub fn param(&self, item: i32) -> Value {
        let planned = self
            .ready
            .plan
            .as_ref()
            .and_then(|plan| plan.get(item as usize));
        let param = planned.or_else(|| self.job.shard_params.get(item as usize));
        param.cloned().unwrap_or(Value::Null)
    }
}
