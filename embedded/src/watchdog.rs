//! Stops PostgreSQL, and removes a temporary folder, when the owner ends without doing so.
//!
//! A shell waits on a pipe of which the owner alone holds the other end: however the owner ends, the
//! kernel closes it. It has its own process group, so that Ctrl-C reaches the owner alone, and it is
//! started before PostgreSQL, so that there is no moment without it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use crate::account::Account;
use crate::error::{Context, Error};
use crate::folder::Folder;

/// `$1` is the data folder, `$2` the owner's token, `$3` is `temporary` or `persistent`.
///
/// The process id is read before the token: with the token still ours, no later owner can have
/// started the server of that id.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _ && exit 0
tries=0 seen=
while [ $tries -lt 900 ]; do
    pid= token=
    read -r pid < "$1/pgdata/postmaster.pid"
    read -r _ token < "$1/owner"
    [ "$token" = "$2" ] || exit 0
    if [ -n "$pid" ] && kill -0 "$pid"; then
        # Fast at first; without mercy after 30 s, then 60 s.
        [ -z "$seen" ] && kill -INT "$pid"
        [ $tries -eq 300 ] && kill -QUIT "$pid"
        [ $tries -eq 600 ] && kill -KILL "$pid"
        seen=yes
    elif [ -n "$seen" ] || [ $tries -gt 20 ]; then
        # Not seen within 2 s: the owner ended before it started one.
        break
    fi
    tries=$((tries + 1))
    sleep 0.1 || sleep 1
done
tries=0
while [ "$3" = temporary ] && [ -e "$1" ] && [ $tries -lt 50 ]; do
    rm -rf "$1"
    tries=$((tries + 1))
    [ -e "$1" ] && { sleep 0.1 || sleep 1; }
done
exit 0
"#;

/// The watching shell.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Watches over the server in `folder` until dismissed.
    pub(crate) fn start(
        folder: &Folder,
        temporary: bool,
        account: &Account,
    ) -> Result<Self, Error> {
        account
            .command("/bin/sh")
            .args(["-c", SCRIPT, "antares-postgres-watchdog"])
            .arg(&folder.path)
            .arg(&folder.token)
            .arg(if temporary { "temporary" } else { "persistent" })
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Self)
            .context(|| "run /bin/sh".to_owned())
    }

    /// Ends it: the server is stopped already.
    pub(crate) fn dismiss(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.0.wait();
    }
}
