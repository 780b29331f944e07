//! How far a shard has come: said by its handler, sent with the next renewal or the result.

use antares_protocol::MAX_DEPTH;
use antares_protocol::client::{MAX_CHECKPOINT, Running};
use serde::Serialize;
use serde_json::Value;

/// Levels of a request within which a checkpoint lies, and some more.
const WITHIN: usize = 8;

/// Within so many a value is read only if it is nested less than a request may be: `serde_json` reads 127 levels.
const AROUND: usize = 127 - MAX_DEPTH + WITHIN;

/// A checkpoint that cannot be kept. The one before stands.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be written as JSON, or is nested too deeply to be read again.
    #[error("the checkpoint cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is too large.
    #[error(
        "the checkpoint is {0} bytes of JSON; the limit is {MAX_CHECKPOINT}: keep the data elsewhere and its place here"
    )]
    TooLarge(usize),
    /// It holds U+0000, which cannot be stored.
    #[error("the checkpoint holds the character U+0000, which cannot be stored")]
    Nul,
}

/// What a handler has said, and how much of it the server knows.
#[derive(Debug, Default)]
pub(crate) struct Said {
    checkpoint: Option<Value>,
    /// How many bytes of JSON the checkpoint is.
    bytes: usize,
    progress: Option<u8>,
    /// Rises with each word of the handler.
    version: u64,
    /// The version that the server has.
    known: u64,
}

impl Said {
    pub(crate) fn checkpoint(&mut self, value: &impl Serialize) -> Result<(), CheckpointError> {
        // Read back as the server reads it, which refuses what is nested too deeply: inside of a request.
        let mut text = serde_json::to_string(value)?;
        text.insert_str(0, &"[".repeat(AROUND));
        text.push_str(&"]".repeat(AROUND));
        let mut value: Value = serde_json::from_str(&text)?;
        for _ in 0..AROUND {
            value = value[0].take();
        }
        let bytes = value.to_string().len();
        if bytes > MAX_CHECKPOINT {
            return Err(CheckpointError::TooLarge(bytes));
        }
        // In JSON text the character can only stand escaped; a backslash before it may itself be escaped.
        if text.contains("\\u0000") && text.replace("\\\\", "").contains("\\u0000") {
            return Err(CheckpointError::Nul);
        }
        self.checkpoint = Some(value);
        self.bytes = bytes;
        self.version += 1;
        Ok(())
    }

    pub(crate) fn progress(&mut self, percent: u8) {
        let percent = percent.min(100);
        if self.progress != Some(percent) {
            self.progress = Some(percent);
            self.version += 1;
        }
    }

    /// Puts what the server does not know into `running`, unless that is more than `room` bytes. Returns its version, to
    /// be told with [`Said::sent`], and its bytes.
    pub(crate) fn news(&self, running: &mut Running, room: usize) -> Option<(u64, usize)> {
        if self.version == self.known || self.bytes > room {
            return None;
        }
        running.checkpoint.clone_from(&self.checkpoint);
        running.progress = self.progress;
        Some((self.version, self.bytes))
    }

    /// The server knows `version`.
    pub(crate) fn sent(&mut self, version: u64) {
        self.known = self.known.max(version);
    }

    /// The checkpoint, if the server may not know it.
    pub(crate) fn unsent(&self) -> Option<Value> {
        if self.version == self.known {
            None
        } else {
            self.checkpoint.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_are_sent_and_what_was_said_meanwhile_is_news() {
        let mut said = Said::default();
        let mut running = Running::default();
        assert_eq!(said.news(&mut running, 100), None);
        said.progress(140);
        said.checkpoint(&"half").unwrap();
        let (version, bytes) = said.news(&mut running, 100).unwrap();
        assert_eq!((running.progress, bytes), (Some(100), 6));
        assert_eq!(running.checkpoint, Some(Value::from("half")));
        assert_eq!(said.news(&mut running, 5), None, "no room");
        said.checkpoint(&"more").unwrap();
        said.sent(version);
        assert_eq!(said.unsent(), Some(Value::from("more")));
        let (version, _) = said.news(&mut running, 100).unwrap();
        said.sent(version);
        assert_eq!(said.news(&mut running, 100), None);
        assert_eq!(said.unsent(), None);
    }

    #[test]
    fn what_cannot_be_kept_leaves_the_checkpoint_before() {
        let mut said = Said::default();
        said.checkpoint(&1).unwrap();
        let large = "x".repeat(MAX_CHECKPOINT);
        let error = said.checkpoint(&large).unwrap_err();
        assert!(matches!(error, CheckpointError::TooLarge(bytes) if bytes == MAX_CHECKPOINT + 2));
        assert!(matches!(
            said.checkpoint(&"a\0").unwrap_err(),
            CheckpointError::Nul
        ));
        let deep = |levels| (0..levels).fold(Value::Null, |inner, _| Value::from(vec![inner]));
        let most = deep(MAX_DEPTH - WITHIN);
        Said::default().checkpoint(&most).unwrap();
        let deep = deep(MAX_DEPTH - WITHIN + 1);
        assert!(matches!(
            said.checkpoint(&deep).unwrap_err(),
            CheckpointError::Json(_)
        ));
        assert_eq!(said.unsent(), Some(Value::from(1)));
        said.checkpoint(&"a\\u0000").unwrap();
    }
}
