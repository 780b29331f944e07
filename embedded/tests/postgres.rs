//! Real servers: started, stopped, killed, left behind and found again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use antares_embedded::{Binaries, Error, Options, Postgres};

/// A folder in the system's temporary folder that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("antares-embedded-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn binaries() -> Binaries {
    Binaries::locate(&mut |line| eprintln!("{line}")).unwrap()
}

fn start(options: Options) -> Postgres {
    Postgres::start(&binaries(), options).unwrap()
}

fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended: it only waits to be counted.
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Waits without a pause in between: the condition itself takes its time.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "not within 30 s: {what}"
        );
        std::thread::yield_now();
    }
}

fn signal(name: &str, pid: u32) {
    assert!(
        Command::new("kill")
            .args([name, &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Another process as the owner: returns it with the address and the process id of its server.
fn given_other_owner(arguments: &[&Path]) -> (Child, String, u32) {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_antares-postgres"))
        .arg("run")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let (url, pid) = line.trim().split_once(' ').unwrap();
    (owner, url.to_owned(), pid.parse().unwrap())
}

#[test]
fn temporary_server_leaves_nothing() {
    let mut postgres = start(Options::temporary());
    let (folder, port, pid) = (
        postgres.data_dir().to_path_buf(),
        postgres.port(),
        postgres.pid().unwrap(),
    );
    assert!(accepts(port));
    postgres.stop().unwrap();
    assert!(!accepts(port));
    assert!(!is_running(pid));
    assert!(!folder.exists());
}

#[test]
fn dropped_server_stops() {
    let mut postgres = start(Options::temporary());
    let (folder, pid) = (postgres.data_dir().to_path_buf(), postgres.pid().unwrap());
    drop(postgres);
    assert!(!is_running(pid));
    assert!(!folder.exists());
}

#[test]
fn persistent_server_keeps_its_data_and_password() {
    let scratch = Scratch::new("persistent");
    let first = start(Options::persistent(scratch.data()));
    let password = |postgres: &Postgres| {
        let url = postgres.url("postgres");
        url.split(['/', ':', '@']).nth(4).unwrap().to_owned()
    };
    let before = password(&first);
    assert_eq!(before.len(), 40);
    first.stop().unwrap();
    let made = fs::metadata(scratch.data().join("pgdata/PG_VERSION"))
        .unwrap()
        .mtime();
    let second = start(Options::persistent(scratch.data()));
    assert_eq!(password(&second), before);
    assert_eq!(
        fs::metadata(scratch.data().join("pgdata/PG_VERSION"))
            .unwrap()
            .mtime(),
        made
    );
    second.stop().unwrap();
}

#[test]
fn secrets_and_data_are_closed_to_others() {
    let scratch = Scratch::new("closed");
    let postgres = start(Options::persistent(scratch.data()));
    let mode = |name: &str| fs::metadata(scratch.data().join(name)).unwrap().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("password"), mode("owner"), mode("pgdata")),
        (0o700, 0o600, 0o600, 0o700)
    );
    let rules = fs::read_to_string(scratch.data().join("pgdata/pg_hba.conf")).unwrap();
    let rules: Vec<&str> = rules
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    assert!(
        !rules.is_empty() && rules.iter().all(|rule| rule.ends_with("scram-sha-256")),
        "{rules:?}"
    );
    postgres.stop().unwrap();
}

#[test]
fn killed_server_comes_back_on_its_port() {
    let mut postgres = start(Options::temporary());
    let (port, pid) = (postgres.port(), postgres.pid().unwrap());
    postgres.kill().unwrap();
    assert!(!is_running(pid));
    assert!(!accepts(port));
    assert_eq!(postgres.pid(), None);
    postgres.restart().unwrap();
    assert_eq!(postgres.port(), port);
    assert!(accepts(port));
    postgres.stop().unwrap();
}

#[test]
fn server_killed_by_someone_else_comes_back() {
    let mut postgres = start(Options::temporary());
    let pid = postgres.pid().unwrap();
    signal("-KILL", pid);
    eventually("the server has ended", || postgres.pid().is_none());
    postgres.restart().unwrap();
    assert!(accepts(postgres.port()));
    postgres.stop().unwrap();
}

#[test]
fn restart_of_a_running_server_makes_a_new_process() {
    let mut postgres = start(Options::temporary());
    let pid = postgres.pid().unwrap();
    postgres.restart().unwrap();
    assert_ne!(postgres.pid().unwrap(), pid);
    postgres.stop().unwrap();
}

#[test]
fn server_and_folder_go_when_the_owner_is_killed() {
    let (mut owner, _, pid) = given_other_owner(&[]);
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    let folder = folder.parent().unwrap();
    assert!(folder.join("owner").exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("the server has ended", || !is_running(pid));
    eventually("the folder is gone", || !folder.exists());
}

#[test]
fn folder_of_a_killed_owner_is_taken_over_at_once() {
    let scratch = Scratch::new("takeover");
    let data = scratch.data();
    let (mut owner, _, pid) = given_other_owner(&[&data]);
    owner.kill().unwrap();
    owner.wait().unwrap();
    let mut postgres = start(Options::persistent(&data));
    let new = postgres.pid().unwrap();
    assert!(!is_running(pid));
    // The watchdog of the dead owner, still about, must not take the new server for the old one.
    eventually("the old watchdog has gone", || {
        !watchdog_exists(&data, Some(new))
    });
    assert_eq!(postgres.pid(), Some(new));
    postgres.stop().unwrap();
    eventually("no watchdog is left", || !watchdog_exists(&data, None));
}

/// Whether a watchdog over `data` runs, other than that of this process's server `but_of`.
fn watchdog_exists(data: &Path, but_of: Option<u32>) -> bool {
    let ours = but_of.and_then(|_| fs::read_to_string(data.join("owner")).ok());
    let ours = ours
        .as_deref()
        .and_then(|text| text.split_whitespace().nth(1));
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        command.contains("antares-postgres-watchdog")
            && command.contains(&*data.to_string_lossy())
            && ours.is_none_or(|token| !command.contains(token))
    })
}

#[test]
fn stale_pid_file_is_no_obstacle() {
    let scratch = Scratch::new("stale");
    start(Options::persistent(scratch.data())).stop().unwrap();
    // The number of a dead postmaster, long since given to another process: this one.
    let me = std::process::id();
    let file = scratch.data().join("pgdata/postmaster.pid");
    fs::write(&file, format!("{me}\n/nowhere\n1\n1\n\n\n\nready\n")).unwrap();
    let postgres = start(Options::persistent(scratch.data()));
    assert!(accepts(postgres.port()));
    postgres.stop().unwrap();
}

#[test]
fn second_live_owner_is_refused() {
    let scratch = Scratch::new("second");
    let first = start(Options::persistent(scratch.data()));
    let error = Postgres::start(&binaries(), Options::persistent(scratch.data())).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains(&format!("is in use by process {}", std::process::id())),
        "{message}"
    );
    assert!(accepts(first.port()));
    first.stop().unwrap();
}

#[test]
fn folder_of_someone_else_is_left_alone() {
    let scratch = Scratch::new("foreign");
    fs::write(scratch.0.join("letter"), "dear").unwrap();
    let before = fs::metadata(&scratch.0).unwrap();
    let error = Postgres::start(&binaries(), Options::persistent(&scratch.0)).unwrap_err();
    assert!(matches!(error, Error::NotOurs(_)), "{error}");
    let after = fs::metadata(&scratch.0).unwrap();
    assert_eq!((before.uid(), before.mode()), (after.uid(), after.mode()));
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[test]
fn data_of_another_version_is_refused_and_kept() {
    let scratch = Scratch::new("version");
    start(Options::persistent(scratch.data())).stop().unwrap();
    fs::write(scratch.data().join("pgdata/PG_VERSION"), "12\n").unwrap();
    let error = Postgres::start(&binaries(), Options::persistent(scratch.data()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("was made by PostgreSQL 12"), "{error}");
    assert!(scratch.data().join("pgdata/base").exists());
}

#[test]
fn taken_port_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut options = Options::temporary();
    let port = taken.local_addr().unwrap().port();
    options.port = Some(port);
    let folder = options.data_dir.clone();
    let error = Postgres::start(&binaries(), options)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!("did not start, since port {port} is taken")),
        "{error}"
    );
    assert!(!folder.exists());
}

#[test]
fn bad_setting_shows_the_words_of_the_server() {
    let options = Options::temporary().set("shared_buffers", "much");
    let folder = options.data_dir.clone();
    let error = Postgres::start(&binaries(), options)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("invalid value for parameter \"shared_buffers\""),
        "{error}"
    );
    assert!(!folder.exists());
}

/// Only root runs PostgreSQL as someone else, who may be shut out.
#[test]
fn closed_folder_is_named_before_anything_is_made() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let scratch = Scratch::new("way");
    let closed = scratch.0.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let error =
        Postgres::start(&binaries(), Options::persistent(closed.join("a/data"))).unwrap_err();
    let Error::Closed { ref folder, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(folder, &closed);
    assert_eq!(fs::read_dir(&closed).unwrap().count(), 0);
}

#[test]
fn missing_parents_are_made_under_any_umask() {
    let scratch = Scratch::new("umask");
    let data = scratch.0.join("a/b/data");
    let mut owner = Command::new("sh")
        .args([
            "-c",
            "umask 077; exec \"$0\" run \"$1\"",
            env!("CARGO_BIN_EXE_antares-postgres"),
        ])
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(owner.wait().unwrap().success());
    assert!(data.join("pgdata/PG_VERSION").exists());
}
