//! Where the programs of PostgreSQL are: the search through the usual places, then the installation.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::error::Error;
use crate::{folder, install};

/// The oldest major version supported.
pub const OLDEST_MAJOR: u32 = 14;

/// The environment variable that names the folder and ends the search.
pub const BIN_VARIABLE: &str = "ANTARES_PG_BIN";

/// The programs needed; `psql` is not among them.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// Where packages lay out a folder per version: the parent and what stands before the version.
const VERSION_FOLDERS: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/usr/lib", "postgresql"),
    ("/usr/libexec", "postgresql"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

/// Folders without a version in their name.
const PLAIN_FOLDERS: [&str; 3] = ["/usr/local/pgsql/bin", "/opt/homebrew/bin", "/usr/bin"];

/// A folder with the server programs of one version of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    version: String,
    major: u32,
}

impl Binaries {
    /// Finds PostgreSQL 14 or later, or installs it: the folder in `ANTARES_PG_BIN`, `PATH`, the
    /// usual folders with the newest version first, the platform's packages (as root, or by a `sudo`
    /// that asks for no password), a download. Each step is one line to `progress`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] with the one command to type, when all that failed.
    pub fn locate(progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        Self::locate_major(None, progress)
    }

    /// As [`Binaries::locate`], for an existing data folder: takes the major version that made it
    /// where that is installed.
    pub fn locate_for(data_dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        Self::locate_major(folder::major_of(data_dir), progress)
    }

    /// Downloads PostgreSQL without looking for it first.
    #[cfg(feature = "download")]
    pub fn download(progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        crate::download::postgresql(None, progress)
    }

    /// The programs in `folder`.
    pub fn at(folder: &Path) -> Result<Self, Error> {
        let unusable = |reason| Error::Unusable {
            folder: folder.to_path_buf(),
            reason,
        };
        if let Some(program) = PROGRAMS
            .iter()
            .find(|program| !folder.join(program).is_file())
        {
            return Err(unusable(format!("there is no {program}")));
        }
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| unusable(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
        let version = said
            .split_whitespace()
            .nth(2)
            .unwrap_or_default()
            .to_owned();
        let digits = version
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(version.len());
        let Ok(major) = version[..digits].parse() else {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(unusable(format!(
                "`postgres --version` says {:?}",
                format!("{said}{stderr}").trim()
            )));
        };
        if major < OLDEST_MAJOR {
            return Err(unusable(format!("version {version} is too old")));
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            version,
            major,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version, such as 15.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The path of one of the programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn locate_major(wanted: Option<u32>, progress: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        if let Some(folder) = std::env::var_os(BIN_VARIABLE).filter(|value| !value.is_empty()) {
            let found = Self::at(Path::new(&folder))?;
            progress(&format!("{found} (from {BIN_VARIABLE})"));
            return Ok(found);
        }
        let ways: [Way; 3] = [
            look,
            |wanted, progress| {
                install::postgresql(progress)?;
                look(wanted, progress)
            },
            download,
        ];
        let mut tried = String::new();
        for way in ways {
            match way(wanted, progress) {
                Ok(Some(found)) => {
                    progress(&found.to_string());
                    return Ok(found);
                }
                Ok(None) => {}
                Err(error) => tried = format!("{tried}; {error}"),
            }
        }
        let command = install::postgresql_command();
        Err(Error::NotFound { tried, command })
    }
}

/// A way to come by PostgreSQL, preferably of the major version given.
type Way = fn(Option<u32>, &mut dyn FnMut(&str)) -> Result<Option<Binaries>, Error>;

#[expect(clippy::unnecessary_wraps, reason = "a `Way`")]
fn look(wanted: Option<u32>, progress: &mut dyn FnMut(&str)) -> Result<Option<Binaries>, Error> {
    let path = std::env::var_os("PATH");
    Ok(search(
        &places(path.as_deref(), Path::new("/")),
        wanted,
        progress,
    ))
}

#[cfg(feature = "download")]
fn download(
    wanted: Option<u32>,
    progress: &mut dyn FnMut(&str),
) -> Result<Option<Binaries>, Error> {
    crate::download::postgresql(wanted, progress).map(Some)
}

#[cfg(not(feature = "download"))]
#[expect(clippy::unnecessary_wraps, reason = "a `Way`")]
fn download(_: Option<u32>, _: &mut dyn FnMut(&str)) -> Result<Option<Binaries>, Error> {
    Ok(None)
}

impl fmt::Display for Binaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "postgresql: {} in {}",
            self.version,
            self.folder.display()
        )
    }
}

/// All folders that may hold the programs, in the order of preference. `root` is `/` but in tests.
fn places(path: Option<&OsStr>, root: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for folder in path.into_iter().flat_map(std::env::split_paths) {
        // A link in `/usr/local/bin` leads to the folder with all programs of that version.
        let real = folder.join("postgres").canonicalize().ok();
        places.extend(real.and_then(|program| Some(program.parent()?.to_path_buf())));
        places.push(folder);
    }
    let mut versions = Vec::new();
    for (parent, prefix) in VERSION_FOLDERS {
        let entries = std::fs::read_dir(root.join(&parent[1..]))
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(version) = name.strip_prefix(prefix).and_then(version_number) {
                versions.push((Reverse(version), entry.path().join("bin")));
                versions.push((Reverse(version), entry.path()));
            }
        }
    }
    versions.sort();
    places.extend(versions.into_iter().map(|(_, folder)| folder));
    places.extend(PLAIN_FOLDERS.iter().map(|folder| root.join(&folder[1..])));
    #[cfg(feature = "download")]
    places.extend(crate::download::folders());
    let mut seen = std::collections::HashSet::new();
    places.retain(|folder| folder.join("postgres").is_file() && seen.insert(folder.clone()));
    places
}

/// `"15"` and `"9.6"`, but not `"common"`.
fn version_number(text: &str) -> Option<u32> {
    text.split('.').next()?.parse().ok()
}

/// The first usable of `places`, of major version `wanted` if there is one of that.
fn search(
    places: &[PathBuf],
    wanted: Option<u32>,
    progress: &mut dyn FnMut(&str),
) -> Option<Binaries> {
    let account = Account::unprivileged();
    let mut found: Option<Binaries> = None;
    for place in places {
        match Binaries::at(place) {
            // Such as root's own installation in root's home.
            Ok(_) if account.check_way(place).is_err() => {
                progress(&format!(
                    "postgresql: {} is closed to the user it would run as",
                    place.display()
                ));
            }
            Ok(binaries) if wanted.is_none_or(|major| major == binaries.major) => {
                return Some(binaries);
            }
            Ok(binaries) => found = found.or(Some(binaries)),
            // A client-only `bin` is common and no news; a server that is too old is.
            Err(Error::Unusable { folder, reason }) if reason.ends_with("too old") => {
                progress(&format!("postgresql: {} in {}", reason, folder.display()));
            }
            Err(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
