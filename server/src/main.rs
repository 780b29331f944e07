//! Entry point of `antares-server`.

/// A request allocates some dozens of pieces and frees them in another thread, at which the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    antares_server::cli::main()
}
