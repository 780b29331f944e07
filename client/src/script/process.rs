//! Running a script's processes: as a group that is stopped as a whole, however it ends.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{Context, Outcome};

use super::cannot_start;
use super::capture::Capture;

/// How long output is awaited of processes that the main one left behind, and how long the killed take
/// to be gone.
const LEFTOVERS: Duration = Duration::from_millis(500);

/// Runs `command` to its end, or to the shard's cancellation.
pub(super) async fn run(mut command: Command, ctx: &Context, term_grace: Duration) -> Outcome {
    let mut group = match Group::start(&mut command) {
        Ok(group) => group,
        Err(error) => return cannot_start(&command, &error),
    };
    // The command holds the pipe's other end.
    drop(command);
    let ended = tokio::select! {
        biased;
        ended = group.until_exit(ctx) => ended,
        () = ctx.cancelled() => {
            let ended = group.stop(ctx, term_grace).await;
            return stopped(&mut group, ctx, ended);
        }
    };
    if let Err(error) = ended {
        return Outcome::Fail(format!("cannot wait for the process: {error}"));
    }
    let are_gone = timeout(LEFTOVERS, group.until_end(ctx)).await.is_ok();
    if !are_gone {
        ctx.log().warn(
            "the script has ended, but processes it left behind hold its output: they are stopped",
        );
        let _ = group.stop(ctx, LEFTOVERS).await;
    }
    group.is_over = true;
    group.capture.finish(ctx);
    match group.status {
        Some(status) if status.success() => Outcome::Success(group.capture.output()),
        Some(status) => Outcome::Fail(format!("{}{}", describe(status), group.capture.tail())),
        None => Outcome::fail("the process ended without a status"),
    }
}

/// The outcome of a script that was cancelled.
fn stopped(group: &mut Group, ctx: &Context, ended: io::Result<()>) -> Outcome {
    group.capture.finish(ctx);
    let how = match (group.status, ended) {
        (Some(status), _) => describe(status),
        (None, Err(error)) => format!("cannot wait for the process: {error}"),
        (None, Ok(())) => "the process could not be killed".to_owned(),
    };
    Outcome::Fail(format!(
        "the script was stopped: {how}{}",
        group.capture.tail()
    ))
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// The processes of one script. Killed as a group when dropped before they have ended, as when the
/// handler's task is dropped.
struct Group {
    /// Ends the processes if this one is gone before them. Dropped, and so killed, before its leash is.
    _watch: Option<Child>,
    _leash: Option<io::PipeWriter>,
    id: Pid,
    main: Child,
    status: Option<ExitStatus>,
    output: Receiver,
    is_open: bool,
    capture: Capture,
    is_over: bool,
}

/// Starts what kills the processes of a group when the end of its pipe that is returned is closed, as it is by the end
/// of this process, whichever way that ends.
fn watch(group: Pid) -> io::Result<(Child, io::PipeWriter)> {
    let (reader, leash) = io::pipe()?;
    let watch = Command::new("/bin/sh")
        .args(["-c", r#"read -r _; kill -s KILL -- "-$0""#])
        .arg(group.as_raw_nonzero().to_string())
        .stdin(reader)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A signal to the group of this process is not for it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok((watch, leash))
}

impl Group {
    fn start(command: &mut Command) -> io::Result<Self> {
        // One pipe for both, so that what is printed keeps its order.
        let (reader, writer) = io::pipe()?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        let output = Receiver::from_owned_fd(reader.into())?;
        let main = command.spawn()?;
        let id = main
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| io::Error::other("the process has no id"))?;
        let (watch, leash) = match watch(id) {
            Ok((watch, leash)) => (Some(watch), Some(leash)),
            Err(error) => {
                tracing::warn!(%error, "no watch can be set: the script will go on if this process is killed");
                (None, None)
            }
        };
        Ok(Self {
            _watch: watch,
            _leash: leash,
            id,
            main,
            status: None,
            output,
            is_open: true,
            capture: Capture::default(),
            is_over: false,
        })
    }

    fn signal(&self, signal: Signal) {
        // It fails when no process is left, which is what is wanted.
        let _ = kill_process_group(self.id, signal);
    }

    /// Waits for output, or for the main process.
    async fn step(&mut self, ctx: &Context) -> io::Result<()> {
        let mut chunk = [0; 8 * 1024];
        tokio::select! {
            read = self.output.read(&mut chunk), if self.is_open => match read {
                Ok(0) | Err(_) => self.is_open = false,
                Ok(count) => self.capture.push(&chunk[..count], ctx),
            },
            status = self.main.wait(), if self.status.is_none() => self.status = Some(status?),
        }
        Ok(())
    }

    /// Until the main process has ended.
    async fn until_exit(&mut self, ctx: &Context) -> io::Result<()> {
        while self.status.is_none() {
            self.step(ctx).await?;
        }
        Ok(())
    }

    /// Until the main process has ended and nobody holds its output.
    async fn until_end(&mut self, ctx: &Context) -> io::Result<()> {
        while self.status.is_none() || self.is_open {
            self.step(ctx).await?;
        }
        Ok(())
    }

    /// Ends all processes: with SIGTERM, and after `grace` with SIGKILL, those included that ignore the
    /// first or have closed their output.
    async fn stop(&mut self, ctx: &Context, grace: Duration) -> io::Result<()> {
        self.signal(Signal::TERM);
        let ended = timeout(grace, self.until_end(ctx)).await;
        self.signal(Signal::KILL);
        match ended {
            Ok(ended) => ended,
            Err(_) => timeout(LEFTOVERS, self.until_end(ctx))
                .await
                .unwrap_or(Ok(())),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_over {
            self.signal(Signal::KILL);
        }
    }
}
