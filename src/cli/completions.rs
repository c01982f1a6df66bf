//! `boardroom completions SHELL`.

use std::process::ExitCode;

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell to complete for
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, mut command: clap::Command) -> ExitCode {
    clap_complete::generate(
        arguments.shell,
        &mut command,
        "boardroom",
        &mut std::io::stdout(),
    );
    ExitCode::SUCCESS
}
