//! `cargo xtask lint`: what a reviewer should not have to say.

use crate::{Result, cargo, console};

/// Checks the format, the lints and the documentation, of the workspace and of the console.
pub(crate) fn run() -> Result {
    let console = ["--manifest-path", "console/Cargo.toml"];
    cargo::run(&["fmt", "--all", "--check"])?;
    cargo::run(&[&["fmt"], &console[..], &["--check"]].concat())?;
    // The server takes the console in, and cargo needs the target for WebAssembly.
    console::build()?;
    let strict = ["--", "--deny", "warnings"];
    cargo::run(&[&["clippy", "--workspace", "--all-targets"], &strict[..]].concat())?;
    let wasm = ["clippy", "--target", "wasm32-unknown-unknown"];
    cargo::run(&[&wasm[..], &console, &strict].concat())?;
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
