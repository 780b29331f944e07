//! What a script prints: its beginning for the report, its end for an error, its lines for the log.

use std::collections::VecDeque;

use crate::Context;
use crate::outcome::{MAX_OUTPUT_BYTES, truncate_of};

/// How much of the end an error quotes.
const TAIL_BYTES: usize = 4 * 1024;
/// A line longer than this is logged in pieces.
const LINE_BYTES: usize = 4 * 1024;

#[derive(Default)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: usize,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
}

impl Capture {
    /// Takes what was read.
    pub(super) fn push(&mut self, bytes: &[u8], ctx: &Context) {
        self.total += bytes.len();
        let room = MAX_OUTPUT_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..room.min(bytes.len())]);
        let new = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (self.tail.len() + new.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
        self.tail.extend(new);
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LINE_BYTES {
                self.log_line(ctx);
            }
        }
    }

    /// Logs a last line without an end.
    pub(super) fn finish(&mut self, ctx: &Context) {
        if !self.line.is_empty() {
            self.log_line(ctx);
        }
    }

    fn log_line(&mut self, ctx: &Context) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        ctx.log().info(text.trim_end_matches(['\r', '\n']));
    }

    /// Everything, or the beginning with a notice.
    pub(super) fn output(&self) -> Option<String> {
        if self.total == 0 {
            return None;
        }
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if text.len() > MAX_OUTPUT_BYTES || self.total > self.head.len() {
            truncate_of(&mut text, MAX_OUTPUT_BYTES, self.total);
        }
        Some(text)
    }

    /// The end, for an error.
    pub(super) fn tail(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&tail);
        let text = text.trim_end();
        if text.is_empty() {
            String::new()
        } else if self.total > TAIL_BYTES {
            format!("\n[the last of {} bytes of output]\n{text}", self.total)
        } else {
            format!("\n{text}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::shard;

    #[test]
    fn long_output_keeps_its_beginning_and_its_end() {
        let ctx = Context::detached(shard(1, "script"));
        let mut capture = Capture::default();
        capture.push(b"first\n", &ctx);
        for _ in 0..200 {
            capture.push(&[b'x'; 1_000], &ctx);
        }
        capture.push(b"\nlast \xff line", &ctx);
        capture.finish(&ctx);
        let output = capture.output().unwrap();
        assert!(output.starts_with("first\n") && output.len() <= MAX_OUTPUT_BYTES);
        assert!(
            output.ends_with("[cut: 200018 bytes in all]"),
            "{}",
            &output[output.len() - 40..]
        );
        assert!(capture.tail().ends_with("x\nlast \u{fffd} line"));
        assert!(capture.tail().starts_with("\n[the last of 200018 bytes"));
    }

    #[test]
    fn no_output_is_none() {
        assert_eq!(Capture::default().output(), None);
        assert_eq!(Capture::default().tail(), "");
    }
}
