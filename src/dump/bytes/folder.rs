//! The native source: a folder and everything below it, or a single file. Links to files are followed, links to folders
//! are not, so there are no loops and no duplicates, as in the reference.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::path::escaped;
use super::source::{FileEntry, Source, SourceError, reserve};

/// A folder on disk, or a single file.
#[derive(Debug, Default)]
pub struct FolderSource {
    entries: Vec<FileEntry>,
    places: Vec<PathBuf>,
    skipped: Vec<(String, String)>,
}

impl FolderSource {
    /// Lists the folder `root` and everything below it; if `root` is a file, only that file.
    ///
    /// # Errors
    /// When `root` can't be read. Unreadable files and folders below it are reported by [`Source::skipped`].
    pub fn open(root: &Path) -> io::Result<Self> {
        let mut source = Self::default();
        if fs::metadata(root)?.is_dir() {
            source.walk(root, String::new())?;
        } else {
            source.add_file(root, &file_name(root))?;
        }
        Ok(source)
    }

    /// Lists several folders and files. The paths of each start with its own name; a name that occurs again gets a
    /// number: `dump`, `dump (2)`.
    ///
    /// # Errors
    /// The path that can't be read, and the OS error.
    pub fn open_all(roots: &[PathBuf]) -> Result<Self, (PathBuf, io::Error)> {
        let mut source = Self::default();
        let mut names = HashSet::new();
        for root in roots {
            let name = file_name(&root.canonicalize().unwrap_or_else(|_| root.clone()));
            let mut unique = name.clone();
            let mut count = 1;
            while !names.insert(unique.clone()) {
                count += 1;
                unique = numbered(&name, count);
            }
            let is_dir = fs::metadata(root).map(|status| status.is_dir());
            let listed = is_dir.and_then(|is_dir| {
                if is_dir {
                    source.walk(root, unique + "/")
                } else {
                    source.add_file(root, &unique)
                }
            });
            listed.map_err(|error| (root.clone(), error))?;
        }
        Ok(source)
    }

    fn add_file(&mut self, place: &Path, path: &str) -> io::Result<()> {
        let status = fs::metadata(place)?;
        if let Some(reason) = not_a_file(status.file_type()) {
            return Err(io::Error::other(reason));
        }
        self.entries.push(FileEntry {
            path: path.to_owned(),
            size: status.len(),
        });
        self.places.push(place.to_path_buf());
        Ok(())
    }

    /// Walks with an explicit stack, so that deep nesting can't overflow the thread's stack.
    fn walk(&mut self, root: &Path, prefix: String) -> io::Result<()> {
        let mut folders = vec![(root.to_path_buf(), prefix)];
        let mut is_root = true;
        while let Some((folder, prefix)) = folders.pop() {
            let listing = match fs::read_dir(&folder) {
                Ok(listing) => listing,
                Err(error) if is_root => return Err(error),
                Err(error) => {
                    self.skipped
                        .push((prefix.trim_end_matches('/').to_owned(), error.to_string()));
                    continue;
                }
            };
            is_root = false;
            for item in listing {
                let item = match item {
                    Ok(item) => item,
                    Err(error) => {
                        self.skipped
                            .push((prefix.trim_end_matches('/').to_owned(), error.to_string()));
                        break;
                    }
                };
                let path = format!("{prefix}{}", path_text(&item.file_name()));
                match self.visit(&item, path) {
                    Ok(Some(below)) => folders.push((item.path(), below)),
                    Ok(None) => {}
                    Err((path, reason)) => self.skipped.push((path, reason)),
                }
            }
        }
        Ok(())
    }

    /// Adds a file, or returns the path prefix of a folder that is to be walked.
    fn visit(
        &mut self,
        item: &fs::DirEntry,
        path: String,
    ) -> Result<Option<String>, (String, String)> {
        let status = match fs::metadata(item.path()) {
            Ok(status) => status,
            Err(error) => return Err((path, error.to_string())),
        };
        if status.is_dir() {
            if item.file_type().is_ok_and(|kind| kind.is_symlink()) {
                return Err((path, "a link to a folder is not followed".to_owned()));
            }
            return Ok(Some(path + "/"));
        }
        if let Some(reason) = not_a_file(status.file_type()) {
            return Err((path, reason));
        }
        self.entries.push(FileEntry {
            path,
            size: status.len(),
        });
        self.places.push(item.path());
        Ok(None)
    }
}

/// Why a path that is no folder can't be read at random offsets: pipes, sockets and devices have no size, and reading
/// them may block forever.
fn not_a_file(kind: fs::FileType) -> Option<String> {
    (!kind.is_file()).then(|| format!("{}, not a file; save what it gives in one", kind_name(kind)))
}

#[cfg(unix)]
fn kind_name(kind: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind_name(_: fs::FileType) -> &'static str {
    "a device"
}

/// Opens a file without blocking, in case a pipe has replaced it since it was listed.
fn open_file(place: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let open = options.open(place)?;
    match not_a_file(open.metadata()?.file_type()) {
        Some(reason) => Err(io::Error::other(reason)),
        None => Ok(open),
    }
}

impl Source for FolderSource {
    fn files(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read_at(&self, file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError> {
        let io = |error: io::Error| SourceError::Io(error.to_string());
        let place = self
            .places
            .get(file)
            .ok_or_else(|| SourceError::Io(format!("no file number {file}")))?;
        let mut open = open_file(place).map_err(io)?;
        let end = open.metadata().map_err(io)?.len();
        let needed = offset.saturating_add(len as u64);
        if needed > end {
            return Err(SourceError::Short { needed, end });
        }
        if offset > 0 {
            open.seek(SeekFrom::Start(offset)).map_err(io)?;
        }
        let mut bytes = reserve(len as u64)?;
        let found = open.take(len as u64).read_to_end(&mut bytes).map_err(io)?;
        if found < len {
            return Err(SourceError::Short {
                needed,
                end: offset + found as u64,
            });
        }
        Ok(bytes)
    }

    fn skipped(&self) -> &[(String, String)] {
        &self.skipped
    }
}

/// Last component of a path.
fn file_name(path: &Path) -> String {
    path_text(path.file_name().unwrap_or(path.as_os_str()))
}

/// The name with ` (2)` appended, before a file's extension.
fn numbered(name: &str, count: usize) -> String {
    match name.split_once('.').filter(|(stem, _)| !stem.is_empty()) {
        Some((stem, ending)) => format!("{stem} ({count}).{ending}"),
        None => format!("{name} ({count})"),
    }
}

/// A name as text; bytes that are not UTF-8 stay distinguishable.
fn path_text(name: &OsStr) -> String {
    #[cfg(unix)]
    return escaped(std::os::unix::ffi::OsStrExt::as_bytes(name));
    #[cfg(not(unix))]
    name.to_string_lossy().into_owned()
}
