//! The user as whom PostgreSQL runs: this one, or an unprivileged one when this one is root.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Context, Error};

/// The `nobody` of every Linux and BSD.
const NOBODY: u32 = 65534;

/// A user to run programs as.
#[derive(Debug, Clone)]
pub struct Account {
    /// `None`: as this process.
    other: Option<Other>,
}

#[derive(Debug, Clone)]
struct Other {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// This user; under root `postgres`, or `nobody` where there is no such user.
    pub fn unprivileged() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self { other: None };
        }
        let other = match (id("-u"), id("-g")) {
            (Some(uid), Some(gid)) => Other {
                name: "postgres".to_owned(),
                uid,
                gid,
            },
            _ => Other {
                name: "nobody".to_owned(),
                uid: NOBODY,
                gid: NOBODY,
            },
        };
        Self { other: Some(other) }
    }

    /// The user for a data folder: its owner where root meets one that a user has made.
    pub(crate) fn for_folder(folder: &Path) -> Self {
        let account = Self::unprivileged();
        let owner = folder
            .join("owner")
            .metadata()
            .map(|file| (file.uid(), file.gid()));
        match (&account.other, owner) {
            (Some(other), Ok((uid, gid))) if uid != 0 && uid != other.uid => Self {
                other: Some(Other {
                    name: format!("with the id {uid}"),
                    uid,
                    gid,
                }),
            },
            _ => account,
        }
    }

    /// A command that runs as this user, with nothing of the caller's PostgreSQL settings.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        if let Some(other) = &self.other {
            command
                .uid(other.uid)
                .gid(other.gid)
                .env("HOME", "/")
                .current_dir("/");
        }
        command
    }

    /// Gives `path` to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match &self.other {
            None => Ok(()),
            Some(other) => chown(path, Some(other.uid), Some(other.gid))
                .context(|| format!("give {} to user {}", path.display(), other.name)),
        }
    }

    /// Lets this user walk through `folder`, which this process has just made.
    pub(crate) fn open(&self, folder: &Path) -> Result<(), Error> {
        match &self.other {
            None => Ok(()),
            Some(_) => std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755))
                .context(|| format!("set the mode of {}", folder.display())),
        }
    }

    /// Fails with the first folder on the way to `path` (itself included, if it exists) that this
    /// user cannot enter.
    pub(crate) fn check_way(&self, path: &Path) -> Result<(), Error> {
        let Some(other) = &self.other else {
            return Ok(());
        };
        let mut way: Vec<&Path> = path.ancestors().filter(|folder| folder.is_dir()).collect();
        way.reverse();
        for folder in way {
            // By trying, not by the mode: the kernel also asks access lists and mount options.
            let entered = self
                .command("/bin/sh")
                .args(["-c", "cd \"$1\"", "sh"])
                .arg(folder)
                .stderr(Stdio::null())
                .status()
                .context(|| "run /bin/sh".to_owned())?;
            if !entered.success() {
                return Err(Error::Closed {
                    user: other.name.clone(),
                    folder: folder.to_path_buf(),
                });
            }
        }
        Ok(())
    }
}

/// Asks for a number of the user `postgres`; by the program, which knows every user database.
fn id(flag: &str) -> Option<u32> {
    let output = Command::new("id")
        .args([flag, "postgres"])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .ok()
        .filter(|&id| id != 0)
}
