//! What can go wrong, each with the thing it concerns and the remedy.

use std::io;
use std::path::PathBuf;

/// Why there is no PostgreSQL. Every message is meant to be shown to the person as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing found, and nothing could be installed.
    #[error("no PostgreSQL 14 or later was found{tried}; type: {command}")]
    NotFound {
        /// What was tried in vain, starting with `; `, or nothing.
        tried: String,
        /// The one command that mends it.
        command: String,
    },
    /// A folder was named whose programs cannot be used.
    #[error("{folder} holds no usable PostgreSQL 14 or later: {reason}")]
    Unusable {
        /// The folder named.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// PostgreSQL runs as another user, who cannot get at a folder.
    #[error(
        "PostgreSQL refuses to run as root and runs as user {user} instead, who cannot enter {folder}; \
         use a folder outside it, such as one in /var/lib, or type: chmod o+x {folder}"
    )]
    Closed {
        /// The user PostgreSQL would run as.
        user: String,
        /// The first folder on the way that refuses.
        folder: PathBuf,
    },
    /// Another live process runs PostgreSQL on this data folder.
    #[error(
        "the data folder {folder} is in use by process {owner}; stop that one or use another folder"
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The owner's process id as it wrote it down.
        owner: String,
    },
    /// The data folder has files of someone else.
    #[error("{0} is neither empty nor a data folder made by Antares; use an empty or a new folder")]
    NotOurs(PathBuf),
    /// The data was written by another major version.
    #[error(
        "the data folder {folder} was made by PostgreSQL {data}, but {bin} holds version {found}; install \
         PostgreSQL {data} beside it, or name its folder in ANTARES_PG_BIN"
    )]
    VersionMismatch {
        /// The data folder.
        folder: PathBuf,
        /// The major version that made it.
        data: String,
        /// The folder with the programs.
        bin: PathBuf,
        /// Their version.
        found: String,
    },
    /// A program ended with an error.
    #[error("{program} failed: {output}")]
    Failed {
        /// The program.
        program: String,
        /// The end of what it printed.
        output: String,
    },
    /// The server did not come up, go down, or ended by itself.
    #[error("PostgreSQL in {folder} {what}; the end of its log: {log}")]
    Server {
        /// The data folder.
        folder: PathBuf,
        /// What it did or did not do.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// The operating system refused something.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// The reason.
        source: io::Error,
    },
}

/// Names what was tried when the operating system refused.
pub(crate) trait Context<T> {
    /// Turns an I/O error into one that says `what` failed.
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            what: what(),
            source,
        })
    }
}
