//! `cargo xtask lint`: what a reviewer should not have to say.

use std::path::Path;
use std::process::Command;

use crate::{Result, cargo, console, setup};

/// Target of the console.
const WASM: &str = "wasm32-unknown-unknown";

/// Checks the format, the lints and the documentation, of the workspace and of the console.
pub(crate) fn run() -> Result {
    let console = ["--manifest-path", "console/Cargo.toml"];
    cargo::run(&["fmt", "--all", "--check"])?;
    cargo::run(&[&["fmt"], &console[..], &["--check"]].concat())?;
    // The server takes the console in, and cargo needs the target for WebAssembly.
    console::build()?;
    let strict = ["--", "--deny", "warnings"];
    cargo::run(&[&["clippy", "--workspace", "--all-targets"], &strict[..]].concat())?;
    if has_wasm_target() {
        let wasm = ["clippy", "--target", WASM];
        cargo::run(&[&wasm[..], &console, &strict].concat())?;
    } else {
        // Then the console was built by another compiler, which brings no clippy.
        setup::say(&format!(
            "console: clippy is LEFT OUT, because this toolchain has no target {WASM}; rustup target add {WASM}"
        ));
    }
    cargo::check(
        cargo::cargo()
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

/// Whether the toolchain in use has the standard library for the console's target.
fn has_wasm_target() -> bool {
    Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM])
        .output()
        .is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir())
}
