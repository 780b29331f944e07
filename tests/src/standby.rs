//! A streaming standby of a test's own PostgreSQL.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use antares_embedded::{Account, Binaries};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::database::SETTINGS;
use crate::process::free_port;
use crate::wait::wait_until;
use crate::{Database, Process};

/// Copying and recovery, on a machine that is busy with other things.
const BOUND: Duration = Duration::from_mins(1);

/// A PostgreSQL that follows another, and is gone when its value is dropped.
#[derive(Debug)]
pub struct Standby {
    binaries: Binaries,
    folder: TempDir,
    url: String,
    port: u16,
    process: Process,
}

impl Standby {
    /// Copies `primary`, and follows it.
    pub async fn of(primary: &Database) -> Self {
        let binaries =
            Binaries::locate(&mut |line| eprintln!("{line}")).expect("PostgreSQL is found");
        let folder = tempfile::tempdir().expect("a temporary folder is made");
        // PostgreSQL runs as another user when this is root.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777))
            .expect("the folder is opened");
        let copied = Account::unprivileged()
            .command(binaries.folder().join("pg_basebackup"))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .args(["--dbname", primary.url(), "--pgdata"])
            .arg(folder.path().join("pgdata"))
            .stdin(Stdio::null())
            .output()
            .expect("pg_basebackup runs");
        let said = String::from_utf8_lossy(&copied.stderr);
        assert!(copied.status.success(), "pg_basebackup: {said}");
        let port = free_port();
        let url = with_port(primary.url(), port);
        let process = launch(&binaries, &folder, port);
        let standby = Self {
            binaries,
            folder,
            url,
            port,
            process,
        };
        standby.answers().await;
        standby
    }

    /// Address for the superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after [`Standby::kill`], on the same port.
    pub async fn restart(&mut self) {
        wait_until("the standby starts again", BOUND, async || {
            // It refuses while processes of the killed one are still there.
            if self.process.exit_status().is_some() {
                self.process = launch(&self.binaries, &self.folder, self.port);
            }
            self.connect().await.map(drop)
        })
        .await;
    }

    /// What `sql` selects there, as text.
    pub async fn ask(&self, sql: &'static str) -> String {
        let mut conn = self.connect().await.expect("the standby takes connections");
        sqlx::query_scalar(sql)
            .fetch_one(&mut conn)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Stops replaying what the other writes.
    pub async fn pause(&self) {
        self.ask("select pg_wal_replay_pause()::text").await;
        wait_until("the standby pauses", BOUND, async || {
            let state = self.ask("select pg_get_wal_replay_pause_state()").await;
            if state == "paused" {
                Ok(())
            } else {
                Err(state)
            }
        })
        .await;
    }

    /// Goes on after [`Standby::pause`].
    pub async fn resume(&self) {
        self.ask("select pg_wal_replay_resume()::text").await;
    }

    async fn answers(&self) {
        wait_until("the standby takes connections", BOUND, async || {
            self.connect().await.map(drop)
        })
        .await;
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&self.url).await
    }
}

fn launch(binaries: &Binaries, folder: &TempDir, port: u16) -> Process {
    let mut command = Account::unprivileged().command(binaries.folder().join("postgres"));
    command.arg("-D").arg(folder.path().join("pgdata"));
    let port = port.to_string();
    let own = [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("fsync", "off"),
        ("port", &port),
    ];
    // A standby needs at least what the other has.
    for (name, value) in SETTINGS.into_iter().chain(own) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    Process::spawn("standby", command)
}

/// `url` with another port.
pub(crate) fn with_port(url: &str, port: u16) -> String {
    let (before, after) = url.rsplit_once(':').expect("the address has a port");
    let (_, database) = after.split_once('/').expect("the address has a database");
    format!("{before}:{port}/{database}")
}
