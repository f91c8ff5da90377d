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

/// Writes what `plan` selects to the new folder or file `to` for as long as `goes_on` returns true; returns false if it
/// was stopped before completion.
///
/// # Errors
/// When a capture can't be read, or `to` can't be written.
pub fn write(
    plan: Plan,
    dump: &Dump,
    format: Format,
    to: &Path,
    goes_on: &dyn Fn() -> bool,
) -> Result<bool, ConvertError> {
    match format {
        Format::Folder => {
            write_folder(Files::new(plan, dump).take_while(|_| goes_on()), to)?;
            Ok(goes_on())
        }
        Format::Zip => write_file(Zip::new(plan, dump), to, goes_on),
        Format::Safetensors => write_file(Safetensors::new(plan, dump), to, goes_on),
    }
}

fn write_file(
    pieces: impl Iterator<Item = Result<Vec<u8>, ConvertError>>,
    to: &Path,
    goes_on: &dyn Fn() -> bool,
) -> Result<bool, ConvertError> {
    let failed = |error: io::Error| ConvertError::Write {
        path: to.display().to_string(),
        why: error.to_string(),
    };
    let mut out = BufWriter::with_capacity(1 << 20, File::create_new(to).map_err(failed)?);
    for piece in pieces {
        if !goes_on() {
            return Ok(false);
        }
        out.write_all(&piece?).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(true)
}
