//! Writes a conversion to disk: a new folder or file, in any of the formats.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::error::ConvertError;
use super::files::Files;
use super::folder::write_folder;
use super::options::Format;
use super::plan::Plan;
use super::safetensors::Safetensors;
use super::zip::Zip;
use crate::dump::Dump;

/// Writes what `plan` selects to the new folder or file `to`. `go_on` is called with the fraction that is written, and returns whether to
/// continue; returns false if it was stopped before completion.
///
/// # Errors
/// When a capture can't be read, or `to` can't be written.
pub fn write(
    plan: Plan,
    dump: &Dump,
    format: Format,
    to: &Path,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<bool, ConvertError> {
    let all = plan.bytes().max(1) as f64;
    let mut written = 0;
    // Heads and names come to a little more than the plan's bytes.
    let mut before = |next: usize| {
        let goes_on = go_on((written as f64 / all).min(1.0));
        written += next;
        goes_on
    };
    match format {
        Format::Folder => {
            let mut goes_on = true;
            let files = Files::new(plan, dump).take_while(|file| {
                goes_on = before(file.as_ref().map_or(0, |file| file.bytes.len()));
                goes_on
            });
            write_folder(files, to)?;
            Ok(goes_on && before(0))
        }
        Format::Zip => write_file(Zip::new(plan, dump), to, &mut before),
        Format::Safetensors => write_file(Safetensors::new(plan, dump), to, &mut before),
    }
}

/// Calls `before` with the length of each piece that is to be written, and with 0 in the end.
fn write_file(
    pieces: impl Iterator<Item = Result<Vec<u8>, ConvertError>>,
    to: &Path,
    before: &mut dyn FnMut(usize) -> bool,
) -> Result<bool, ConvertError> {
    let failed = |error: io::Error| ConvertError::Write {
        path: to.display().to_string(),
        why: error.to_string(),
    };
    let mut out = BufWriter::with_capacity(1 << 20, File::create_new(to).map_err(failed)?);
    for piece in pieces {
        let piece = piece?;
        if !before(piece.len()) {
            return Ok(false);
        }
        out.write_all(&piece).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(before(0))
}
