//! What a test tells a client's handler to do, and what the handler says that it did.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a handler is to do: the shard's parameter if that is an object, or else the job's. In this order:
/// `checkpoint`, `progress`, `sleep_ms`, `gate`, `hang`, then the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Work {
    /// Works for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep_ms: Option<u64>,
    /// Works until this file is there: see [`crate::Gate`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<PathBuf>,
    /// Saves this for the next attempt before it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<serde_json::Value>,
    /// Says that it has come so far before it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
    /// Works until it is cancelled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hang: bool,
    /// How it ends.
    pub end: End,
    /// Attempts up to this one do all that; later ones succeed at once. 0 for all attempts.
    #[serde(skip_serializing_if = "is_zero")]
    pub until_attempt: i16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(n: &i16) -> bool {
    *n == 0
}

/// How a handler ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With this output.
    #[default]
    Succeed,
    /// With this error.
    Fail(String),
    /// After so many milliseconds it wants to be called again.
    Later(u64),
    /// With a panic of this message.
    Panic(String),
}

impl Work {
    /// Fails with `error`.
    pub fn fail(error: &str) -> Self {
        Self {
            end: End::Fail(error.to_owned()),
            ..Self::default()
        }
    }

    /// Asks to be called again after `delay_ms`.
    pub fn later(delay_ms: u64) -> Self {
        Self {
            end: End::Later(delay_ms),
            ..Self::default()
        }
    }

    /// Panics with `message`.
    pub fn panic(message: &str) -> Self {
        Self {
            end: End::Panic(message.to_owned()),
            ..Self::default()
        }
    }

    /// Works for so long, then succeeds.
    pub fn sleep(ms: u64) -> Self {
        Self {
            sleep_ms: Some(ms),
            ..Self::default()
        }
    }

    /// Works until it is cancelled.
    pub fn hang() -> Self {
        Self {
            hang: true,
            ..Self::default()
        }
    }

    /// Only the attempts up to `attempt` do so; later ones succeed at once.
    #[must_use]
    pub fn until_attempt(mut self, attempt: i16) -> Self {
        self.until_attempt = attempt;
        self
    }

    /// As a parameter of a job or shard.
    pub fn param(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

/// A row of `execution`: something that happened around a handler, written before the client goes on.
///
/// Events are `begin`, `end` and `cancelled` (by the handler; `detail` is the checkpoint of the attempt before, if there
/// is one, or the reason of a cancellation), and
/// `before`, `success`, `fail` and `after` (by a listener; `detail` is the error of a failure).
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Executed {
    /// Name of the client process.
    pub client: String,
    pub job: String,
    pub instance_id: i64,
    pub shard_id: i64,
    pub item: i32,
    pub attempt: i16,
    pub event: String,
    pub detail: Option<String>,
    pub at: DateTime<Utc>,
}
