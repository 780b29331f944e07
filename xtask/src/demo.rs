//! `cargo xtask demo`: all set-up, then the demo that the server brings.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::{Result, cargo, console, setup};

/// Runs the demo with `arguments`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    setup::compiler()?;
    let server = cargo::built("debug", "antares-server")?;
    let mut demo = Command::new(&server);
    if setup::variable("DATABASE_URL").is_some() {
        setup::say("postgresql: the one in DATABASE_URL");
    } else {
        setup::hand_over(&setup::postgresql()?, &mut demo);
    }
    console::build()?;
    cargo::run(&["build", "--package", "antares-server"])?;
    // In place of this process: Ctrl-C, its other signals and its exit code are the demo's own.
    let error = demo.arg("demo").args(arguments).exec();
    Err(format!("cannot run {}: {error}", server.display()).into())
}
