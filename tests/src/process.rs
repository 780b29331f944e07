//! Processes under test: started, signalled, and gone when their value is dropped.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::wait::{BOUND, wait_until};
use crate::{Admin, World};

/// Lines of a log that are kept.
const MOST_LINES: usize = 20_000;
/// Lines shown when a test panics.
const TAIL: usize = 60;

/// Path of a program that cargo builds along with the tests: beside the folder of the test's own, or beside a program
/// of this package.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the program's own path is known");
    let folder = own.parent().expect("a program is in a folder");
    let folder = if folder.ends_with("deps") {
        folder.parent().expect("the test is in target/*/deps")
    } else {
        folder
    };
    folder.join(name)
}

/// A port of 127.0.0.1 that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

type Log = Arc<Mutex<VecDeque<String>>>;

/// A child process. Dropping it kills it; if the test is panicking, the end of its log is printed.
///
/// It also dies with the thread that started it: start processes from the test's own task.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    status: Option<ExitStatus>,
    log: Log,
}

impl Process {
    /// Starts `command`, with its output kept.
    pub fn spawn(name: impl Into<String>, mut command: Command) -> Self {
        let name = name.into();
        // A developer's own settings must not leak into what is tested.
        for (variable, _) in std::env::vars() {
            if variable.starts_with("ANTARES_") || variable == "DATABASE_URL" {
                let is_set = command.get_envs().any(|(key, _)| key == variable.as_str());
                if !is_set {
                    command.env_remove(variable);
                }
            }
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run {}: {error}", command.get_program().display())
            });
        let log = Log::default();
        if let Some(stdout) = child.stdout.take() {
            keep(stdout, Arc::clone(&log));
        }
        if let Some(stderr) = child.stderr.take() {
            keep(stderr, Arc::clone(&log));
        }
        Self {
            name,
            child,
            status: None,
            log,
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its name in messages and records.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its output so far, without colours.
    pub fn log(&self) -> Vec<String> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Waits for a line of its output that holds `text`.
    pub async fn line(&mut self, text: &str) -> String {
        let what = format!("{} says `{text}`", self.name);
        wait_until(&what, BOUND, async || {
            let found = self.log().into_iter().find(|line| line.contains(text));
            match (found, self.exit_status()) {
                (Some(line), _) => Ok(line),
                (None, Some(status)) => {
                    panic!("{} ended before it said `{text}`: {status}", self.name)
                }
                (None, None) => Err(self.log().last().cloned()),
            }
        })
        .await
    }

    fn signal(&mut self, signal: Signal) {
        assert_eq!(
            self.exit_status(),
            None,
            "{} has ended by itself",
            self.name
        );
        let pid = Pid::from_raw(self.child.id() as i32).expect("a process has a number");
        kill_process(pid, signal)
            .unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.status = Some(self.child.wait().expect("a child can be waited for"));
    }

    /// Makes it hang (SIGSTOP).
    pub fn hang(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Process::hang`] (SIGCONT).
    pub fn go_on(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// How it ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be asked");
        }
        self.status
    }

    /// Waits for its end.
    pub async fn ended(&mut self, bound: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        wait_until(&what, bound, async || self.exit_status().ok_or("it runs")).await
    }
}

/// Keeps what a process writes.
fn keep(output: impl Read + Send + 'static, log: Log) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.len() == MOST_LINES {
                log.pop_front();
            }
            log.push_back(plain(&line));
        }
    });
}

/// `line` without escape sequences.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(character);
        }
    }
    text
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended = self.exit_status();
        if ended.is_none() {
            // Both fail only if it has ended meanwhile.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let state = ended.map_or_else(|| "running".to_owned(), |status| status.to_string());
            eprintln!(
                "--- {} (process {}, {state}), end of its log:",
                self.name,
                self.pid()
            );
            for line in log.iter().skip(log.len().saturating_sub(TAIL)) {
                eprintln!("    {line}");
            }
        }
    }
}

/// A replica.
#[derive(Debug)]
pub struct Server {
    pub process: Process,
    url: String,
    admin: Admin,
}

impl Server {
    pub(crate) async fn listening(mut process: Process) -> Self {
        let line = process.line("listening on http://").await;
        let (_, address) = line
            .split_once("listening on ")
            .expect("the line was found by these words");
        let url = address
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        let admin = Admin::new(&url);
        Self {
            process,
            url,
            admin,
        }
    }

    /// Its address, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its `host:port`, as in the table `server`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The API of this very server.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Waits until `/readyz` says 200.
    pub async fn ready(&self) {
        let what = format!("{} is ready", self.process.name());
        wait_until(&what, BOUND, async || match self.admin.readyz().await {
            Some((200, _)) => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// Every id it has had: it gets a new one when it joins again. Newest first.
    pub async fn ids(&self, world: &World) -> Vec<Uuid> {
        sqlx::query_scalar("select id from server where address = $1 order by started_at desc")
            .bind(self.address())
            .fetch_all(world.pool())
            .await
            .expect("servers can be read")
    }

    /// How many buckets it owns now.
    pub async fn buckets(&self, world: &World) -> i64 {
        sqlx::query_scalar(
            "select count(*) from bucket_lease b join server s on s.id = b.owner
             where s.address = $1 and b.expires_at > now()",
        )
        .bind(self.address())
        .fetch_one(world.pool())
        .await
        .expect("buckets can be read")
    }

    /// The value of a counter of `/metrics`.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.admin.text("/metrics").await;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no metric {name} in:\n{text}"))
    }
}

/// A client process on the SDK.
#[derive(Debug)]
pub struct ClientProcess {
    pub process: Process,
}

impl ClientProcess {
    /// Its id now; it gets a new one when it registers again. Waits until it has one.
    pub async fn id(&self, world: &World) -> Uuid {
        let what = format!("{} is registered", self.process.name());
        wait_until(&what, BOUND, async || {
            let id: Option<Uuid> = sqlx::query_scalar(
                "select c.id from client c join client_lease l on l.client_id = c.id and l.expires_at > now()
                 where c.pid = $1 and c.left_at is null order by c.registered_at desc limit 1",
            )
            .bind(i64::from(self.process.pid()))
            .fetch_optional(world.pool())
            .await
            .expect("clients can be read");
            id.ok_or("it is not")
        })
        .await
    }
}
