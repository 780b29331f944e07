//! Set-up, demo, tests and benchmarks of Antares, for `cargo xtask`.

mod bench;
mod browser;
mod cargo;
mod console;
mod demo;
mod lint;
mod pgbouncer;
mod screenshots;
mod setup;
mod test;

use std::process::ExitCode;

/// The reason is shown as it is.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const HELP: &str = "\
Set-up, demo, tests and benchmarks of Antares

Usage: cargo xtask <command> [arguments]

  demo [--check] [...]  set up, build and run the demo; --check runs it unattended and verifies it
  test [filter ...]     set up, build and run every test, or those whose name has the filter in it
  bench [...]           build with optimisation and run the benchmarks
  console               build the console (WebAssembly) into console/dist
  screenshots           take pictures of every page of the console, light and dark, into docs/screenshots
  setup                 find or install all that the commands above need, and build the console
  lint                  format, clippy and documentation, warnings as errors
  help                  this list

Arguments go on to what is run: `cargo xtask demo --help` lists those of the demo.
DATABASE_URL names a PostgreSQL to use in place of a private one.";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match (command.as_str(), rest.as_slice()) {
        ("demo", _) => demo::run(&rest),
        ("test", _) => test::run(&rest),
        ("bench", _) => bench::run(&rest),
        ("console", []) => console::build().map(|()| ExitCode::SUCCESS),
        ("screenshots", []) => screenshots::run(),
        ("setup", []) => setup::all().map(|()| ExitCode::SUCCESS),
        ("lint", []) => lint::run().map(|()| ExitCode::SUCCESS),
        ("help" | "-h" | "--help", _) => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{HELP}");
            Ok(ExitCode::from(2))
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}
