//! Installing with the platform's package manager.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::{run_with_progress, try_sudo};
use crate::error::Error;

/// A package manager: what it is called and how it is asked.
struct Manager {
    program: &'static str,
    /// Refreshes the lists of packages; empty where installing does it.
    refresh: &'static [&'static str],
    install: &'static [&'static str],
    /// Put before both when nobody is there to read or to answer.
    unattended: &'static [&'static str],
    postgresql: &'static str,
    needs_root: bool,
}

/// In the order they are looked for.
const MANAGERS: [Manager; 6] = [
    Manager {
        program: "apt-get",
        refresh: &["update"],
        install: &["install", "-y", "--no-install-recommends"],
        // A new machine often upgrades itself in its first minutes and holds the lock.
        unattended: &["-q", "-o", "DPkg::Lock::Timeout=300"],
        postgresql: "postgresql",
        needs_root: true,
    },
    Manager {
        program: "dnf",
        refresh: &[],
        install: &["install", "-y"],
        unattended: &["-q"],
        postgresql: "postgresql-server",
        needs_root: true,
    },
    Manager {
        program: "apk",
        refresh: &[],
        install: &["add", "--no-cache"],
        unattended: &[],
        postgresql: "postgresql",
        needs_root: true,
    },
    Manager {
        program: "zypper",
        refresh: &[],
        install: &["--non-interactive", "install", "--no-recommends"],
        unattended: &[],
        postgresql: "postgresql-server",
        needs_root: true,
    },
    Manager {
        program: "pacman",
        refresh: &[],
        install: &["-Sy", "--noconfirm", "--needed"],
        unattended: &[],
        postgresql: "postgresql",
        needs_root: true,
    },
    Manager {
        program: "brew",
        refresh: &[],
        install: &["install"],
        unattended: &[],
        postgresql: "postgresql@17",
        needs_root: false,
    },
];

/// Where Debian's `postgresql-common` takes its settings from.
const DEBIAN_SETTINGS: &str = "/etc/postgresql-common/createcluster.d";

/// Installs the PostgreSQL server, without a cluster or a service of its own.
pub(crate) fn postgresql(progress: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let Some(manager) = manager() else {
        return Err(missing_manager());
    };
    // Debian's package makes and starts a cluster at once; nobody asked for that one.
    let setting = format!("{DEBIAN_SETTINGS}/antares.conf");
    let is_debian = manager.program == "apt-get";
    if is_debian {
        as_root("mkdir", &["-p", DEBIAN_SETTINGS]);
        as_root(
            "sh",
            &[
                "-c",
                "echo 'create_main_cluster = false' > \"$0\"",
                &setting,
            ],
        );
    }
    let installed = install_packages("postgresql", &[manager.postgresql], progress);
    if is_debian {
        as_root("rm", &["-f", &setting]);
        // Left by a failed installation only: a good one owns these folders.
        let common = Path::new(DEBIAN_SETTINGS)
            .parent()
            .unwrap_or(Path::new(DEBIAN_SETTINGS));
        if installed.is_err() && fs::read_dir(common).is_ok_and(|entries| entries.count() == 1) {
            as_root(
                "rmdir",
                &["-p", "--ignore-fail-on-non-empty", DEBIAN_SETTINGS],
            );
        }
    }
    installed
}

/// Installs `packages` with the platform's package manager, as one step called `step`.
///
/// # Errors
///
/// When there is no known package manager, no right to use it, or it failed.
pub fn install_packages(
    step: &str,
    packages: &[&str],
    progress: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let Some(manager) = manager() else {
        return Err(missing_manager());
    };
    let doing = format!(
        "{step}: installing {} by {}",
        packages.join(" "),
        manager.program
    );
    let first = run(manager, manager.install, packages, &doing, progress);
    if first.is_ok() || manager.refresh.is_empty() {
        return first;
    }
    // A fresh container has no lists at all, an old machine has old ones.
    run(
        manager,
        manager.refresh,
        &[],
        &format!("{step}: refreshing the package lists"),
        progress,
    )?;
    run(manager, manager.install, packages, &doing, progress)
}

/// The command that a person types to have `packages` installed.
pub fn packages_command(packages: &[&str]) -> String {
    let packages = packages.join(" ");
    let Some(manager) = manager() else {
        return format!("<your package manager> install {packages}");
    };
    let is_root = rustix::process::geteuid().is_root();
    let sudo = if manager.needs_root && !is_root {
        "sudo "
    } else {
        ""
    };
    let refresh = match manager.refresh {
        [] => String::new(),
        [verb, ..] => format!("{sudo}{} {verb} && ", manager.program),
    };
    let verb = manager.install.join(" ");
    format!("{refresh}{sudo}{} {verb} {packages}", manager.program)
}

/// The command that a person types to have PostgreSQL installed.
pub(crate) fn postgresql_command() -> String {
    match manager() {
        Some(manager) => packages_command(&[manager.postgresql]),
        None => format!(
            "export {}=<the folder with postgres, initdb and pg_ctl>",
            crate::BIN_VARIABLE
        ),
    }
}

fn manager() -> Option<&'static Manager> {
    MANAGERS.iter().find(|manager| {
        Command::new(manager.program)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    })
}

fn missing_manager() -> Error {
    Error::Failed {
        program: "installing".to_owned(),
        output: "no known package manager".to_owned(),
    }
}

fn run(
    manager: &Manager,
    verb: &[&str],
    packages: &[&str],
    doing: &str,
    progress: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let failed = |output: String| Error::Failed {
        program: manager.program.to_owned(),
        output,
    };
    // By `env`, since sudo passes nothing on.
    let command = if manager.needs_root {
        try_sudo("env")
    } else {
        Some(Command::new("env"))
    };
    let mut command =
        command.ok_or_else(|| failed("neither root nor a sudo without password".to_owned()))?;
    progress(doing);
    command
        .args(["DEBIAN_FRONTEND=noninteractive", manager.program])
        .args(manager.unattended)
        .args(verb)
        .args(packages)
        .stdin(Stdio::null());
    match run_with_progress(doing, &mut command, progress) {
        Ok(_) => Ok(()),
        Err(Error::Failed { output, .. }) => Err(failed(output)),
        Err(error) => Err(error),
    }
}

/// A small step of which the failure shows in the next one.
fn as_root(program: &str, arguments: &[&str]) {
    if let Some(mut command) = try_sudo(program) {
        let _ = command
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
