//! Help for the crate's own tests.

use antares_protocol::client::ClaimedShard;
use antares_protocol::job::JobKind;
use antares_protocol::shard::Trigger;
use serde_json::Value;

use crate::wall;

/// A shard for `handler` that has no parameters.
pub(crate) fn shard(shard_id: i64, handler: &str) -> ClaimedShard {
    ClaimedShard {
        shard_id,
        attempt: 1,
        instance_id: 1,
        job: handler.to_owned(),
        handler: handler.to_owned(),
        kind: JobKind::Handler,
        item: 0,
        param: Value::Null,
        total: 1,
        job_param: Value::Null,
        trigger: Trigger::Api,
        scheduled_at: wall::now(),
        fired_at: wall::now(),
        timeout_ms: 0,
        script: None,
        checkpoint: None,
    }
}
