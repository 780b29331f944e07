//! The server, built with the tests so that they never run a stale one.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Also when the tests are killed outright, nothing of theirs stays behind.
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        eprintln!("cannot tie this process to its parent: {error}");
    }
    antares_server::cli::main()
}
