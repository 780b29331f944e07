//! `cargo xtask test`: all set-up, then every test on one private PostgreSQL. A test that hangs is
//! named and ended.

mod process_tree;
mod progress;
mod watch;

use std::process::{Command, ExitCode};
use std::time::Duration;

use antares_embedded::Postgres;

use crate::{Result, browser, cargo, console, pgbouncer, setup};

/// Where the tests find a PostgreSQL, as its superuser.
const DATABASE_VARIABLE: &str = "ANTARES_TEST_DATABASE_URL";

/// How long no test may end, or one test may run, before it counts as hung.
const BOUND_VARIABLE: &str = "ANTARES_TEST_HANG_SECONDS";
const DEFAULT_BOUND: Duration = Duration::from_mins(4);

/// For hundreds of small servers in one database.
const SETTINGS: [(&str, &str); 2] = [
    ("max_connections", "400"),
    ("max_locks_per_transaction", "256"),
];

/// Runs the tests, those chosen by `arguments` alone if there are any.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let bound = bound()?;
    let surroundings = Surroundings::set_up()?;
    let run = |words: &[&str]| {
        let mut command = cargo::cargo();
        command.args(words).args(arguments);
        surroundings.hand_over(&mut command);
        command
    };

    let totals = if has_nextest() {
        let unit = watch::run(
            run(&["nextest", "run", "--workspace", "--no-fail-fast"]),
            bound,
        )?;
        unit + watch::run(
            run(&["test", "--workspace", "--doc", "--no-fail-fast"]),
            bound,
        )?
    } else {
        // Compiling may take any time, running may not.
        cargo::run(&["test", "--workspace", "--no-run"])?;
        watch::run(run(&["test", "--workspace", "--no-fail-fast"]), bound)?
    };
    // Those chosen by arguments are of the workspace, which the console is not in.
    let totals = if arguments.is_empty() {
        let tests = [
            &["test", "--manifest-path", "console/Cargo.toml"],
            &console::HOST[..],
        ]
        .concat();
        cargo::run(&[&tests[..], &["--no-run"]].concat())?;
        totals + watch::run(run(&tests), bound)?
    } else {
        totals
    };
    surroundings.stop()?;
    println!("{totals}");
    Ok(if totals.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What tests stand on: programs, built anew, and a PostgreSQL.
pub(crate) struct Surroundings {
    environment: Command,
    postgres: Option<Postgres>,
}

impl Surroundings {
    /// Finds or installs what is needed, and builds the programs that tests start.
    pub(crate) fn set_up() -> Result<Self> {
        setup::compiler()?;
        let binaries = setup::postgresql()?;
        let browser = browser::find_or_install()?;
        let pgbouncer = pgbouncer::find_or_install()?;
        console::build()?;
        // The tests start these programs; `cargo test` itself does not build them all.
        cargo::run(&["build", "--workspace"])?;

        let mut environment = Command::new("");
        setup::hand_over(&binaries, &mut environment);
        browser.hand_over(&mut environment);
        environment.env(pgbouncer::VARIABLE, &pgbouncer);
        let given = setup::variable(DATABASE_VARIABLE).or_else(|| setup::variable("DATABASE_URL"));
        let postgres = if let Some(url) = given {
            setup::say("postgresql: the tests use the one given by the environment");
            environment.env(DATABASE_VARIABLE, url);
            None
        } else {
            let postgres = setup::private_postgresql(&binaries, &SETTINGS)?;
            environment.env(DATABASE_VARIABLE, postgres.url("postgres"));
            Some(postgres)
        };
        Ok(Self {
            environment,
            postgres,
        })
    }

    /// Tells `command` of them.
    pub(crate) fn hand_over(&self, command: &mut Command) {
        let told = self.environment.get_envs();
        command.envs(told.filter_map(|(name, value)| Some((name, value?))));
    }

    /// Stops what was started.
    pub(crate) fn stop(self) -> Result<()> {
        match self.postgres {
            Some(postgres) => Ok(postgres.stop()?),
            None => Ok(()),
        }
    }
}

/// Only where it is installed already: it is not worth a build.
fn has_nextest() -> bool {
    setup::first_line(cargo::cargo().args(["nextest", "--version"])).is_some()
}

fn bound() -> Result<Duration> {
    let Some(text) = setup::variable(BOUND_VARIABLE) else {
        return Ok(DEFAULT_BOUND);
    };
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("{BOUND_VARIABLE} is {text:?}, not a number of seconds").into()),
    }
}
