//! PgBouncer, for the tests of poolers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use antares_embedded::{install_packages, packages_command, try_sudo};

use crate::Result;
use crate::setup::{first_line, say};

/// Where the tests find the program.
pub(crate) const VARIABLE: &str = "ANTARES_PGBOUNCER";

const PACKAGES: [&str; 1] = ["pgbouncer"];

/// Not every user has `sbin` in `PATH`.
const PROGRAMS: [&str; 4] = [
    "pgbouncer",
    "/usr/sbin/pgbouncer",
    "/usr/bin/pgbouncer",
    "/usr/local/bin/pgbouncer",
];

/// What Debian's packages ask before they start a service.
const DEBIAN_POLICY: &str = "/usr/sbin/policy-rc.d";

/// Finds the program, or installs it.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    if let Some(program) = find() {
        return Ok(program);
    }
    let installed = install();
    if let Some(program) = find() {
        return Ok(program);
    }
    let reason = installed
        .err()
        .map_or(String::new(), |error| format!("; {error}"));
    let command = packages_command(&PACKAGES);
    Err(
        format!("there is no PgBouncer, which the tests of poolers need{reason}; type: {command}")
            .into(),
    )
}

fn find() -> Option<PathBuf> {
    let given = std::env::var_os(VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let mut candidates = given.into_iter().chain(PROGRAMS.iter().map(PathBuf::from));
    let (program, version) = candidates.find_map(|program| {
        let version = first_line(Command::new(&program).arg("--version"))?;
        Some((crate::browser::on_path(program), version))
    })?;
    say(&format!("pooler: {version} in {}", program.display()));
    Some(program)
}

/// Installs the package without its service: the tests start their own, and nobody asked for that one.
fn install() -> std::result::Result<(), antares_embedded::Error> {
    let is_debian = Path::new("/usr/sbin/invoke-rc.d").exists();
    // A policy that is there stays as it is.
    let is_ours = is_debian && !Path::new(DEBIAN_POLICY).exists();
    if is_ours {
        let script = "printf '#!/bin/sh\\nexit 101\\n' > \"$0\" && chmod 755 \"$0\"";
        as_root("sh", &["-c", script, DEBIAN_POLICY]);
    }
    let installed = install_packages("pooler", &PACKAGES, &mut say);
    if is_ours {
        as_root("rm", &["-f", DEBIAN_POLICY]);
    }
    if is_debian && installed.is_ok() {
        // Nor does it start with the machine; each of these works where it is in charge.
        as_root("systemctl", &["disable", "--quiet", "pgbouncer"]);
        as_root("update-rc.d", &["pgbouncer", "disable"]);
        say("pooler: its service is switched off; the tests start their own");
    }
    installed
}

/// A small step that may not apply here.
fn as_root(program: &str, arguments: &[&str]) {
    if let Some(mut command) = try_sudo(program) {
        let _ = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
