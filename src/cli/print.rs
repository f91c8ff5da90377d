//! What is printed, line by line: as plain text, and never a reason to panic. A reader that went away (`| head -1`) is none to fail
//! either: the reports are still written. A full disk behind stdout is, at the end: [`finish`].

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use kvlens::report::plain::plain;

use super::failure::Failure;

/// Why stdout took no more.
static STDOUT: OnceLock<io::Error> = OnceLock::new();

/// Prints a line to stdout, as [`format!`] would make it.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print::to_stdout(format_args!($($text)*)) };
}

/// Prints a line to stderr behind the program's name.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::print::to_stderr(format_args!($($text)*)) };
}

/// For [`say!`].
pub fn to_stdout(text: Arguments<'_>) {
    let line = format!("{}\n", plain(&text.to_string()));
    stdout_took(io::stdout().write_all(line.as_bytes()));
}

/// Notes what became of something that was written to stdout.
pub fn stdout_took(written: io::Result<()>) {
    if let Err(error) = written {
        // Only the first says why.
        let _ = STDOUT.set(error);
    }
}

/// For [`tell!`]. Where stderr takes no more, there is nowhere left to say so.
pub fn to_stderr(text: Arguments<'_>) {
    let line = format!("kvlens: {}\n", plain(&text.to_string()));
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Writes out what is still held back.
///
/// # Errors
/// When stdout did not take everything, and not because its reader went away.
pub fn finish() -> Result<(), Failure> {
    stdout_took(io::stdout().flush());
    match STDOUT.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("stdout: {error}")))
        }
        _ => Ok(()),
    }
}
