use std::process::ExitCode;

/// Prints the API's description.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    println!("{}", serde_json::to_string_pretty(&shoal_gateway::openapi())?);
    Ok(ExitCode::SUCCESS)
}
