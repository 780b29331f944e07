//! The demo.
#[derive(Debug, clap::Args)]
pub struct DemoClient {}
impl DemoClient { pub async fn run(&self) -> Result<std::process::ExitCode, crate::boot::StartError> { unreachable!() } }
