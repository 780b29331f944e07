//! Script jobs: a command line or the text of a script, run as processes of their own.

use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;

use antares_protocol::job::Script;
use serde_json::Value;
use tempfile::TempPath;
use tokio::process::Command;

use crate::outcome::chain;
use crate::{Context, Job, Outcome};

mod capture;
mod process;

/// The handler of script jobs.
pub(crate) struct ScriptJob {
    /// How long processes may go on after SIGTERM.
    pub(crate) term_grace: Duration,
    /// The app's secret, which processes must not find: what they print is shown to operators.
    pub(crate) secret: OsString,
}

impl Job for ScriptJob {
    type Output = Outcome;

    async fn run(&self, ctx: Context) -> Outcome {
        let Some(script) = ctx.script() else {
            return Outcome::fail("the server sent a script job without a script");
        };
        // The path goes, and the file with it, when the processes have ended.
        let (mut command, _path) = match prepare(script) {
            Ok(prepared) => prepared,
            Err(error) => return Outcome::Fail(error),
        };
        for (name, _) in std::env::vars_os().filter(|(_, value)| *value == self.secret) {
            command.env_remove(name);
        }
        command.envs(environment(&ctx));
        process::run(command, &ctx, self.term_grace).await
    }
}

/// The command to run, and the file it needs for as long as it runs.
fn prepare(script: &Script) -> Result<(Command, Option<TempPath>), String> {
    match script {
        Script::Command(line) => Ok((command("command", line)?, None)),
        Script::Body { interpreter, body } => {
            let mut command = command("interpreter", interpreter)?;
            let path = write_private(body)
                .map_err(|error| format!("cannot write the script to a temporary file: {error}"))?;
            command.arg(&path);
            Ok((command, Some(path)))
        }
    }
}

/// Splits `line` by shell quoting rules.
fn command(what: &str, line: &str) -> Result<Command, String> {
    let mut words = shlex::split(line)
        .ok_or_else(|| format!("{what}: a quote is not closed, or the end is a backslash: {line}"))?
        .into_iter();
    let program = words.next().ok_or_else(|| format!("{what}: it is empty"))?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}

/// Writes a file that only this user can read, and that goes when its path is dropped.
fn write_private(body: &str) -> std::io::Result<TempPath> {
    let mut file = tempfile::Builder::new().prefix("antares-").tempfile()?;
    file.write_all(body.as_bytes())?;
    Ok(file.into_temp_path())
}

/// What the processes find in their environment, beside all that this process has but the secret.
fn environment(ctx: &Context) -> Vec<(&'static str, OsString)> {
    let shard_param = text(ctx.param_value());
    let item = ctx.item().to_string();
    let trigger = ctx.trigger().name();
    [
        ("ANTARES_APP", ctx.app().to_owned()),
        ("ANTARES_JOB", ctx.job().to_owned()),
        ("ANTARES_INSTANCE_ID", ctx.instance_id().to_string()),
        ("ANTARES_SHARD_ID", ctx.shard_id().to_string()),
        ("ANTARES_SHARD_ITEM", item.clone()),
        ("ANTARES_SHARD_TOTAL", ctx.total().to_string()),
        ("ANTARES_SHARD_PARAM", shard_param.clone()),
        ("ANTARES_JOB_PARAM", text(ctx.job_param_value())),
        ("ANTARES_ATTEMPT", ctx.attempt().to_string()),
        ("ANTARES_TRIGGER", trigger.to_owned()),
        ("ANTARES_SCHEDULED_AT", ctx.scheduled_at().to_rfc3339()),
        ("ANTARES_FIRED_AT", ctx.fired_at().to_rfc3339()),
        // The names the original had.
        ("JOB_SHARD_ITEM", item),
        ("JOB_SHARD_PARAM", shard_param),
    ]
    .map(|(name, value)| (name, value.into()))
    .into()
}

/// Text as it is, no parameter as nothing, anything else as JSON.
fn text(param: &Value) -> String {
    match param {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Why a process could not be started.
fn cannot_start(command: &Command, error: &std::io::Error) -> Outcome {
    let program = command.as_std().get_program().to_string_lossy();
    Outcome::Fail(format!("cannot start `{program}`: {}", chain(error)))
}
