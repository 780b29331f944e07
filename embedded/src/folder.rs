//! The data folder: whose it is, who holds it now, and what is in it.
//!
//! | name | what |
//! |---|---|
//! | `owner` | locked by the live owner; holds its process id and a token for the watchdog |
//! | `password` | of the superuser `postgres` |
//! | `pgdata/` | the cluster |
//! | `postgresql.log` | what the server says; `postgresql.log.1` is the part before |

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{Context, Error};

/// A log larger than this is put aside at the next start.
const LOG_BYTES: u64 = 16 * 1024 * 1024;

/// How much of the end of the log an error shows.
const LOG_TAIL_BYTES: u64 = 1500;

/// A data folder held by this process.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// Tells the watchdogs of earlier owners from ours.
    pub(crate) token: String,
    /// Released with the process, however that ends.
    _lock: File,
}

impl Folder {
    /// Makes `path` if need be and takes it for this process.
    pub(crate) fn take(path: &Path, account: &Account) -> Result<Self, Error> {
        let path = std::path::absolute(path).context(|| format!("resolve {}", path.display()))?;
        let is_ours = path.join("owner").exists();
        if !is_ours && path.exists() {
            let mut entries =
                fs::read_dir(&path).context(|| format!("read the folder {}", path.display()))?;
            if entries.next().is_some() {
                return Err(Error::NotOurs(path));
            }
        }
        let parent = path.parent().unwrap_or(&path);
        account.check_way(if is_ours { &path } else { parent })?;
        make_parents(parent, account)?;
        if !path.exists() {
            DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .context(|| format!("create the data folder {}", path.display()))?;
        }
        account.own(&path)?;
        Self::lock(path, account)
    }

    fn lock(path: PathBuf, account: &Account) -> Result<Self, Error> {
        let file = path.join("owner");
        let what = || format!("take {}", file.display());
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .context(what)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = fs::read_to_string(&file).unwrap_or_default();
                let owner = text
                    .split_whitespace()
                    .next()
                    .unwrap_or("unknown")
                    .to_owned();
                return Err(Error::InUse {
                    folder: path,
                    owner,
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io {
                    what: what(),
                    source,
                });
            }
        }
        let token = random_hex(8)?;
        lock.set_len(0).context(what)?;
        writeln!(lock, "{} {token}", std::process::id()).context(what)?;
        account.own(&file)?;
        Ok(Self {
            path,
            token,
            _lock: lock,
        })
    }

    /// The cluster itself.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.path.join("pgdata")
    }

    /// Where the password is kept.
    pub(crate) fn password_file(&self) -> PathBuf {
        self.path.join("password")
    }

    /// The superuser's password; generated on first use.
    pub(crate) fn password(&self, account: &Account) -> Result<String, Error> {
        let file = self.password_file();
        match fs::read_to_string(&file) {
            Ok(password) if !password.trim().is_empty() => return Ok(password.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(Error::Io {
                    what: format!("read {}", file.display()),
                    source,
                });
            }
        }
        let what = || format!("write {}", file.display());
        let password = random_hex(20)?;
        let mut options = OpenOptions::new();
        let mut new = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&file)
            .context(what)?;
        writeln!(new, "{password}").context(what)?;
        account.own(&file)?;
        Ok(password)
    }

    /// The log, opened for appending.
    pub(crate) fn open_log(&self, account: &Account) -> Result<File, Error> {
        let file = self.log_file();
        let what = || format!("open {}", file.display());
        if fs::metadata(&file).is_ok_and(|metadata| metadata.len() > LOG_BYTES) {
            fs::rename(&file, self.path.join("postgresql.log.1")).context(what)?;
        }
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&file)
            .context(what)?;
        account.own(&file)?;
        Ok(log)
    }

    /// The end of the log, from `offset` on at the earliest.
    pub(crate) fn log_tail(&self, offset: u64) -> String {
        let mut text = Vec::new();
        if let Ok(mut log) = File::open(self.log_file()) {
            let length = log.metadata().map_or(0, |metadata| metadata.len());
            let from = offset.max(length.saturating_sub(LOG_TAIL_BYTES));
            let _ = log
                .seek(SeekFrom::Start(from))
                .and_then(|_| log.read_to_end(&mut text));
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// Removes it with all that is in it.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context(|| format!("remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    fn log_file(&self) -> PathBuf {
        self.path.join("postgresql.log")
    }
}

/// The major version that made the cluster in `data_dir`, if there is one.
pub(crate) fn major_of(data_dir: &Path) -> Option<u32> {
    fs::read_to_string(data_dir.join("pgdata/PG_VERSION"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// `bytes` random bytes in hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> Result<String, Error> {
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .context(|| "read /dev/urandom".to_owned())?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Makes the missing folders on the way, so that `account` can walk them whatever the umask.
fn make_parents(parent: &Path, account: &Account) -> Result<(), Error> {
    let mut missing: Vec<&Path> = parent
        .ancestors()
        .take_while(|folder| !folder.exists())
        .collect();
    while let Some(folder) = missing.pop() {
        fs::create_dir(folder).context(|| format!("create the folder {}", folder.display()))?;
        account.open(folder)?;
    }
    Ok(())
}
