//! One private server: started, stopped, killed and started again by its owner.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::{Context, Error};
use crate::folder::{self, Folder};
use crate::process::{Postmaster, is_alive, signal, wait_for};
use crate::watchdog::Watchdog;

/// How long a fast stop may take before it becomes an immediate one.
const STOP_BOUND: Duration = Duration::from_mins(1);

/// How long the processes of a killed server may take to end.
const KILL_BOUND: Duration = Duration::from_secs(20);

/// How often a free port may be taken by someone else before the server has it.
const PORT_TRIES: u32 = 8;

/// How to run a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for everything the server keeps. Made by the first start.
    pub data_dir: PathBuf,
    /// The port on 127.0.0.1; `None` for a free one.
    pub port: Option<u16>,
    /// Settings as in `postgresql.conf`; a later one overrides an earlier one of the same name.
    pub settings: Vec<(String, String)>,
    /// Whether the data folder is removed in the end.
    pub temporary: bool,
    /// How long the start may take. A server that recovers from a crash needs its time.
    pub start_timeout: Duration,
}

impl Options {
    /// A server whose data in `data_dir` stays.
    pub fn persistent(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            port: None,
            settings: Vec::new(),
            temporary: false,
            start_timeout: Duration::from_mins(10),
        }
    }

    /// A server in a new folder in the system's temporary folder, for tests: it does not wait for
    /// the disk, so it survives the death of its processes, but not that of the machine.
    pub fn temporary() -> Self {
        let unique = folder::random_hex(6).unwrap_or_else(|_| "0".to_owned());
        let name = format!("antares-postgres-{}-{unique}", std::process::id());
        let mut options = Self::persistent(std::env::temp_dir().join(name));
        options.temporary = true;
        options.set("fsync", "off").set("full_page_writes", "off")
    }

    /// Adds a setting.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running server of which this process is the owner. Dropping it stops the server.
#[derive(Debug)]
pub struct Postgres {
    binaries: Binaries,
    options: Options,
    account: Account,
    folder: Folder,
    password: String,
    port: u16,
    server: Option<Child>,
    watchdog: Option<Watchdog>,
}

impl Postgres {
    /// Starts a server and waits until it accepts connections. A server that a dead owner left
    /// running on the same folder is stopped first.
    pub fn start(binaries: &Binaries, options: Options) -> Result<Self, Error> {
        let account = Account::for_folder(&options.data_dir);
        account.check_way(binaries.folder())?;
        let folder = Folder::take(&options.data_dir, &account)?;
        let mut postgres = Self {
            binaries: binaries.clone(),
            account,
            password: String::new(),
            port: 0,
            server: None,
            watchdog: None,
            folder,
            options,
        };
        let temporary = postgres.options.temporary;
        postgres.watchdog = Some(Watchdog::start(
            &postgres.folder,
            temporary,
            &postgres.account,
        )?);
        postgres.password = postgres.folder.password(&postgres.account)?;
        postgres.stop_leftover()?;
        postgres.check_version()?;
        postgres.make_cluster()?;
        postgres.launch(postgres.options.port)?;
        Ok(postgres)
    }

    /// The address of `database` for the superuser, password included; `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The port on 127.0.0.1, the same for the whole life of this value.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.folder.path
    }

    /// The programs in use.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The process id of the server's first process; `None` once it has ended, by our doing or not.
    pub fn pid(&mut self) -> Option<u32> {
        let server = self.server.as_mut()?;
        matches!(server.try_wait(), Ok(None)).then(|| server.id())
    }

    /// Stops the server in order, closing the connections, and removes a temporary folder.
    pub fn stop(mut self) -> Result<(), Error> {
        self.finish()
    }

    /// Ends the server as a crash does: no checkpoint, connections cut. [`Postgres::restart`] brings
    /// it back.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.end(Signal::QUIT)
    }

    /// Starts the server again on the same port, stopping it first if it runs.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.end(Signal::INT)?;
        self.launch(Some(self.port))
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.end(Signal::INT)?;
        if self.options.temporary {
            self.folder.remove()?;
        }
        if let Some(mut watchdog) = self.watchdog.take() {
            watchdog.dismiss();
        }
        Ok(())
    }

    fn stop_leftover(&self) -> Result<(), Error> {
        let cluster = self.folder.cluster();
        let Some(postmaster) = Postmaster::read(&cluster) else {
            return Ok(());
        };
        if !is_alive(postmaster.pid) {
            return Ok(());
        }
        // A postmaster lives in its data folder: anything else has only got a dead one's number.
        let home = std::fs::read_link(format!("/proc/{}/cwd", postmaster.pid));
        if home.is_ok_and(|home| Some(home) != cluster.canonicalize().ok()) {
            let file = cluster.join("postmaster.pid");
            return std::fs::remove_file(&file).context(|| format!("remove {}", file.display()));
        }
        signal(postmaster.pid, Signal::INT);
        match wait_for(STOP_BOUND, || (!is_alive(postmaster.pid)).then_some(())) {
            Some(()) => Ok(()),
            None => Err(self.failure(
                &format!("still runs as process {} and does not stop", postmaster.pid),
                0,
            )),
        }
    }

    fn check_version(&self) -> Result<(), Error> {
        match folder::major_of(&self.folder.path) {
            Some(major) if major != self.binaries.major() => Err(Error::VersionMismatch {
                folder: self.folder.path.clone(),
                data: major.to_string(),
                bin: self.binaries.folder().to_path_buf(),
                found: self.binaries.version().to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Makes the cluster beside its place and moves it there, so that a half-made one never counts.
    fn make_cluster(&self) -> Result<(), Error> {
        let cluster = self.folder.cluster();
        if cluster.exists() {
            return Ok(());
        }
        // Bytewise order is fastest and the same everywhere; upper and lower case as in Unicode
        // where the C library knows how.
        if self.initdb(&["--locale=C", "--lc-ctype=C.UTF-8"]).is_err() {
            self.initdb(&["--locale=C"])?;
        }
        std::fs::rename(self.half_made(), &cluster)
            .context(|| format!("create {}", cluster.display()))
    }

    fn initdb(&self, locale: &[&str]) -> Result<(), Error> {
        let half_made = self.half_made();
        if half_made.exists() {
            std::fs::remove_dir_all(&half_made)
                .context(|| format!("remove {}", half_made.display()))?;
        }
        let program = self.binaries.program("initdb");
        let mut command = self.account.command(&program);
        command
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-instructions",
            ])
            .arg(if self.options.temporary {
                "--no-sync"
            } else {
                "--data-checksums"
            })
            .args(locale)
            .arg("--pwfile")
            .arg(self.folder.password_file())
            .arg("--pgdata")
            .arg(&half_made)
            .current_dir(&self.folder.path);
        crate::command::run_with_progress("initdb", &mut command, &mut |_| {}).map(drop)
    }

    fn half_made(&self) -> PathBuf {
        self.folder.path.join("pgdata.new")
    }

    /// Starts the server on `port` or a free one, and waits until it is ready.
    fn launch(&mut self, port: Option<u16>) -> Result<(), Error> {
        let begin = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            self.port = match port {
                Some(port) => port,
                None => free_port()?,
            };
            let (status, log) = match self.try_launch()? {
                Outcome::Ready => return Ok(()),
                Outcome::Ended(status, log) => (status, log),
            };
            let is_port_taken = log.contains("could not bind");
            // Processes of a server killed a moment ago have not all ended yet.
            let is_haunted = log.contains("pre-existing shared memory block");
            let again = (is_port_taken && port.is_none() && tries < PORT_TRIES)
                || (is_haunted && begin.elapsed() < KILL_BOUND);
            if !again {
                let what = match (is_port_taken, port) {
                    (true, Some(port)) => format!("did not start, since port {port} is taken"),
                    _ => format!("did not start ({status})"),
                };
                return Err(Error::Server {
                    folder: self.folder.path.clone(),
                    what,
                    log,
                });
            }
        }
    }

    fn try_launch(&mut self) -> Result<Outcome, Error> {
        let log = self.folder.open_log(&self.account)?;
        let offset = log.metadata().map_or(0, |metadata| metadata.len());
        let errors = log.try_clone().context(|| "share the log".to_owned())?;
        let program = self.binaries.program("postgres");
        let mut command = self.account.command(&program);
        command
            .arg("-D")
            .arg(self.folder.cluster())
            .current_dir(&self.folder.path);
        let port = self.port.to_string();
        let fixed = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
            ("port", &port),
        ];
        let chosen = self
            .options
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in chosen.chain(fixed) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // Its own process group: Ctrl-C must not end it before the owner has drained.
        let server = command.stdout(log).stderr(errors).process_group(0).spawn();
        let server = self
            .server
            .insert(server.context(|| format!("run {}", program.display()))?);
        let (pid, cluster) = (server.id(), self.folder.cluster());
        let outcome = wait_for(self.options.start_timeout, || match server.try_wait() {
            Ok(Some(status)) => Some(Some(status)),
            Ok(None) => {
                let postmaster = Postmaster::read(&cluster)?;
                (postmaster.pid == pid && postmaster.is_ready).then_some(None)
            }
            Err(_) => Some(None),
        });
        match outcome {
            Some(None) => Ok(Outcome::Ready),
            Some(Some(status)) => {
                self.server = None;
                Ok(Outcome::Ended(status, self.folder.log_tail(offset)))
            }
            None => {
                let error = self.failure("did not come up in time", offset);
                self.end(Signal::QUIT)?;
                Err(error)
            }
        }
    }

    /// Signals the server and waits for its end, with stronger signals when it takes too long.
    fn end(&mut self, first: Signal) -> Result<(), Error> {
        let Some(server) = self.server.as_mut() else {
            return Ok(());
        };
        let bounds = [
            (first, STOP_BOUND),
            (Signal::QUIT, KILL_BOUND),
            (Signal::KILL, KILL_BOUND),
        ];
        for (signal_sent, bound) in bounds {
            // Not yet waited for, so the id is still this child's.
            signal(server.id(), signal_sent);
            let ended = wait_for(bound, || match server.try_wait() {
                Ok(None) => None,
                Ok(Some(_)) | Err(_) => Some(()),
            });
            if ended.is_some() {
                self.server = None;
                return Ok(());
            }
        }
        Err(self.failure("does not stop", 0))
    }

    fn failure(&self, what: &str, offset: u64) -> Error {
        Error::Server {
            folder: self.folder.path.clone(),
            what: what.to_owned(),
            log: self.folder.log_tail(offset),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What cannot be stopped here is left to the watchdog, whose pipe closes with this value.
        let _ = self.finish();
    }
}

/// How an attempt to start ended.
enum Outcome {
    Ready,
    /// With the code and the end of its log.
    Ended(ExitStatus, String),
}

/// A port that nobody listens on at this moment.
fn free_port() -> Result<u16, Error> {
    let what = || "find a free port on 127.0.0.1".to_owned();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context(what)?;
    listener
        .local_addr()
        .map(|address| address.port())
        .context(what)
}
