//! Entry point of `antares-server`.

fn main() -> std::process::ExitCode {
    antares_server::cli::main()
}
