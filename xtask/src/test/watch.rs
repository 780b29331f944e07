//! Runs a test command with its output shown as it comes, and ends it when a test hangs.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::process_tree;
use super::progress::{Progress, Totals};
use crate::Result;

/// How often a hang is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which of the two outputs a piece comes from.
#[derive(Clone, Copy)]
enum Source {
    Output = 0,
    Errors = 1,
}

/// Runs `command` to its end, or to its first hung test, which counts as failed.
pub(crate) fn run(command: Command, bound: Duration) -> Result<Totals> {
    run_showing(command, bound, show)
}

fn run_showing(mut command: Command, bound: Duration, show: fn(Source, &[u8])) -> Result<Totals> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (sender, pieces) = mpsc::channel();
    let output = child.stdout.take().ok_or("no output")?;
    let errors = child.stderr.take().ok_or("no errors")?;
    forward(Source::Output, output, sender.clone());
    forward(Source::Errors, errors, sender);

    let mut progress = Progress::new(Instant::now());
    let mut lines = [Vec::new(), Vec::new()];
    loop {
        match pieces.recv_timeout(LOOK_EVERY) {
            Ok((source, piece)) => {
                show(source, &piece);
                split(&mut lines[source as usize], &piece, |line| {
                    progress.read(line, Instant::now());
                });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(hung) = progress.hung(bound, Instant::now()) {
            process_tree::kill(child.id());
            child.wait()?;
            eprintln!(
                "\n{hung}; ended after {} s without progress",
                bound.as_secs()
            );
            return Ok(progress.totals()
                + Totals {
                    failed: 1,
                    ..Totals::default()
                });
        }
    }
    let mut totals = progress.totals();
    if !child.wait()?.success() && totals.failed == 0 {
        // Such as a test program that crashed before it could count.
        totals.failed = 1;
    }
    Ok(totals)
}

/// Sends on what comes from `from`; the channel closes when both sources have ended.
fn forward(source: Source, mut from: impl Read + Send + 'static, to: Sender<(Source, Vec<u8>)>) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if to.send((source, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// Nobody left to show it to is no reason to stop the tests.
fn show(source: Source, piece: &[u8]) {
    let _ = match source {
        Source::Output => io::stdout()
            .write_all(piece)
            .and_then(|()| io::stdout().flush()),
        Source::Errors => io::stderr().write_all(piece),
    };
}

/// Hands on every whole line of `rest` and `piece`, and keeps what is left.
fn split(rest: &mut Vec<u8>, piece: &[u8], mut take: impl FnMut(&str)) {
    rest.extend_from_slice(piece);
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line: Vec<u8> = rest.drain(..=end).collect();
        take(&String::from_utf8_lossy(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn hung_test_is_ended_with_its_children() {
        let script = "echo 'test a ... ok'; sleep 1000 & echo $! > \"$0\"; wait";
        let file = std::env::temp_dir().join(format!("xtask-watch-{}", std::process::id()));
        let mut command = shell(script);
        command.arg(&file);
        let totals = run_showing(command, Duration::from_secs(2), |_, _| {}).unwrap();
        assert_eq!(
            totals,
            Totals {
                failed: 1,
                ..Totals::default()
            }
        );
        let child = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let begin = Instant::now();
        while is_running(child.trim()) {
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "process {child} still runs"
            );
            thread::yield_now();
        }
    }

    /// By the shell's own `kill`; a dead process that nobody has counted yet does not run.
    fn is_running(process: &str) -> bool {
        let script = "kill -0 \"$0\" 2>/dev/null && ! grep -q ') Z ' /proc/\"$0\"/stat 2>/dev/null";
        shell(script).arg(process).status().unwrap().success()
    }

    #[test]
    fn crash_without_a_result_counts_as_failed() {
        let command = shell("echo 'test result: ok. 3 passed; 0 failed'; exit 101");
        let totals = run_showing(command, Duration::from_mins(1), |_, _| {});
        assert_eq!(
            totals.unwrap(),
            Totals {
                passed: 3,
                failed: 1,
                ..Totals::default()
            }
        );
    }
}
