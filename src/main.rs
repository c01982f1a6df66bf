//! The program: hands the arguments to the command line and its verdict to the shell.

use std::process::ExitCode;

fn main() -> ExitCode {
    boardroom::cli::run(std::env::args_os())
}
