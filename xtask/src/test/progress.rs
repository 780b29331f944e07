//! What a test run has done so far, read off its output.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Add;
use std::time::{Duration, Instant};

/// What libtest says once a test has run for this long.
const SLOW_MARK: &str = " has been running for over ";
const SLOW: Duration = Duration::from_mins(1);

/// How many tests ended how, and why.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// What failed tests said as they failed: told last, for far above, among all that the tests have
    /// printed, it is easily missed.
    pub(crate) panics: Vec<String>,
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
            panics: [self.panics, other.panics].concat(),
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.panics.is_empty() {
            writeln!(f, "\nwhat failed said:\n{}\n", self.panics.join("\n"))?;
        }
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// Follows the lines of `cargo test` or `cargo nextest run`.
#[derive(Debug)]
pub(crate) struct Progress {
    totals: Totals,
    /// What cargo runs now, in its own words.
    program: String,
    /// Tests known to run for long, with their beginning.
    slow: BTreeMap<String, Instant>,
    /// When something last began or ended.
    moved: Instant,
    /// Whether the last of the panics goes on in the next line.
    in_panic: bool,
}

impl Progress {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            totals: Totals::default(),
            program: String::new(),
            slow: BTreeMap::new(),
            moved: now,
            in_panic: false,
        }
    }

    /// Takes in one line of output.
    pub(crate) fn read(&mut self, line: &str, now: Instant) {
        let line = line.trim();
        self.read_panic(line);
        if let Some(program) = line
            .strip_prefix("Running ")
            .or_else(|| line.strip_prefix("Doc-tests "))
        {
            program.clone_into(&mut self.program);
            self.slow.clear();
            self.moved = now;
        } else if let Some((_, result)) = line.split_once("test result: ") {
            self.count(totals_of(result));
            self.moved = now;
        } else if let Some((_, summary)) = line.split_once(" tests run: ") {
            self.count(totals_of(summary));
            self.moved = now;
        } else if let Some((name, _)) = line.split_once(SLOW_MARK) {
            let name = name.strip_prefix("test ").unwrap_or(name);
            self.slow
                .insert(name.to_owned(), now.checked_sub(SLOW).unwrap_or(now));
        } else if let Some(name) = ended(line) {
            self.slow.remove(name);
            self.moved = now;
        }
    }

    /// A panic's place and message, as the standard library tells them, without the backtrace.
    fn read_panic(&mut self, line: &str) {
        if line.starts_with("thread '") && line.contains(" panicked at ") {
            self.totals.panics.push(line.to_owned());
            self.in_panic = true;
        } else if line.is_empty() || line == "stack backtrace:" || line.starts_with("note: ") {
            self.in_panic = false;
        } else if let (true, Some(panic)) = (self.in_panic, self.totals.panics.last_mut()) {
            panic.push_str("\n  ");
            panic.push_str(line);
        }
    }

    fn count(&mut self, ended: Totals) {
        self.totals = std::mem::take(&mut self.totals) + ended;
    }

    /// The totals up to here.
    pub(crate) fn totals(&self) -> Totals {
        self.totals.clone()
    }

    /// What hangs, in a person's words: no test has ended for `bound`, or one runs for longer.
    pub(crate) fn hung(&self, bound: Duration, now: Instant) -> Option<String> {
        let too_long = |begin: &Instant| now.duration_since(*begin) >= bound;
        if now.duration_since(self.moved) < bound && !self.slow.values().any(too_long) {
            return None;
        }
        let names: Vec<&str> = self.slow.keys().map(String::as_str).collect();
        let names = if names.is_empty() {
            "no test named itself".to_owned()
        } else {
            names.join(", ")
        };
        let program = if self.program.is_empty() {
            "the test run"
        } else {
            &self.program
        };
        Some(format!("hung in {program}: {names}"))
    }
}

/// The name of the test of which the line tells the end.
fn ended(line: &str) -> Option<&str> {
    // nextest: "PASS [   0.010s] package::binary name"
    let nextest = ["PASS [", "FAIL [", "TIMEOUT ["]
        .iter()
        .find_map(|word| line.strip_prefix(word));
    if let Some(rest) = nextest {
        return rest.split_whitespace().last();
    }
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    ["ok", "FAILED", "ignored"]
        .iter()
        .any(|word| result.starts_with(word))
        .then_some(name)
}

/// The numbers before `passed`, `failed`, `ignored` or `skipped`.
fn totals_of(text: &str) -> Totals {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut totals = Totals::default();
    for pair in words.windows(2) {
        let Ok(count) = pair[0].parse::<u64>() else {
            continue;
        };
        match pair[1] {
            "passed" => totals.passed += count,
            "failed" | "timed" => totals.failed += count,
            "ignored" | "skipped" => totals.skipped += count,
            _ => {}
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_mins(4);

    fn read(lines: &[&str], now: Instant) -> Progress {
        let mut progress = Progress::new(now);
        for line in lines {
            progress.read(line, now);
        }
        progress
    }

    #[test]
    fn totals_are_summed_over_all_programs() {
        let progress = read(
            &[
                "     Running unittests src/lib.rs (target/debug/deps/a-1)",
                "test one ... ok",
                "test result: FAILED. 17 passed; 1 failed; 2 ignored; 0 measured; 5 filtered out; finished in 2s",
                "   Doc-tests a",
                "noise test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
            ],
            Instant::now(),
        );
        assert_eq!(
            progress.totals().to_string(),
            "18 passed, 1 failed, 2 skipped"
        );
    }

    #[test]
    fn totals_of_nextest_are_read() {
        let line = "     Summary [  12.345s] 45 tests run: 42 passed (1 slow), 2 failed, 1 timed out, 3 skipped";
        let progress = read(&[line], Instant::now());
        assert_eq!(
            progress.totals(),
            Totals {
                passed: 42,
                failed: 3,
                skipped: 3,
                ..Totals::default()
            }
        );
    }

    #[test]
    fn standstill_is_a_hang_and_names_the_slow_tests() {
        let begin = Instant::now();
        let progress = read(
            &[
                "     Running it/main.rs (target/debug/deps/it-1)",
                "test claim::slow has been running for over 60 seconds",
                "test claim::slower has been running for over 60 seconds",
                "test claim::slow ... ok",
            ],
            begin,
        );
        assert_eq!(progress.hung(BOUND, begin + Duration::from_mins(2)), None);
        assert_eq!(
            progress.hung(BOUND, begin + BOUND).as_deref(),
            Some("hung in it/main.rs (target/debug/deps/it-1): claim::slower")
        );
    }

    #[test]
    fn panics_are_kept_without_their_backtraces() {
        let progress = read(
            &[
                "---- a stdout ----",
                "",
                "thread 'a' (7) panicked at src/a.rs:1:1:",
                "assertion `left == right` failed",
                "  left: 1",
                "stack backtrace:",
                "   0: noise",
                "thread 'b' (8) panicked at src/b.rs:2:2:",
                "in vain",
                "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
                "test a ... FAILED",
            ],
            Instant::now(),
        );
        assert_eq!(
            progress.totals().panics,
            [
                "thread 'a' (7) panicked at src/a.rs:1:1:\n  assertion `left == right` failed\n  left: 1",
                "thread 'b' (8) panicked at src/b.rs:2:2:\n  in vain",
            ]
        );
    }

    #[test]
    fn one_test_hangs_while_others_go_on() {
        let begin = Instant::now();
        let mut progress = read(&["test a has been running for over 60 seconds"], begin);
        let later = begin + Duration::from_mins(3);
        progress.read("test b ... ok", later);
        assert_eq!(
            progress.hung(BOUND, later).as_deref(),
            Some("hung in the test run: a")
        );
    }
}
