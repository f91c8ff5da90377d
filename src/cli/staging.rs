//! Output folders: creates and locks them, and removes those that stay empty. Temporary folders come from
//! [`kvlens::dump::unfinished_folder`]; those that a killed run left are named.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use kvlens::dump::{unfinished_folder, unfinished_name};
use tempfile::TempDir;

/// Folders that were created for output. Unless [`Folders::keep`] is called, dropping it removes those that are empty.
#[derive(Default)]
pub struct Folders(Vec<PathBuf>);

impl Folders {
    /// Creates a folder and its missing parents.
    pub fn make(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !above.exists())
            .collect();
        for above in missing.into_iter().rev() {
            match fs::create_dir(above) {
                Ok(()) => self.0.push(above.to_path_buf()),
                // Another run created it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && above.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps the folders.
    pub fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Fails where the folder is no longer empty, and then it must stay.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A temporary folder beside the file or folder `out` that is to be written. Others there are named on stderr: one that a killed run left
/// may be large, and is hidden from most listings. They are not removed, since another machine may be writing them.
pub fn stage_beside(out: &Path, what: &str) -> io::Result<TempDir> {
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if unfinished_name(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            tell!(
                "{}: another run of kvlens has not finished writing it, or was killed; delete it if none is running",
                path.display()
            );
        }
    }
    unfinished_folder(parent, what)
}

/// Waits until no other run writes into the folder, and keeps others out until the returned file is dropped. `None` where the file system
/// has no locks (or, off Unix, none for folders): then two simultaneous runs are not kept apart.
pub fn lock(folder: &Path, interrupted: &dyn Fn() -> bool) -> Option<File> {
    let open = File::open(folder).ok()?;
    loop {
        match open.try_lock() {
            Ok(()) => return Some(open),
            Err(TryLockError::WouldBlock) if !interrupted() => sleep(Duration::from_millis(10)),
            Err(_) => return None,
        }
    }
}
