//! Build, serve, test and measure kvlens: `cargo xtask help`.
//!
//! One file a command; a new one is its `mod`, its line in `Command` and its line in `main`.

mod fuzz_zstd;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Builds, serves, tests and measures kvlens"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares our zstd frames with C libzstd's on random streams
    FuzzZstd(fuzz_zstd::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::FuzzZstd(args) => fuzz_zstd::run(&args),
    }
}
