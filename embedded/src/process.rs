//! Waiting for processes and signalling them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Waits until `condition` gives a value, at most `bound`.
pub(crate) fn wait_for<T>(bound: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if begin.elapsed() >= bound {
            return None;
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "PostgreSQL tells its state by a file, which wakes nobody"
)]
fn pause() {
    thread::sleep(Duration::from_millis(10));
}

/// Sends `signal`; a process that has ended is no error.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = to_pid(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process with this id exists, whoever owns it.
pub(crate) fn is_alive(pid: u32) -> bool {
    let answer = to_pid(pid).map(test_kill_process);
    matches!(answer, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// What a postmaster tells in its `postmaster.pid`.
#[derive(Debug)]
pub(crate) struct Postmaster {
    pub(crate) pid: u32,
    /// Whether it accepts connections.
    pub(crate) is_ready: bool,
}

impl Postmaster {
    /// Reads the file in `cluster`; `None` when it is missing or not yet written.
    pub(crate) fn read(cluster: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // Line 8 is the status, the same that `pg_ctl start` waits for.
        let is_ready = lines.nth(6).is_some_and(|status| status.trim() == "ready");
        Some(Self { pid, is_ready })
    }
}
