//! A compiler for WebAssembly, wherever there is one.
//!
//! Tried in this order: the toolchain in use has the target; rustup adds it; Debian's packages of a newer
//! compiler, which bring the sources of the standard library: it is compiled along, and rustup's linker
//! links it (their compiled library for this target belongs to an older compiler); the one command to type.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use antares_embedded::{install_packages, packages_command};

use super::step;
use crate::setup::{first_line, say};
use crate::{Result, cargo};

/// What browsers run.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// A download of some 20 MB; without a network rustup tries for long.
const RUSTUP_LIMIT: Duration = Duration::from_mins(3);

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// As in console/Cargo.toml: an older compiler does not compile the console.
const OLDEST_MINOR: u32 = 94;

/// What compiles the console.
pub(super) enum Toolchain {
    /// The one in use, with the target.
    InUse,
    /// Debian's, with rustup's linker in this folder.
    Debian { linker_folder: Option<PathBuf> },
}

impl Toolchain {
    /// Its cargo, set up so that a build for the target works.
    pub(super) fn cargo(&self) -> Command {
        let mut command = match self {
            Self::InUse => cargo::cargo(),
            Self::Debian { linker_folder } => {
                let mut command = Command::new(DEBIAN_CARGO);
                command
                    .current_dir(cargo::root())
                    .env("RUSTC", DEBIAN_RUSTC)
                    // Compiling the standard library is not stable.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .args(["-Z", "build-std=std,panic_abort"]);
                if let Some(folder) = linker_folder {
                    command.env("PATH", path_with(folder));
                }
                command
            }
        };
        // Meant for programs of this machine.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        // One code for views of every shape: leptos's own switch for it.
        command.env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            "--cfg erase_components",
        );
        command
    }
}

/// Finds a toolchain, or installs what is missing.
pub(super) fn find_or_install() -> Result<Toolchain> {
    if has_target() {
        say(&format!("console: the toolchain in use has {TARGET}"));
        return Ok(Toolchain::InUse);
    }
    if add_target() {
        return Ok(Toolchain::InUse);
    }
    if let Some(toolchain) = debian() {
        return Ok(toolchain);
    }
    if first_line(Command::new("apt-get").arg("--version")).is_some() {
        // Never at the cost of a compiler that somebody has installed.
        let packages = [&["--no-remove"], &DEBIAN_PACKAGES[..]].concat();
        if let Err(error) = install_packages("console", &packages, &mut say) {
            say(&format!("console: {error}"));
        }
        if let Some(toolchain) = debian() {
            return Ok(toolchain);
        }
    }
    let by_hand = if first_line(Command::new("rustup").arg("--version")).is_some() {
        format!("rustup target add {TARGET}")
    } else {
        packages_command(&DEBIAN_PACKAGES)
    };
    Err(format!("console: there is no Rust compiler for WebAssembly; type: {by_hand}").into())
}

/// Where the toolchain in use keeps its libraries.
fn libraries() -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = first_line(Command::new(rustc).args(["--print", "sysroot"]))?;
    Some(Path::new(&sysroot).join("lib/rustlib"))
}

fn has_target() -> bool {
    libraries().is_some_and(|libraries| libraries.join(TARGET).join("lib").is_dir())
}

fn add_target() -> bool {
    if first_line(Command::new("rustup").arg("--version")).is_none() {
        return false;
    }
    let doing = format!("console: rustup target add {TARGET}");
    let added = step::run(
        &doing,
        Command::new("rustup").args(["target", "add", TARGET]),
        Some(RUSTUP_LIMIT),
    );
    if let Err(error) = added {
        let error = error.to_string();
        let reason = error
            .lines()
            .find(|line| line.starts_with("error"))
            .or(error.lines().last());
        say(&format!(
            "console: rustup cannot add it: {}",
            reason.unwrap_or_default()
        ));
    }
    has_target()
}

/// Debian's compiler, if it is there, new enough and with its sources.
fn debian() -> Option<Toolchain> {
    let version = first_line(Command::new(DEBIAN_RUSTC).arg("--version"))?;
    if minor(&version)? < OLDEST_MINOR || !Path::new(DEBIAN_SOURCES).is_dir() {
        return None;
    }
    first_line(Command::new(DEBIAN_CARGO).arg("--version"))?;
    say(&format!(
        "console: {version} of the system compiles it, and the standard library along"
    ));
    let linker_folder = libraries().and_then(|libraries| {
        let folders = std::fs::read_dir(libraries).ok()?;
        folders
            .filter_map(|folder| Some(folder.ok()?.path().join("bin")))
            .find(|folder| folder.join("rust-lld").exists())
    });
    Some(Toolchain::Debian { linker_folder })
}

/// `Some(96)` of `rustc 1.96.0 (…)`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

fn path_with(folder: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([folder.to_path_buf()]);
    std::env::join_paths(folders).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn minor_version_is_read() {
        assert_eq!(minor("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some(96));
        assert_eq!(minor("no compiler"), None);
    }
}
