//! `cargo xtask screenshots`: pictures of every page of the console, with what tests stand on.

use std::process::ExitCode;

use crate::test::Surroundings;
use crate::{Result, cargo, setup};

/// Takes them.
pub(crate) fn run() -> Result<ExitCode> {
    let surroundings = Surroundings::set_up()?;
    let folder = cargo::root().join("docs/screenshots");
    std::fs::create_dir_all(&folder)?;
    let mut program = cargo::cargo();
    program
        .args([
            "run",
            "--quiet",
            "--package",
            "antares-tests",
            "--bin",
            "antares-screenshots",
            "--",
        ])
        .arg(&folder);
    surroundings.hand_over(&mut program);
    let status = program.status()?;
    surroundings.stop()?;
    if !status.success() {
        return Err("not all pictures could be taken".into());
    }
    setup::say(&format!("pictures: {}", folder.display()));
    Ok(ExitCode::SUCCESS)
}
