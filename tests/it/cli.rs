//! The command line of `antares-server`: what it prints, and how it refuses what it cannot do.

mod start;

use std::process::{Command, Output};

use antares_tests::Process;
use serde_json::Value;

/// The server as the tests' package builds it.
const SERVER: &str = env!("CARGO_BIN_EXE_antares-server-under-test");
/// An address where nothing is: what must stop the start is found before it is needed.
const NOWHERE: &str = "postgres://nobody:nothing@127.0.0.1:1/nothing";
/// Next fire times made by Quartz.
const VECTORS: &str = include_str!("../../server/src/domain/cron/vectors/fires.jsonl");

/// The command, without what a developer has set.
fn command(arguments: &[&str]) -> Command {
    // What should end at once must not hang the test if it does not.
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=1", "30", SERVER])
        .args(arguments);
    for (variable, _) in std::env::vars() {
        if variable.starts_with("ANTARES_") || variable == "DATABASE_URL" {
            command.env_remove(variable);
        }
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the server runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("the output is UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("the errors are UTF-8")
}

/// Checks that a command refused with `code`, and one line that holds every text of `named`.
#[track_caller]
fn assert_refused(output: &Output, code: i32, named: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(stdout(output), "", "{error}");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 1, "one line was expected, not:\n{error}");
    assert!(lines[0].starts_with("error: "), "{error}");
    for text in named {
        assert!(lines[0].contains(text), "`{text}` is not named in: {error}");
    }
}

#[test]
fn next_prints_what_quartz_fires() {
    let mut ended = 0;
    for line in VECTORS.lines().step_by(61) {
        let vector: Value = serde_json::from_str(line).expect("a JSON line");
        let text = |key: &str| vector[key].as_str().expect("a text").to_owned();
        let fires = vector["next"].as_array().expect("a list").clone();
        let ends = vector["ends"] == true;
        ended += usize::from(ends);
        // One more than there are, where the schedule ends: fewer are printed then.
        let count = (fires.len() + usize::from(ends)).max(1).to_string();
        let (expression, zone, after) = (text("expr"), text("tz"), text("after"));
        let arguments = [
            "next",
            &expression,
            "--tz",
            &zone,
            "--after",
            &after,
            "--count",
            &count,
        ];
        let json = run(&[&arguments[..], &["--json"]].concat());
        assert!(json.status.success(), "{line}: {}", stderr(&json));
        let printed: Value = serde_json::from_str(&stdout(&json)).expect("a JSON array");
        assert_eq!(printed, Value::Array(fires.clone()), "{line}");
        assert_eq!(stdout(&json).lines().count(), 1, "{line}");
        let plain = stdout(&run(&arguments));
        assert!(
            plain.lines().eq(fires.iter().filter_map(Value::as_str)),
            "{line}: {plain}"
        );
    }
    assert!(ended > 0, "no schedule of the sample ends");
}

#[test]
fn next_prints_fewer_when_the_schedule_ends() {
    let last = [
        "next",
        "0 0 12 31 12 ? 2030",
        "--after",
        "2029-01-01T00:00:00Z",
        "--count",
        "5",
    ];
    let output = run(&last);
    assert_eq!(
        (stdout(&output).as_str(), output.status.code()),
        ("2030-12-31T12:00:00Z\n", Some(0))
    );
    let output = run(&[&last[..], &["--json"]].concat());
    assert_eq!(stdout(&output), "[\"2030-12-31T12:00:00Z\"]\n");
    // A date that never comes is searched for quickly, and is not an error.
    let output = run(&["next", "0 0 0 30 2 ?", "--json"]);
    assert_eq!(
        (stdout(&output).as_str(), output.status.code()),
        ("[]\n", Some(0))
    );
    // Ten are printed if no count is given, in UTC if no zone is.
    let output = run(&[
        "next",
        "0 0 0 * * ?",
        "--after",
        "2026-03-09T08:06:09+08:00",
    ]);
    assert_eq!(stdout(&output).lines().count(), 10);
    assert_eq!(stdout(&output).lines().next(), Some("2026-03-10T00:00:00Z"));
    let now = run(&["next", "* * * * * ?", "--count", "1"]);
    assert_eq!(stdout(&now).lines().count(), 1, "{}", stderr(&now));
}

#[test]
fn next_says_what_is_wrong() {
    let next = |arguments: &[&str]| run(&[&["next"][..], arguments].concat());
    for (expression, named) in [
        ("nonsense", "6 or 7 fields"),
        ("* * * * *", "seconds"),
        ("0 0 25 * * ?", "hours"),
        ("61 0 0 * * ?", "seconds"),
        ("0 0 0 32 * ?", "day-of-month"),
        ("0 0 0 ? * MOO", "day-of-week"),
        ("0 0 0 1 13 ?", "month"),
        ("0 0 0 1 1 ? 1969", "year"),
        ("", "6 or 7 fields"),
    ] {
        assert_refused(&next(&[expression]), 2, &["cron", named]);
        assert_refused(&next(&[expression, "--json"]), 2, &["cron", named]);
    }
    let good = "0 0 0 * * ?";
    assert_refused(&next(&[good, "--tz", "Mars/Olympus"]), 2, &["Mars/Olympus"]);
    assert_refused(&next(&[good, "--tz", ""]), 2, &["time_zone"]);
    for after in [
        "tomorrow",
        "2026-03-09",
        "2026-02-30T00:00:00Z",
        "2026-03-09T08:06:09",
        "",
    ] {
        assert_refused(&next(&[good, "--after", after]), 2, &["after"]);
    }
    for count in ["0", "100001", "-1", "many", ""] {
        assert_refused(&next(&[good, &format!("--count={count}")]), 2, &["--count"]);
    }
    assert_refused(&next(&[]), 2, &["EXPRESSION"]);
}

#[test]
fn bad_options_stop_the_start_with_one_line_that_names_them() {
    for (option, value) in [
        ("--listen", "nowhere"),
        ("--listen", "127.0.0.1:99999"),
        ("--failover-wait", "999ms"),
        ("--failover-wait", "11m"),
        ("--failover-wait", "soon"),
        ("--misfire-threshold", "25h"),
        ("--pool-size", "3"),
        ("--pool-size", "101"),
        ("--pool-size", "many"),
        ("--retention-days", "0"),
        ("--retention-days", "36501"),
        ("--namespace", "Antares"),
        ("--namespace", "pg_antares"),
        ("--namespace", "1st"),
        ("--namespace", "a\"b"),
        ("--namespace", ""),
        ("--log-format", "xml"),
        ("--log", "a=b=c"),
    ] {
        let code = if option == "--log" { 1 } else { 2 };
        let name = option.trim_start_matches('-');
        let output = run(&[
            "run",
            "--database-url",
            NOWHERE,
            &format!("{option}={value}"),
        ]);
        assert_refused(&output, code, &[name, value]);
        let variable = format!("ANTARES_{}", name.to_uppercase().replace('-', "_"));
        let output = command(&["run", "--database-url", NOWHERE])
            .env(&variable, value)
            .output();
        assert_refused(&output.expect("the server runs"), code, &[name, value]);
    }
    assert_refused(&run(&["run"]), 1, &["database-url", "--embedded"]);
    assert_refused(&run(&["run", "--nonsense"]), 2, &["--nonsense"]);
    assert_refused(&run(&["run", "--database-url"]), 2, &["--database-url"]);
    assert_refused(
        &run(&["run", "nonsense", "--database-url", NOWHERE]),
        2,
        &["nonsense"],
    );
    assert_refused(&run(&["nonsense"]), 2, &["nonsense"]);
    assert_refused(&run(&["migrate"]), 2, &["--database-url"]);
    for url in [
        "nonsense",
        "mysql://localhost/x",
        "postgres://localhost:99999/x",
        "",
    ] {
        assert_refused(
            &run(&["run", &format!("--database-url={url}")]),
            1,
            &["database-url"],
        );
        assert_refused(
            &run(&["migrate", &format!("--database-url={url}")]),
            1,
            &["database-url"],
        );
        let read = format!("--read-database-url={url}");
        assert_refused(
            &run(&["run", "--database-url", NOWHERE, &read]),
            1,
            &["read-database-url"],
        );
    }
}

#[test]
fn bad_files_stop_the_start_with_one_line_that_names_them() {
    let folder = tempfile::tempdir().expect("a temporary folder is made");
    let path = folder.path().join("antares.toml");
    let file = path.to_str().expect("the path is UTF-8");
    for (text, code, named) in [
        ("nonsense = 1\n", 2, "`nonsense`"),
        ("config = \"other.toml\"\n", 2, "`config`"),
        ("[run]\nlisten = \"127.0.0.1:0\"\n", 2, "`run`"),
        ("\npool-size = = 8\n", 2, "line 2"),
        ("pool-size = 8\npool-size = 9\n", 2, "line 2"),
        ("pool-size = 3\n", 2, "pool-size"),
        ("pool_size = [8]\n", 2, "`pool_size`"),
        ("pool-size = 8.5\n", 2, "pool-size"),
        ("listen = 22122\n", 2, "listen"),
        ("embedded = \"perhaps\"\n", 2, "embedded"),
        ("failover-wait = \"1h\"\n", 2, "failover-wait"),
        ("namespace = \"Antares\"\n", 2, "namespace"),
        ("database-url = \"nonsense\"\n", 1, "database-url"),
        (
            "database-url = \"postgres://x/x\"\nread_database_url = \"nonsense\"\n",
            1,
            "read-database-url",
        ),
        ("log = \"a=b=c\"\n", 1, "log"),
        ("", 1, "database-url"),
    ] {
        std::fs::write(&path, text).expect("the file is written");
        assert_refused(&run(&["run", "--config", file]), code, &[named]);
    }
    std::fs::write(&path, [0xff, 0xfe]).expect("the file is written");
    assert_refused(&run(&["run", "--config", file]), 2, &[file]);
    assert_refused(
        &run(&["run", "--config=/nowhere/antares.toml"]),
        2,
        &["/nowhere/antares.toml"],
    );
    let output = command(&["run"])
        .env("ANTARES_CONFIG", "/nowhere/antares.toml")
        .output();
    assert_refused(
        &output.expect("the server runs"),
        2,
        &["/nowhere/antares.toml"],
    );
}

#[tokio::test]
async fn flags_win_over_the_environment_over_the_file_over_the_default() {
    let folder = tempfile::tempdir().expect("a temporary folder is made");
    let path = folder.path().join("antares.toml");
    // The file gives the database too: neither flag nor environment has it.
    let text = format!("database-url = \"{NOWHERE}\"\nlisten = \"127.0.0.2:0\"\npool_size = 4\n");
    std::fs::write(&path, text).expect("the file is written");
    let file = path.to_str().expect("the path is UTF-8");
    for (flag, variable, expected) in [
        (
            Some("127.0.0.4:0"),
            Some("127.0.0.3:0"),
            "http://127.0.0.4:",
        ),
        (None, Some("127.0.0.3:0"), "http://127.0.0.3:"),
        (None, None, "http://127.0.0.2:"),
    ] {
        let mut start = Command::new(SERVER);
        start.args(["run", "--config", file]);
        if let Some(flag) = flag {
            start.args(["--listen", flag]);
        }
        if let Some(variable) = variable {
            start.env("ANTARES_LISTEN", variable);
        }
        let mut server = Process::spawn("server", start);
        let line = server.line("listening on http://").await;
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn help_lists_every_option_with_its_default() {
    let output = run(&["run", "--help"]);
    assert!(output.status.success());
    let help = stdout(&output);
    for (option, variable, default) in [
        ("--database-url", "DATABASE_URL", None),
        ("--read-database-url", "ANTARES_READ_DATABASE_URL", None),
        ("--embedded", "ANTARES_EMBEDDED", None),
        ("--data-dir", "ANTARES_DATA_DIR", Some("antares-data")),
        ("--namespace", "ANTARES_NAMESPACE", Some("antares")),
        ("--listen", "ANTARES_LISTEN", Some("127.0.0.1:22122")),
        ("--failover-wait", "ANTARES_FAILOVER_WAIT", Some("10s")),
        (
            "--misfire-threshold",
            "ANTARES_MISFIRE_THRESHOLD",
            Some("5s"),
        ),
        ("--pool-size", "ANTARES_POOL_SIZE", Some("12")),
        ("--retention-days", "ANTARES_RETENTION_DAYS", Some("30")),
        ("--admin-password", "ANTARES_ADMIN_PASSWORD", None),
        ("--secure-cookies", "ANTARES_SECURE_COOKIES", None),
        ("--log-format", "ANTARES_LOG_FORMAT", Some("text")),
        ("--log", "ANTARES_LOG", Some("info")),
        ("--config", "ANTARES_CONFIG", None),
    ] {
        // An option's text goes up to the next option.
        let is_own = |line: &str| line.trim_start().split(' ').next() == Some(option);
        let mut lines = help.lines().skip_while(|line| !is_own(line));
        let first = lines
            .next()
            .unwrap_or_else(|| panic!("{option} is not in:\n{help}"));
        let rest: Vec<&str> = lines
            .take_while(|line| !line.starts_with("      -"))
            .collect();
        let text = format!("{first}\n{}", rest.join("\n"));
        assert!(
            rest[0].trim().len() > 10,
            "{option} is not described: {text}"
        );
        assert!(
            text.contains(&format!("[env: {variable}")),
            "{variable} is not in: {text}"
        );
        if let Some(default) = default {
            assert!(
                text.contains(&format!("[default: {default}]")),
                "{default} is not in: {text}"
            );
        }
    }
    let known = help
        .lines()
        .filter(|line| line.starts_with("      --"))
        .count();
    assert_eq!(known, 15, "an option is not in this test:\n{help}");
    // Secrets in the environment are not shown.
    let output = command(&["run", "--help"])
        .env("DATABASE_URL", "postgres://user:hunter2@localhost/x")
        .env(
            "ANTARES_READ_DATABASE_URL",
            "postgres://user:hunter2@localhost/x",
        )
        .env("ANTARES_ADMIN_PASSWORD", "hunter2")
        .output()
        .expect("the server runs");
    assert!(!stdout(&output).contains("hunter2"));
    let general = stdout(&run(&["--help"]));
    for subcommand in ["run", "migrate", "next", "health", "openapi", "demo"] {
        assert!(
            general
                .lines()
                .any(|line| line.trim_start().starts_with(&format!("{subcommand} "))),
            "{general}"
        );
    }
    assert!(stdout(&run(&["--version"])).starts_with("antares-server 0."));
}
