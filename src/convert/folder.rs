//! Writes the capture layout to a folder on disk.

use std::fs;
use std::path::Path;

use super::error::ConvertError;
use super::files::OutputFile;

/// Writes all files below `folder`, which is created if it does not exist. An existing file is never overwritten.
///
/// # Errors
/// When a capture can't be read or a file can't be written; files already written remain.
pub fn write_folder(
    files: impl Iterator<Item = Result<OutputFile, ConvertError>>,
    folder: &Path,
) -> Result<(), ConvertError> {
    for file in files {
        let OutputFile { path, bytes } = file?;
        let path = folder.join(path);
        let error = |error: std::io::Error| ConvertError::Write {
            path: path.display().to_string(),
            why: error.to_string(),
        };
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(error)?;
        let mut out = fs::File::create_new(&path).map_err(error)?;
        std::io::Write::write_all(&mut out, &bytes).map_err(error)?;
    }
    Ok(())
}
