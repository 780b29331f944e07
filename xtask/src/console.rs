//! `cargo xtask console`: compiles the console to WebAssembly and lays the files that the server embeds
//! into `console/dist`.
//!
//! Needs no tool but a compiler for `wasm32-unknown-unknown`, which it gets by itself where it can: see
//! `toolchain`. The JavaScript that loads the module is made by a crate that is linked in here.

mod bundle;
mod inputs;
mod step;
mod toolchain;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::setup::say;
use crate::{Result, cargo};
use bundle::{Bundle, Kind};

/// What all of it may weigh over the wire.
const BUDGET_BYTES: usize = 700_000;

/// Where cargo builds the console as a program of this machine, for its tests and lints.
pub(crate) const HOST: [&str; 2] = ["--target-dir", "target/console-host"];

/// Builds `console/dist` unless it was made of these very sources.
pub(crate) fn build() -> Result<()> {
    let begin = Instant::now();
    let console = cargo::root().join("console");
    let target = console.join("target");
    fs::create_dir_all(&target)?;
    // Two of these at once would overwrite each other's files. The system lets go when this process ends.
    let lock = File::create(target.join("xtask.lock"))?;
    if lock.try_lock().is_err() {
        say("console: another process is building it; waiting");
        lock.lock()?;
    }
    let dist = console.join("dist");
    let inputs = inputs::fingerprint(&console)?;
    if bundle::is_current(&dist, &inputs) {
        say("console: up to date");
        return Ok(());
    }
    check_bindgen_version(&fs::read_to_string(console.join("Cargo.lock"))?)?;
    let module = compile(&console, &target)?;
    let bundle = assemble(&console, &target, &module)?;
    let sent = bundle.sent_bytes();
    if sent > BUDGET_BYTES {
        return Err(format!(
            "console: {sent} bytes compressed are above the budget of {BUDGET_BYTES}"
        )
        .into());
    }
    bundle.write(&target.join("dist.new"), &dist, &inputs)?;
    say(&format!(
        "console: {} kB compressed in console/dist ({} s)",
        sent.div_ceil(1_000),
        begin.elapsed().as_secs()
    ));
    Ok(())
}

/// Compiles the crate; returns the path of the module.
fn compile(console: &Path, target: &Path) -> Result<PathBuf> {
    let toolchain = toolchain::find_or_install()?;
    let mut command = toolchain.cargo();
    command
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            toolchain::TARGET,
        ])
        .arg("--manifest-path")
        .arg(console.join("Cargo.toml"))
        // Not the caller's: the module must be found again, and two builds must not meet.
        .arg("--target-dir")
        .arg(target);
    step::run("console: compiling to WebAssembly", &mut command, None)?;
    let module = format!("{}/release/antares-console.wasm", toolchain::TARGET);
    Ok(target.join(module))
}

/// Makes all files of the console out of the module and the sources.
fn assemble(console: &Path, target: &Path, module: &Path) -> Result<Bundle> {
    say("console: making the JavaScript glue and compressing");
    let glue_folder = target.join("glue");
    // What an earlier build left would be taken for this one's.
    let _ = fs::remove_dir_all(&glue_folder);
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(module)
        .out_name("console")
        .web(true)
        .map_err(|error| format!("console: {error:#}"))?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .generate(&glue_folder)
        .map_err(|error| format!("console: cannot make the glue: {error:#}"))?;
    if glue_folder.join("snippets").exists() {
        return Err(
            "console: a dependency brings JavaScript of its own, which is not laid out yet".into(),
        );
    }

    let mut bundle = Bundle::default();
    let glue = fs::read(glue_folder.join("console.js"))?;
    bundle.add("console.js", Kind::Hashed, glue)?;
    // Not through wasm-opt: compressed, that was 114 bytes of 232,093 smaller, and the version that Debian
    // has confuses the module's tables, which only a browser notices.
    let module = fs::read(glue_folder.join("console_bg.wasm"))?;
    bundle.add("console.wasm", Kind::Hashed, module)?;
    for name in ["boot.js", "icon.svg"] {
        bundle.add(name, Kind::Hashed, fs::read(console.join(name))?)?;
    }
    let styles = styles(&console.join("style"))?;
    bundle.add("main.css", Kind::Hashed, styles.into_bytes())?;
    let page = bundle.link(&fs::read_to_string(console.join("index.html"))?)?;
    bundle.add("index.html", Kind::Page, page.into_bytes())?;
    Ok(bundle)
}

/// The style sheets in the order in which `main.css` imports them, as one.
fn styles(folder: &Path) -> Result<String> {
    let mut styles = String::new();
    for line in fs::read_to_string(folder.join("main.css"))?.lines() {
        let import = line
            .strip_prefix("@import \"")
            .and_then(|rest| rest.strip_suffix("\";"));
        if let Some(name) = import {
            styles.push_str(&fs::read_to_string(folder.join(name))?);
        }
    }
    Ok(styles)
}

/// The glue is good for the very version of wasm-bindgen that the module was compiled with.
fn check_bindgen_version(lock: &str) -> Result<()> {
    let here = include_str!("../Cargo.toml").lines().find_map(|line| {
        line.strip_prefix("wasm-bindgen-cli-support = \"=")?
            .strip_suffix('"')
    });
    let there = lock
        .split_once("name = \"wasm-bindgen\"\nversion = \"")
        .and_then(|(_, rest)| rest.split('"').next());
    match (here, there) {
        (Some(here), Some(there)) if here == there => Ok(()),
        (here, there) => Err(format!(
            "console: console/Cargo.lock has wasm-bindgen {}, xtask/Cargo.toml has wasm-bindgen-cli-support {}; \
             type: cargo update --manifest-path console/Cargo.toml wasm-bindgen --precise {}",
            there.unwrap_or("of no known version"),
            here.unwrap_or("of no known version"),
            here.unwrap_or("<version>"),
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glue_and_module_come_of_one_version() {
        let lock = fs::read_to_string(cargo::root().join("console/Cargo.lock")).unwrap();
        check_bindgen_version(&lock).unwrap();
        let drifted = "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.1\"\n";
        let error = check_bindgen_version(drifted).unwrap_err().to_string();
        assert!(error.contains("has wasm-bindgen 0.2.1"), "{error}");
        assert!(error.contains("type: cargo update"), "{error}");
    }
}
