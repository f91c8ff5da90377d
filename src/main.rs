//! The command line: flags made from the analyses' settings, problems and progress on stderr, reports written whole or not at all.
// `println!` and `eprintln!` panic where the reader is gone: `cli::print` has what is used instead.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
