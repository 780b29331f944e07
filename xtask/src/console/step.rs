//! Runs one long step: a line at its start, a line with the time every few seconds, all of its output if it
//! fails and none if it does not.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::setup::say;

const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Runs `command`, and ends it after `limit`.
pub(super) fn run(step: &str, command: &mut Command, limit: Option<Duration>) -> Result<()> {
    say(step);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, sender);
    }
    let begin = Instant::now();
    let mut said = begin;
    let mut output = Vec::new();
    let mut crates = 0;
    loop {
        match lines.recv_timeout(PROGRESS_EVERY.saturating_sub(said.elapsed())) {
            Ok(line) => {
                crates += usize::from(line.trim_start().starts_with("Compiling "));
                output.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                said = Instant::now();
                let seconds = begin.elapsed().as_secs();
                match crates {
                    0 => say(&format!("{step} ({seconds} s)")),
                    _ => say(&format!("{step} ({crates} crates, {seconds} s)")),
                }
            }
        }
        if limit.is_some_and(|limit| begin.elapsed() > limit) {
            child.kill()?;
            child.wait()?;
            return Err(
                format!("`{program}` took more than {} s", begin.elapsed().as_secs()).into(),
            );
        }
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{}\n`{program}` failed ({status})", output.join("\n")).into())
}

/// Sends each line of `source` until it ends.
fn forward(source: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(source)
            .lines()
            .map_while(std::result::Result::ok)
        {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}
