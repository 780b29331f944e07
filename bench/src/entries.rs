//! What the client processes say about their handlers being entered.

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::task::JoinHandle;

use crate::process::Process;
use crate::worker::Entered;
use crate::{Error, Result};

/// Lines of one client process.
pub(crate) struct Entries(Lines<BufReader<ChildStdout>>);

impl Entries {
    pub(crate) fn of(client: &mut Process) -> Result<Self> {
        let stdout = client.stdout().ok_or("the client has no output")?;
        Ok(Self(BufReader::new(stdout).lines()))
    }

    /// The next one, within half a minute.
    pub(crate) async fn next(&mut self) -> Result<Entered> {
        let bound = std::time::Duration::from_secs(30);
        let line = tokio::time::timeout(bound, self.0.next_line()).await??;
        Ok(serde_json::from_str(&line.ok_or("the client has ended")?)?)
    }

    /// All of them until the process ends.
    pub(crate) fn collect(mut self) -> JoinHandle<Result<Vec<Entered>>> {
        tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(line) = self.0.next_line().await? {
                // The last line of a killed process may be half a line.
                if let Ok(entered) = serde_json::from_str(&line) {
                    all.push(entered);
                }
            }
            Ok::<_, Error>(all)
        })
    }
}
