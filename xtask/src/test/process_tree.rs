//! Ending a process with all that it has started.

use std::collections::HashMap;
use std::process::{Command, Stdio};

/// Kills process `root` and its descendants. Those started into a life of their own, such as a
/// private PostgreSQL, notice by themselves that their owner is gone.
pub(crate) fn kill(root: u32) {
    let children = children();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        found.extend(children.get(parent).into_iter().flatten());
        next += 1;
    }
    let ids = found.iter().map(u32::to_string);
    // The shell's own `kill`: slim images lack the program.
    let _ = Command::new("/bin/sh")
        .args(["-c", "kill -KILL \"$@\"", "sh"])
        .args(ids)
        .stderr(Stdio::null())
        .status();
}

/// The children of each process.
fn children() -> HashMap<u32, Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (process, parent) in from_proc().unwrap_or_else(from_ps) {
        children.entry(parent).or_default().push(process);
    }
    children
}

/// Linux: every process with its parent.
fn from_proc() -> Option<Vec<(u32, u32)>> {
    let entries = std::fs::read_dir("/proc/self")
        .and_then(|_| std::fs::read_dir("/proc"))
        .ok()?;
    let parent = |process: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // "12 (any name) S 11 ...": the name may itself have parentheses.
        let (_, rest) = stat.rsplit_once(')')?;
        Some((process, rest.split_whitespace().nth(1)?.parse().ok()?))
    };
    let processes = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(processes.filter_map(parent).collect())
}

/// Elsewhere.
fn from_ps() -> Vec<(u32, u32)> {
    let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pair = |line: &str| {
        let mut words = line.split_whitespace().map(str::parse);
        Some((words.next()?.ok()?, words.next()?.ok()?))
    };
    text.lines().filter_map(pair).collect()
}
