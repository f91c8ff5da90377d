//! Helpers shared by the tests of the command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A path below `tests/data`.
pub fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path)
}

/// A command that runs `kvlens` with this subcommand.
pub fn kvlens(subcommand: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvlens"));
    command.arg(subcommand);
    command
}

/// What a command says on stderr.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
