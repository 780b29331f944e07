//! A real browser without a window, for the tests of the console.
//!
//! Chromium is started by its driver, the driver by a shell in a process group of its own. The group ends
//! with the [`Browser`], after a panic too; if this process is killed, the shell sees its standard input
//! close and ends the group. No process is left behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use thirtyfour::{
    By, ChromeCapabilities, ChromiumLikeCapabilities as _, DesiredCapabilities,
    LoggingPrefsLogLevel, WebDriver, WebElement,
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::api::PASSWORD;
use crate::wait::{BOUND, wait_until};

/// Which browser; `cargo xtask test` sets both.
const BROWSER_VARIABLE: &str = "ANTARES_CHROMIUM";
const DRIVER_VARIABLE: &str = "ANTARES_CHROMEDRIVER";

/// How long killed processes may take to be gone. Where nobody collects orphans they never are.
const DYING: Duration = Duration::from_secs(2);

/// No window, no sandbox (which root has not), and no calls to its maker.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,900",
];

/// A browser with one tab.
#[derive(Debug)]
pub struct Browser {
    session: WebDriver,
    driver: Child,
    // What the driver goes on to say must have somewhere to go.
    _said: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one that prefers `language`, such as `en-US`.
    pub async fn start(language: &str) -> Self {
        let profile = TempDir::new().expect("a temporary folder can be made");
        let (driver, said, port) = start_driver(profile.path()).await;
        let mut wanted = DesiredCapabilities::chrome();
        configure(&mut wanted, profile.path(), language).expect("the arguments are well-formed");
        let session = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted)
            .await
            .expect("Chromium starts");
        Self {
            session,
            driver,
            _said: said,
            _profile: profile,
        }
    }

    /// Loads `url`.
    pub async fn go(&self, url: &str) {
        self.session.goto(url).await.expect("the page loads");
    }

    /// Makes the window as small as a phone, or as near to it as the browser goes.
    pub async fn shrink(&self) {
        let shrunk = self.session.set_window_rect(0, 0, 390, 800).await;
        shrunk.expect("the window can be resized");
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.session.refresh().await.expect("the page loads again");
    }

    /// Path and query of the address.
    pub async fn address(&self) -> String {
        self.script("return location.pathname + location.search")
            .await
    }

    /// What `code` returns.
    pub async fn script<T: DeserializeOwned>(&self, code: &str) -> T {
        let answer = self.session.execute(code, Vec::new()).await;
        let answer = answer.unwrap_or_else(|error| panic!("`{code}`: {error}"));
        answer
            .convert()
            .unwrap_or_else(|error| panic!("`{code}`: {error}"))
    }

    /// The element that `css` selects, as soon as it is there.
    pub async fn element(&self, css: &str) -> WebElement {
        wait_until(css, BOUND, async || {
            self.session
                .find(By::Css(css))
                .await
                .map_err(|error| error.to_string())
        })
        .await
    }

    /// What the elements that `css` selects show, once that is as `wanted` says.
    pub async fn texts(&self, css: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let code = format!(
            "return [...document.querySelectorAll({css:?})].map((element) => element.innerText)"
        );
        wait_until(css, BOUND, async || {
            let texts: Vec<String> = self.script(&code).await;
            if wanted(&texts) {
                Ok(texts)
            } else {
                Err(texts)
            }
        })
        .await
    }

    /// Waits until `css` selects something that shows `text` somewhere.
    pub async fn shows(&self, css: &str, text: &str) {
        self.texts(css, |texts| texts.iter().any(|shown| shown.contains(text)))
            .await;
    }

    /// Waits until the address is `address`.
    pub async fn is_at(&self, address: &str) {
        wait_until(address, BOUND, async || {
            let seen = self.address().await;
            if seen == address { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    /// Clicks.
    pub async fn click(&self, css: &str) {
        let clicked = self.element(css).await.click().await;
        clicked.unwrap_or_else(|error| panic!("click on {css}: {error}"));
    }

    /// Moves the pointer there.
    pub async fn hover(&self, css: &str) {
        let element = self.element(css).await;
        let moved = self.session.action_chain().move_to_element_center(&element);
        let moved = moved.perform().await;
        moved.unwrap_or_else(|error| panic!("hover over {css}: {error}"));
    }

    /// Types `text` into an emptied field.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.element(css).await;
        let filled = async {
            field.clear().await?;
            field.send_keys(text).await
        };
        filled
            .await
            .unwrap_or_else(|error| panic!("fill {css}: {error}"));
    }

    /// Presses a key, wherever the focus is: its code in the protocol of drivers, such as `\u{e00c}` for Escape.
    pub async fn key(&self, key: &str) {
        let keys = self.session.action_chain().send_keys(key);
        keys.perform().await.expect("the key can be pressed");
    }

    /// Logs in as the administrator, on the login page.
    pub async fn log_in(&self) {
        self.fill("#user", "admin").await;
        self.fill("#password", PASSWORD).await;
        self.click("button[type=submit]").await;
    }

    /// The value of a cookie, also of one that scripts cannot read.
    pub async fn cookie(&self, name: &str) -> String {
        let cookie = self.session.get_named_cookie(name).await;
        cookie
            .unwrap_or_else(|error| panic!("cookie {name}: {error}"))
            .value
    }

    /// Errors that scripts and the browser itself complained of since the last call. Answers of the server
    /// that are no success are complained of as well; `but` says which of those are meant to be.
    pub async fn errors(&self, but: impl Fn(&str) -> bool) -> Vec<String> {
        let complaints = self
            .session
            .browser_log()
            .await
            .expect("the browser has a log");
        complaints
            .into_iter()
            .filter(|complaint| complaint.level == "SEVERE")
            .map(|complaint| complaint.message)
            .filter(|message| !but(message))
            .collect()
    }

    /// Keeps a picture of the page.
    pub async fn screenshot(&self, file: &Path) {
        self.session
            .screenshot(file)
            .await
            .expect("the picture is written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Quitting in order would take a second, and from here block the test's only thread for it.
        let _ = self.session.clone().leak();
        let Some(group) = self
            .driver
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
        else {
            return;
        };
        let _ = kill_process_group(group, Signal::KILL);
        // The profile can only be removed when nobody writes to it any more.
        let begin = Instant::now();
        while begin.elapsed() < DYING && test_kill_process_group(group).is_ok() {
            let _ = self.driver.try_wait();
            std::thread::yield_now();
        }
    }
}

/// Starts the driver on a free port.
async fn start_driver(home: &Path) -> (Child, Lines<BufReader<ChildStdout>>, u16) {
    let program = variable(DRIVER_VARIABLE).unwrap_or_else(|| PathBuf::from("chromedriver"));
    let mut driver = Command::new("sh")
        .args(["-c", "\"$0\" \"$@\" & read -r _; kill -9 0"])
        .arg(&program)
        .arg("--port=0")
        // Crash reports and caches outside the profile go to the home folder.
        .env("HOME", home)
        .env("TMPDIR", home)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell");
    let stdout = driver.stdout.take().expect("it is piped");
    let mut said = BufReader::new(stdout).lines();
    let starting = async {
        while let Some(line) = said.next_line().await.expect("the driver speaks UTF-8") {
            if let Some(port) = line.split("successfully on port ").nth(1) {
                return port.trim_end_matches('.').parse().ok();
            }
        }
        None
    };
    let port = tokio::time::timeout(BOUND, starting).await.ok().flatten();
    let port = port.unwrap_or_else(|| {
        panic!(
            "{} did not start; `cargo xtask test` installs it",
            program.display()
        )
    });
    (driver, said, port)
}

fn configure(
    wanted: &mut ChromeCapabilities,
    profile: &Path,
    language: &str,
) -> thirtyfour::error::WebDriverResult<()> {
    for argument in ARGUMENTS {
        wanted.add_arg(argument)?;
    }
    wanted.add_arg(&format!(
        "--user-data-dir={}",
        profile.join("profile").display()
    ))?;
    wanted.add_arg(&format!("--accept-lang={language}"))?;
    wanted.add_experimental_option(
        "prefs",
        serde_json::json!({ "intl.accept_languages": language }),
    )?;
    wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    if let Some(browser) = variable(BROWSER_VARIABLE) {
        wanted.set_binary(&browser.to_string_lossy())?;
    }
    Ok(())
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
