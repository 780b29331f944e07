//! A PgBouncer between a test's servers and PostgreSQL.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use antares_embedded::Account;
use tempfile::TempDir;

use crate::process::free_port;
use crate::standby::with_port;
use crate::{Database, Process};

/// Where `cargo xtask setup` found the program.
const PROGRAM_VARIABLE: &str = "ANTARES_PGBOUNCER";
/// Where packages put it; not every user has it in `PATH`.
const USUAL: [&str; 3] = [
    "/usr/sbin/pgbouncer",
    "/usr/bin/pgbouncer",
    "/usr/local/bin/pgbouncer",
];

/// A PgBouncer, gone when its value is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    pub process: Process,
    url: String,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one before `database` that lends sessions by `mode`: `session`, `transaction` or `statement`.
    /// It refuses startup parameters; `settings` are more lines of its file.
    pub async fn start(database: &Database, mode: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder is made");
        // It runs as another user when this is root, which it refuses to be.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))
            .expect("the folder is opened");
        let port = free_port();
        let url = database.url();
        let (user, password, place) = parts(url);
        let (host, server_port) = place.split_once(':').expect("the address has a port");
        let text = format!(
            "[databases]
             * = host={host} port={server_port} user={user} password={password}
             [pgbouncer]
             listen_addr = 127.0.0.1
             listen_port = {port}
             unix_socket_dir =
             auth_type = any
             pool_mode = {mode}
             {settings}
            "
        );
        let text: Vec<&str> = text.lines().map(str::trim).collect();
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, text.join("\n")).expect("the file is written");
        let mut command = Account::unprivileged().command(program());
        command.arg(&file);
        let mut process = Process::spawn(format!("pgbouncer ({mode})"), command);
        process.line("process up").await;
        Self {
            process,
            url: with_port(url, port),
            _folder: folder,
        }
    }

    /// Address of the same database through it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// User, password and `host:port` of an address.
fn parts(url: &str) -> (&str, &str, &str) {
    let (_, rest) = url.split_once("://").expect("an address has a scheme");
    let (credentials, place) = rest.rsplit_once('@').expect("the address has a user");
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let (place, _) = place.split_once('/').expect("the address has a database");
    (user, password, place)
}

fn program() -> PathBuf {
    let given = std::env::var_os(PROGRAM_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let usual = USUAL.iter().map(PathBuf::from);
    given
        .into_iter()
        .chain(usual)
        .find(|program| program.is_file())
        .expect("there is no pgbouncer, which the tests of poolers need; type: cargo xtask setup")
}
