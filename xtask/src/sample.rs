//! The sample dump as one archive that the page can fetch.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipWriter};

use crate::dist;

/// Packs the folder `from` into the zip `to`. The same files give the same bytes.
///
/// # Errors
/// When a file can't be read or written.
pub fn write(from: &Path, to: &Path) -> Result<()> {
    let mut archive = ZipWriter::new(File::create(to)?);
    let options = SimpleFileOptions::default().last_modified_time(DateTime::default());
    for path in dist::files(from).with_context(|| from.display().to_string())? {
        if path.extension().is_some_and(|end| end == "md") {
            continue;
        }
        archive.start_file_from_path(&path, options)?;
        archive.write_all(&fs::read(from.join(&path))?)?;
    }
    archive.finish()?;
    Ok(())
}
