//! Script jobs, with real processes.

use std::path::Path;
use std::time::Duration;

use antares_client::ClientHandle;
use antares_client::protocol::client::{
    Cancel, CancelReason, ClaimedShard, Outcome as Reported, ShardResult,
};
use antares_client::protocol::job::{JobKind, Script};
use serde_json::json;

use crate::stand_in::{PATIENCE, StandIn, shard, soon};

fn script(shard_id: i64, script: Script) -> ClaimedShard {
    ClaimedShard {
        kind: JobKind::Script,
        script: Some(script),
        ..shard(shard_id, "script")
    }
}

fn command(shard_id: i64, line: &str) -> ClaimedShard {
    script(shard_id, Script::Command(line.to_owned()))
}

fn body(shard_id: i64, text: &str) -> ClaimedShard {
    let script_body = Script::Body {
        interpreter: "sh".to_owned(),
        body: text.to_owned(),
    };
    script(shard_id, script_body)
}

fn runner(server: &StandIn) -> ClientHandle {
    let client = server
        .client()
        .allow_scripts(true)
        .cancel_grace(Duration::from_millis(1_500));
    client.build().unwrap().spawn()
}

async fn run(shard: ClaimedShard) -> ShardResult {
    let server = StandIn::start();
    let shard_id = shard.shard_id;
    server.add([shard]);
    let client = runner(&server);
    let result = server.result_of(shard_id).await;
    soon(client.shutdown()).await;
    result
}

/// Waits until the process is gone, or a zombie that nobody has collected yet.
async fn gone(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    let gone = async {
        while let Ok(stat) = tokio::fs::read_to_string(&stat).await {
            if stat
                .rsplit(')')
                .next()
                .unwrap()
                .trim_start()
                .starts_with('Z')
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .unwrap_or_else(|_| panic!("process {pid} is still there"));
}

/// The lines the shard has logged, once there are `count`.
async fn lines(server: &StandIn, count: usize) -> Vec<String> {
    server
        .until("log lines", |book| {
            let lines = book.lines.iter().map(|line| line.message.clone());
            (book.lines.len() >= count).then(|| lines.collect())
        })
        .await
}

#[tokio::test]
async fn a_command_is_split_by_quoting_rules_and_run_without_a_shell() {
    let result = run(command(1, r#"printf '%s|' "two words" $HOME a\ b ';' '*'"#)).await;
    assert_eq!(result.outcome, Reported::Succeeded);
    assert_eq!(result.output.as_deref(), Some("two words|$HOME|a b|;|*|"));
}

#[tokio::test]
async fn a_body_is_run_by_its_interpreter_from_a_private_file_that_is_removed() {
    let shard = script(
        1,
        Script::Body {
            interpreter: "sh -e".to_owned(),
            body: "stat -c %a \"$0\"; echo \"$0\"; false; echo never".to_owned(),
        },
    );
    let result = run(shard).await;
    assert_eq!(result.outcome, Reported::Failed);
    let error = result.error.unwrap();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[..2], ["exit code 1", "600"]);
    assert!(lines[2].starts_with('/') && lines.len() == 3, "{error}");
    assert!(!Path::new(lines[2]).exists(), "the script is still there");
}

#[tokio::test]
async fn a_script_finds_its_shard_in_an_environment_that_is_kept() {
    let mut shard = body(9, "env | sort");
    shard.item = 2;
    shard.total = 5;
    shard.attempt = 3;
    shard.param = json!("a;b=c \"d\"");
    shard.job_param = json!({"limit": 10});
    let output = run(shard).await.output.unwrap();
    for line in [
        "ANTARES_APP=shop",
        "ANTARES_JOB=script job",
        "ANTARES_INSTANCE_ID=7",
        "ANTARES_SHARD_ID=9",
        "ANTARES_SHARD_ITEM=2",
        "ANTARES_SHARD_TOTAL=5",
        "ANTARES_SHARD_PARAM=a;b=c \"d\"",
        "ANTARES_JOB_PARAM={\"limit\":10}",
        "ANTARES_ATTEMPT=3",
        "ANTARES_TRIGGER=schedule",
        "ANTARES_SCHEDULED_AT=2026-01-02T03:04:05+00:00",
        "ANTARES_FIRED_AT=2026-01-02T03:04:06+00:00",
        "JOB_SHARD_ITEM=2",
        "JOB_SHARD_PARAM=a;b=c \"d\"",
        &format!("PATH={}", std::env::var("PATH").unwrap()),
    ] {
        assert!(
            output.lines().any(|found| found == line),
            "no {line} in\n{output}"
        );
    }
}

#[tokio::test]
async fn stdout_and_stderr_are_captured_in_order_and_logged_line_by_line() {
    let server = StandIn::start();
    server.add([body(
        1,
        "echo one; echo two >&2; printf three; read nothing || echo ' no input'; exit 3",
    )]);
    let client = runner(&server);
    let result = server.result_of(1).await;
    assert_eq!(result.outcome, Reported::Failed);
    assert_eq!(
        result.error.as_deref(),
        Some("exit code 3\none\ntwo\nthree no input")
    );
    assert_eq!(lines(&server, 3).await, ["one", "two", "three no input"]);
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn long_output_is_cut_and_the_script_still_runs_to_its_end() {
    let result = run(body(1, "yes 0123456789 | head -c 3000000; echo end >&2")).await;
    assert_eq!(result.outcome, Reported::Succeeded);
    let output = result.output.unwrap();
    assert!(output.len() <= 64 * 1024);
    assert!(output.ends_with("[cut: 3000004 bytes in all]"));
}

#[tokio::test]
async fn a_script_killed_by_a_signal_says_which() {
    let result = run(body(1, "echo so far; kill -9 $$")).await;
    assert_eq!(result.error.as_deref(), Some("killed by signal 9\nso far"));
}

#[tokio::test]
async fn what_cannot_be_started_fails_with_the_reason() {
    for (line, error) in [
        (
            "/no/such/program x",
            "cannot start `/no/such/program`: No such file",
        ),
        ("echo 'open", "command: a quote is not closed"),
        ("  ", "command: it is empty"),
    ] {
        let result = run(command(1, line)).await;
        let found = result.error.unwrap();
        assert!(found.starts_with(error), "{found}");
    }
}

#[tokio::test]
async fn a_timeout_kills_the_whole_group_those_included_that_ignore_sigterm() {
    let server = StandIn::start();
    let mut shard = body(
        1,
        "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 60; done' & echo $$; wait",
    );
    shard.timeout_ms = 300;
    server.add([shard]);
    let client = runner(&server);
    let result = server.result_of(1).await;
    let error = result.error.unwrap();
    assert!(
        error.starts_with("timed out after 300 ms: the script was stopped: killed by signal 9"),
        "{error}"
    );
    for pid in lines(&server, 2).await {
        gone(&pid).await;
    }
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn a_cancelled_script_gets_sigterm_and_may_clean_up() {
    let server = StandIn::start();
    let trap = "trap 'echo cleaning; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    server.add([body(1, trap)]);
    let client = runner(&server);
    lines(&server, 1).await;
    // The shell's own remark on its `sleep` may come between.
    server.edit(|book| {
        book.cancel.push(Cancel {
            shard_id: 1,
            attempt: 1,
            reason: CancelReason::Ended,
        });
    });
    server
        .until("cleaning", |book| {
            book.lines
                .iter()
                .find(|line| line.message == "cleaning")
                .map(drop)
        })
        .await;
    soon(client.shutdown()).await;
    assert!(server.edit(|book| book.results.is_empty()));
}

#[tokio::test]
async fn processes_left_behind_that_hold_the_output_are_stopped_and_do_not_hang_the_shard() {
    let server = StandIn::start();
    server.add([body(1, "sleep 1000 & echo $!; echo done")]);
    let client = runner(&server);
    let result = server.result_of(1).await;
    assert_eq!(result.outcome, Reported::Succeeded);
    let output = result.output.unwrap();
    let (pid, rest) = output.split_once('\n').unwrap();
    assert_eq!(rest, "done\n");
    gone(pid).await;
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn an_abort_kills_the_group() {
    let server = StandIn::start();
    server.add([body(
        1,
        "trap '' TERM; sh -c 'echo $$; sleep 1000' & echo $$; wait; wait",
    )]);
    let client = runner(&server);
    let pids = lines(&server, 2).await;
    client.abort();
    soon(client.stopped()).await;
    for pid in pids {
        gone(&pid).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_allow_scripts_has_no_handler_for_them() {
    let server = StandIn::start();
    server.add([command(1, "true")]);
    let client = server
        .client()
        .handler("other", async |_ctx: antares_client::Context| {})
        .build()
        .unwrap()
        .spawn();
    let result = server.result_of(1).await;
    assert_eq!(
        result.error.as_deref(),
        Some("this client has no handler `script`")
    );
    assert_eq!(
        server.edit(|book| book.registered[0].1.handlers.clone()),
        ["other"]
    );
    soon(client.shutdown()).await;
}
