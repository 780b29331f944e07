//! Log lines of handlers: kept in bounded memory until they are sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use antares_protocol::client::{ClaimToken, LogLevel, LogLine};
use tokio::sync::Notify;

use crate::Context;
use crate::outcome::{MAX_ERROR_BYTES as MAX_LINE_BYTES, truncate};
use crate::wall;

/// Most lines that wait to be sent.
const MAX_LINES: usize = 10_000;
/// Most bytes of text that wait to be sent.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most lines of one call.
pub(crate) const BATCH_LINES: usize = 1_000;
/// About how many bytes of text one call carries.
const BATCH_BYTES: usize = 256 * 1024;

/// Logs for one shard. Lines leave in batches a moment later; when they come faster than they can be
/// sent, the newest are dropped and a line says how many.
#[derive(Clone, Copy)]
pub struct Logger<'a> {
    ctx: &'a Context,
    buffer: &'a LogBuffer,
}

impl<'a> Logger<'a> {
    pub(crate) fn new(ctx: &'a Context, buffer: &'a LogBuffer) -> Self {
        Self { ctx, buffer }
    }

    /// Something failed.
    pub fn error(&self, message: impl Into<String>) {
        self.line(LogLevel::Error, message.into());
    }

    /// Something is odd.
    pub fn warn(&self, message: impl Into<String>) {
        self.line(LogLevel::Warn, message.into());
    }

    /// Something happened.
    pub fn info(&self, message: impl Into<String>) {
        self.line(LogLevel::Info, message.into());
    }

    /// For the developer of the handler.
    pub fn debug(&self, message: impl Into<String>) {
        self.line(LogLevel::Debug, message.into());
    }

    fn line(&self, level: LogLevel, mut message: String) {
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: "antares_client::job",
                    job = self.ctx.job(),
                    shard_id = self.ctx.shard_id(),
                    attempt = self.ctx.attempt(),
                    "{message}"
                )
            };
        }
        match level {
            LogLevel::Error => emit!(error),
            LogLevel::Warn => emit!(warn),
            LogLevel::Info => emit!(info),
            LogLevel::Debug => emit!(debug),
        }
        truncate(&mut message, MAX_LINE_BYTES);
        self.buffer.push(self.ctx.token(), level, message);
    }
}

/// Lines of all shards that wait to be sent.
pub(crate) struct LogBuffer {
    lines: Mutex<Lines>,
    /// Told when there is something to send.
    pub(crate) filled: Notify,
    open: bool,
}

#[derive(Default)]
struct Lines {
    waiting: VecDeque<LogLine>,
    bytes: usize,
    dropped: BTreeMap<ClaimToken, u64>,
}

impl LogBuffer {
    pub(crate) fn new() -> Self {
        Self {
            lines: Mutex::default(),
            filled: Notify::new(),
            open: true,
        }
    }

    /// Keeps nothing, for a context without a client.
    pub(crate) fn closed() -> Self {
        Self {
            open: false,
            ..Self::new()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, token: ClaimToken, level: LogLevel, message: String) {
        if !self.open {
            return;
        }
        let mut lines = self.lock();
        if lines.waiting.len() >= MAX_LINES || lines.bytes + message.len() > MAX_BYTES {
            if lines.dropped.len() < MAX_LINES || lines.dropped.contains_key(&token) {
                *lines.dropped.entry(token).or_default() += 1;
            }
            return;
        }
        lines.bytes += message.len();
        lines.waiting.push_back(line(token, level, message));
        drop(lines);
        self.filled.notify_one();
    }

    pub(crate) fn is_empty(&self) -> bool {
        let lines = self.lock();
        lines.waiting.is_empty() && lines.dropped.is_empty()
    }

    /// The oldest lines, as many as one call takes. When they are the last, the notices follow about
    /// the lines that were dropped.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        let mut lines = self.lock();
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH_LINES && bytes < BATCH_BYTES {
            let Some(line) = lines.waiting.pop_front() else {
                break;
            };
            bytes += line.message.len();
            batch.push(line);
        }
        lines.bytes -= bytes;
        while lines.waiting.is_empty() && batch.len() < BATCH_LINES {
            let Some((token, count)) = lines.dropped.pop_first() else {
                break;
            };
            let notice = format!(
                "[{count} lines were dropped here: they came faster than they could be sent]"
            );
            batch.push(line(token, LogLevel::Warn, notice));
        }
        batch
    }
}

fn line(token: ClaimToken, level: LogLevel, message: String) -> LogLine {
    LogLine {
        shard_id: token.shard_id,
        attempt: token.attempt,
        logged_at: wall::now(),
        level,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(shard_id: i64) -> ClaimToken {
        ClaimToken {
            shard_id,
            attempt: 1,
        }
    }

    #[test]
    fn lines_beyond_the_bound_are_counted_and_announced_after_the_kept_ones() {
        let buffer = LogBuffer::new();
        for n in 0..MAX_LINES + 7 {
            buffer.push(token(1), LogLevel::Info, n.to_string());
        }
        buffer.push(token(2), LogLevel::Info, "lost".to_owned());
        let mut all = Vec::new();
        while !buffer.is_empty() {
            let batch = buffer.take();
            assert!(batch.len() <= BATCH_LINES);
            all.extend(batch);
        }
        assert_eq!(all.len(), MAX_LINES + 2);
        assert_eq!(all[MAX_LINES - 1].message, (MAX_LINES - 1).to_string());
        assert!(all[MAX_LINES].message.starts_with("[7 lines were dropped"));
        assert_eq!(all[MAX_LINES + 1].shard_id, 2);
        assert_eq!(buffer.lock().bytes, 0);
    }

    #[test]
    fn long_lines_leave_in_several_batches() {
        let buffer = LogBuffer::new();
        for _ in 0..100 {
            buffer.push(token(1), LogLevel::Info, "x".repeat(MAX_LINE_BYTES));
        }
        assert_eq!(buffer.take().len(), BATCH_BYTES / MAX_LINE_BYTES);
    }
}
