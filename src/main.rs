//! The command line: flags made from the analyses' settings, problems and progress on stderr, reports written whole or not at all.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
