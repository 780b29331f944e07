//! Finds what the commands need and installs what is missing. Each step says in one line what it
//! found; where it cannot help itself it ends with the one command to type.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use antares_embedded::{
    BIN_VARIABLE, Binaries, Options, Postgres, install_packages, packages_command,
};

use crate::{Result, browser, cargo, console, pgbouncer};

/// Shows a line of set-up.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Everything, for `cargo xtask setup`.
pub(crate) fn all() -> Result {
    compiler()?;
    postgresql()?;
    browser::find_or_install()?;
    pgbouncer::find_or_install()?;
    console::build()
}

/// The C compiler, for the crates that bring C code.
pub(crate) fn compiler() -> Result {
    if compiler_version().is_none() {
        // Failing that, the command below says all.
        let _ = install_packages("C compiler", &["gcc", "libc6-dev"], &mut say);
    }
    let Some(version) = compiler_version() else {
        return Err(format!(
            "there is no C compiler; type: {}",
            packages_command(&["gcc", "libc6-dev"])
        )
        .into());
    };
    say(&format!("C compiler: {version}"));
    Ok(())
}

fn compiler_version() -> Option<String> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    first_line(Command::new(compiler).arg("--version"))
}

/// The programs of PostgreSQL. What is started later is told by the environment of `command`s, see
/// [`hand_over`].
pub(crate) fn postgresql() -> Result<Binaries> {
    let reason = match Binaries::locate(&mut say) {
        Ok(found) => return Ok(found),
        Err(reason @ antares_embedded::Error::NotFound { .. }) => reason,
        Err(other) => return Err(other.into()),
    };
    say("postgresql: not installed; building the downloader");
    let downloaded = cargo::cargo()
        .args([
            "run",
            "--package",
            "antares-embedded",
            "--bin",
            "antares-postgres",
            "--",
            "download",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let folder = PathBuf::from(String::from_utf8_lossy(&downloaded.stdout).trim());
    match Binaries::at(&folder) {
        Ok(found) if downloaded.status.success() => {
            say(&found.to_string());
            Ok(found)
        }
        _ => Err(reason.into()),
    }
}

/// Spares `command` the search for what was found.
pub(crate) fn hand_over(binaries: &Binaries, command: &mut Command) {
    command.env(BIN_VARIABLE, binaries.folder());
}

/// A private server for as long as the value lives, which outlasts a crash of this process by no
/// more than a moment.
pub(crate) fn private_postgresql(
    binaries: &Binaries,
    settings: &[(&str, &str)],
) -> Result<Postgres> {
    let options = settings
        .iter()
        .fold(Options::temporary(), |options, (name, value)| {
            options.set(name, value)
        });
    let postgres = Postgres::start(binaries, options)?;
    say(&format!(
        "postgresql: private server on port {}",
        postgres.port()
    ));
    Ok(postgres)
}

/// The value of an environment variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What `command` prints first; `None` when it cannot be run or fails.
pub(crate) fn first_line(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}
