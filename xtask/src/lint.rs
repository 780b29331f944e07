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
    // As a program of this machine, which its tests are too: a compiler for WebAssembly may bring no clippy.
    cargo::run(
        &[
            &["clippy", "--all-targets"],
            &console[..],
            &console::HOST,
            &strict,
        ]
        .concat(),
    )?;
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
