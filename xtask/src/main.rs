//! Build, serve, test and measure kvlens: `cargo xtask help`.
//!
//! Each command has its own file; to add one, add its `mod`, its line in `Command` and its line in `main`.

mod bench;
mod dist;
mod fuzz;
mod fuzz_dump;
mod fuzz_zstd;
mod minify;
mod preload;
mod python;
mod references;
mod sample;
mod serve;
mod shell;
mod sizes;
mod test;
mod toolchain;
mod tools;
mod wasm;

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
    /// Measures the analyses of the reference against C libzstd
    Bench(bench::Args),
    /// Runs the coverage-guided targets of fuzz/
    Fuzz(fuzz::Args),
    /// Feeds damaged dumps of every format to the scan
    FuzzDump(fuzz_dump::Args),
    /// Compares our zstd frames with C libzstd's on random streams
    FuzzZstd(fuzz_zstd::Args),
    /// Builds dist/: the page with both wasm modules, ready for any static host under any path
    Build(dist::Args),
    /// Builds what is stale and serves the page on this machine
    Serve(serve::Args),
    /// Runs every check: format, lints, tests, types, and the page in real browsers
    Test(test::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::FuzzDump(args) => fuzz_dump::run(&args),
        Command::FuzzZstd(args) => fuzz_zstd::run(&args),
        Command::Build(args) => dist::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Test(args) => test::run(&args),
    }
}
