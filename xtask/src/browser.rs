//! Chromium and its driver, for the tests of the console.

use std::path::PathBuf;
use std::process::Command;

use antares_embedded::{install_packages, packages_command};

use crate::Result;
use crate::setup::{first_line, say};

/// Where the tests find the browser.
pub(crate) const BROWSER_VARIABLE: &str = "ANTARES_CHROMIUM";

/// Where the tests find its driver.
pub(crate) const DRIVER_VARIABLE: &str = "ANTARES_CHROMEDRIVER";

const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/snap/bin/chromium",
];

const DRIVERS: [&str; 4] = [
    "chromedriver",
    "/usr/lib/chromium/chromedriver",
    "/usr/lib/chromium-browser/chromedriver",
    "/snap/bin/chromium.chromedriver",
];

/// A browser and the driver that belongs to it.
pub(crate) struct Browser {
    browser: PathBuf,
    driver: PathBuf,
}

impl Browser {
    /// Tells `command` where they are.
    pub(crate) fn hand_over(&self, command: &mut Command) {
        command
            .env(BROWSER_VARIABLE, &self.browser)
            .env(DRIVER_VARIABLE, &self.driver);
    }
}

/// Finds both, or installs them.
pub(crate) fn find_or_install() -> Result<Browser> {
    if let Some(browser) = find() {
        return Ok(browser);
    }
    let packages = packages();
    let installed = install_packages("browser", packages, &mut say);
    if let Some(browser) = find() {
        return Ok(browser);
    }
    let reason = installed
        .err()
        .map_or(String::new(), |error| format!("; {error}"));
    let command = if is_ubuntu() {
        "sudo snap install chromium".to_owned()
    } else {
        packages_command(packages)
    };
    Err(format!("there is no Chromium with its driver, which the tests of the console need{reason}; type: {command}").into())
}

fn find() -> Option<Browser> {
    let (browser, version) = find_one(BROWSER_VARIABLE, &BROWSERS)?;
    let (driver, driver_version) = find_one(DRIVER_VARIABLE, &DRIVERS)?;
    say(&format!("browser: {version} in {}", browser.display()));
    if major(&version) != major(&driver_version) {
        say(&format!(
            "browser: the driver is of another version, {driver_version} in {}",
            driver.display()
        ));
    }
    Some(Browser { browser, driver })
}

/// The first program that runs, with what it says of its version.
fn find_one(variable: &str, names: &[&str]) -> Option<(PathBuf, String)> {
    let given = std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let mut candidates = given.into_iter().chain(names.iter().map(PathBuf::from));
    candidates.find_map(|program| {
        let version = first_line(Command::new(&program).arg("--version"))?;
        Some((on_path(program), version))
    })
}

/// Where a program is that was found by its name: the driver takes a path only.
pub(crate) fn on_path(program: PathBuf) -> PathBuf {
    if program.components().count() > 1 {
        return program;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(&program))
        .find(|path| path.is_file())
        .unwrap_or(program)
}

/// `Some("149")` of `Chromium 149.0.7779.0 built on Debian`.
fn major(version: &str) -> Option<&str> {
    version.split_whitespace().find_map(|word| {
        let (major, _) = word.split_once('.')?;
        major.parse::<u32>().is_ok().then_some(major)
    })
}

/// The names of the packages here.
fn packages() -> &'static [&'static str] {
    let has = |program| first_line(Command::new(program).arg("--version")).is_some();
    if has("apt-get") {
        return if is_ubuntu() {
            &["chromium-browser", "chromium-chromedriver"]
        } else {
            &["chromium", "chromium-driver"]
        };
    }
    if has("apk") {
        &["chromium", "chromium-chromedriver"]
    } else {
        &["chromium", "chromedriver"]
    }
}

/// Ubuntu's packages of Chromium only call for snap.
fn is_ubuntu() -> bool {
    std::fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=ubuntu"))
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn major_version_is_read_from_both_programs() {
        assert_eq!(
            major("Chromium 149.0.7779.0 built on Debian GNU/Linux 12"),
            Some("149")
        );
        assert_eq!(major("ChromeDriver 149.0.7779.0 (a1b2c3)"), Some("149"));
        assert_eq!(major("no version"), None);
    }
}
