//! A private PostgreSQL for Antares: finds or installs the server's programs, and runs one server
//! that belongs to this process.
//!
//! The server listens on 127.0.0.1 alone, asks for a generated password, keeps all its files in one
//! folder, runs as an unprivileged user when this process is root, and stops when its owner ends,
//! be it by SIGKILL.
//!
//! ```no_run
//! use antares_embedded::{Binaries, Options, Postgres};
//!
//! let binaries = Binaries::locate(&mut |line| eprintln!("{line}"))?;
//! let postgres = Postgres::start(&binaries, Options::temporary())?;
//! println!("{}", postgres.url("postgres"));
//! postgres.stop()?;
//! # Ok::<(), antares_embedded::Error>(())
//! ```
//!
//! Everything here blocks: call it from a thread of its own in an asynchronous program.

mod account;
mod binaries;
mod command;
#[cfg(feature = "download")]
mod download;
mod error;
mod folder;
mod install;
mod postgres;
mod process;
mod watchdog;

pub use account::Account;
pub use binaries::{BIN_VARIABLE, Binaries, OLDEST_MAJOR};
pub use command::{run_with_progress, try_sudo};
pub use error::Error;
pub use install::{install_packages, packages_command};
pub use postgres::{Options, Postgres};
