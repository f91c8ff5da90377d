//! Build, serve, test and measure kvlens: `cargo xtask help`.
//!
//! One file a command; a new one is its `mod`, its line in `Command` and its line in `main`.

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
enum Command {}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {}
}
