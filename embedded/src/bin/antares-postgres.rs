//! Finds PostgreSQL, or runs a private one until standard input ends.
//!
//! `antares-postgres locate` prints the folder with the programs, installing them if need be.
//! `antares-postgres download` downloads them and prints the folder.
//! `antares-postgres run [DATA_DIR]` prints the address of a server, a temporary one without a folder.

use std::io::{Read, Write};
use std::process::ExitCode;

use antares_embedded::{Binaries, Error, Options, Postgres};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["locate"] => Binaries::locate(&mut say).map(|found| print(&found)),
        #[cfg(feature = "download")]
        ["download"] => Binaries::download(&mut say).map(|found| print(&found)),
        ["run"] => run(Options::temporary()),
        ["run", data_dir] => run(Options::persistent(data_dir)),
        _ => {
            eprintln!("usage: antares-postgres locate | download | run [DATA_DIR]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(found: &Binaries) {
    println!("{}", found.folder().display());
}

fn run(options: Options) -> Result<(), Error> {
    let binaries = Binaries::locate_for(&options.data_dir, &mut say)?;
    let mut postgres = Postgres::start(&binaries, options)?;
    // A reader who has gone shows at standard input too.
    let _ = writeln!(
        std::io::stdout(),
        "{} {}",
        postgres.url("postgres"),
        postgres.pid().unwrap_or_default()
    );
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    postgres.stop()
}

fn say(line: &str) {
    eprintln!("{line}");
}
