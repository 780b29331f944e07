//! Running other programs: with progress, captured output, and root's rights where they can be had.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Context, Error};

/// How often a long step says that it is still at work.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// How many of the last lines of a failed program are shown.
const SHOWN_LINES: usize = 12;

/// Runs `command` to its end, says every few seconds through `progress` that `step` goes on, and
/// returns what it printed on standard output.
///
/// # Errors
///
/// [`Error::Failed`] with the end of its output when it ends with another code than 0.
pub fn run_with_progress(
    step: &str,
    command: &mut Command,
    progress: &mut dyn FnMut(&str),
) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(|| format!("run {program}"))?;
    let lines = read_lines(&mut child);
    let begin = Instant::now();
    let mut printed = String::new();
    let mut last = VecDeque::new();
    let mut said = begin;
    loop {
        match lines.recv_timeout(PROGRESS_EVERY.saturating_sub(said.elapsed())) {
            Ok((is_output, line)) => {
                if is_output {
                    printed.push_str(&line);
                    printed.push('\n');
                }
                if !line.trim().is_empty() {
                    last.push_back(line);
                }
                if last.len() > SHOWN_LINES {
                    last.pop_front();
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if said.elapsed() >= PROGRESS_EVERY {
            said = Instant::now();
            progress(&format!("{step} ({} s)", begin.elapsed().as_secs()));
        }
    }
    let status = child.wait().context(|| format!("wait for {program}"))?;
    if status.success() {
        return Ok(printed);
    }
    let output = match last.make_contiguous() {
        [] => status.to_string(),
        lines => lines.join("\n"),
    };
    Err(Error::Failed { program, output })
}

/// Reads both outputs of `child`; the channel closes when both have ended.
fn read_lines(child: &mut Child) -> mpsc::Receiver<(bool, String)> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        forward(true, stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        forward(false, stderr, sender);
    }
    receiver
}

fn forward(is_output: bool, from: impl Read + Send + 'static, to: Sender<(bool, String)>) {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            if to
                .send((is_output, String::from_utf8_lossy(&line).into_owned()))
                .is_err()
            {
                return;
            }
        }
    });
}

/// A command that runs `program` as root: plain under root, by `sudo` where that asks for no
/// password, `None` otherwise.
pub fn try_sudo(program: &str) -> Option<Command> {
    if rustix::process::geteuid().is_root() {
        return Some(Command::new(program));
    }
    let allowed = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    allowed.then(|| {
        let mut command = Command::new("sudo");
        command.args(["-n", "--", program]);
        command
    })
}
