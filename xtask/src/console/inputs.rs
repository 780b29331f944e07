//! What the console is made of, as one number: the same number, the same console.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::bundle::hex;
use crate::{Result, cargo};

/// What this program does with the sources counts as well.
const MAKERS: [&str; 3] = [
    include_str!("../console.rs"),
    include_str!("bundle.rs"),
    include_str!("toolchain.rs"),
];

/// The fingerprint of everything that goes into `console/dist`.
pub(super) fn fingerprint(console: &Path) -> Result<String> {
    let protocol = cargo::root().join("protocol");
    let mut files = Vec::new();
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "boot.js",
        "icon.svg",
        "index.html",
    ] {
        files.push(console.join(name));
    }
    files.push(protocol.join("Cargo.toml"));
    for folder in [
        console.join("src"),
        console.join("style"),
        protocol.join("src"),
    ] {
        collect(&folder, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in &files {
        let content =
            fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let name = file.strip_prefix(cargo::root()).unwrap_or(file);
        hash.update(name.as_os_str().as_encoded_bytes());
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    for maker in MAKERS {
        hash.update(maker);
    }
    Ok(hex(&hash.finalize()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
