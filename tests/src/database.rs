//! The PostgreSQL that tests run on.

use std::sync::{Mutex, OnceLock, PoisonError};

use antares_embedded::{Binaries, Options, Postgres};

/// Superuser address of a PostgreSQL that the tests are to use.
const DATABASE_VARIABLE: &str = "ANTARES_TEST_DATABASE_URL";

/// For many small servers in one database.
pub(crate) const SETTINGS: [(&str, &str); 2] = [
    ("max_connections", "300"),
    ("max_locks_per_transaction", "256"),
];

/// The private one of this process. Statics are never dropped: its watchdog stops it and removes its files
/// when the process ends.
static SHARED: OnceLock<Postgres> = OnceLock::new();

/// A PostgreSQL: shared, or the test's own.
#[derive(Debug)]
pub struct Database {
    url: String,
    own: Option<Mutex<Postgres>>,
}

fn start() -> Postgres {
    let binaries = Binaries::locate(&mut |line| eprintln!("{line}")).expect("PostgreSQL is found");
    let options = SETTINGS
        .iter()
        .fold(Options::temporary(), |options, (name, value)| {
            options.set(name, value)
        });
    Postgres::start(&binaries, options).expect("PostgreSQL starts")
}

impl Database {
    /// The one given by the environment, or else one that this process starts at the first call.
    pub fn shared() -> Self {
        let url = std::env::var(DATABASE_VARIABLE)
            .ok()
            .filter(|url| !url.is_empty())
            .unwrap_or_else(|| SHARED.get_or_init(start).url("postgres"));
        Self { url, own: None }
    }

    /// A new one, for a test that kills it.
    pub fn own() -> Self {
        let postgres = start();
        Self {
            url: postgres.url("postgres"),
            own: Some(Mutex::new(postgres)),
        }
    }

    /// Address for the superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a crash does. Only a test's own.
    pub fn kill(&self) {
        self.with_own(|postgres| postgres.kill().expect("PostgreSQL is killed"));
    }

    /// Starts it again after [`Database::kill`], on the same port.
    pub fn restart(&self) {
        self.with_own(|postgres| postgres.restart().expect("PostgreSQL starts again"));
    }

    fn with_own(&self, act: impl FnOnce(&mut Postgres)) {
        let own = self
            .own
            .as_ref()
            .expect("the world has a PostgreSQL of its own");
        act(&mut own.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }
}
