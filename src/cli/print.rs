//! Output to stdout and stderr, line by line; never panics. A closed pipe (`| head -1`) is no failure, since the reports are still written.
//! A full disk behind stdout is one, at the end: [`finish`].

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use kvlens::report::plain::plain;

use super::failure::Failure;

/// The first error of writing to stdout.
static STDOUT: OnceLock<io::Error> = OnceLock::new();

/// Prints a line to stdout; takes the arguments of [`format!`].
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print::to_stdout(format_args!($($text)*)) };
}

/// Prints a line to stderr, prefixed by the program's name.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::print::to_stderr(format_args!($($text)*)) };
}

/// Implements [`say!`].
pub fn to_stdout(text: Arguments<'_>) {
    let line = format!("{}\n", plain(&text.to_string()));
    stdout_took(io::stdout().write_all(line.as_bytes()));
}

/// Records the error of a write to stdout.
pub fn stdout_took(written: io::Result<()>) {
    if let Err(error) = written {
        // Only the first error counts.
        let _ = STDOUT.set(error);
    }
}

/// Implements [`tell!`]. Errors of writing to stderr are ignored: there is nowhere left to report them.
pub fn to_stderr(text: Arguments<'_>) {
    let line = format!("kvlens: {}\n", plain(&text.to_string()));
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Flushes stdout.
///
/// # Errors
/// When stdout did not take everything, unless its reader closed the pipe.
pub fn finish() -> Result<(), Failure> {
    stdout_took(io::stdout().flush());
    match STDOUT.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("stdout: {error}")))
        }
        _ => Ok(()),
    }
}
