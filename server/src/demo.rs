//! The demo.
pub mod client;
#[derive(Debug, clap::Args)]
pub struct Demo {}
impl Demo { pub async fn run(&self) -> Result<std::process::ExitCode, crate::boot::StartError> { unreachable!() } }
