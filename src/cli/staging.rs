//! The folders that files are written to: made, locked against other runs, and taken away again where nothing came of it. Where files
//! come into being is [`kvlens::dump::unfinished_folder`].

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Folders that were made for files to lie in; dropped before [`Folders::keep`], those that are empty go away again.
#[derive(Default)]
pub struct Folders(Vec<PathBuf>);

impl Folders {
    /// Makes a folder and those above it, where they are not there.
    pub fn make(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !above.exists())
            .collect();
        for above in missing.into_iter().rev() {
            match fs::create_dir(above) {
                Ok(()) => self.0.push(above.to_path_buf()),
                // Another run was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && above.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// They stay.
    pub fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // One that holds something by now is somebody's.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Waits until no other run writes into the folder, and keeps others out until the value is dropped. `None` where the file system
/// has no locks (or, off Unix, for folders): then two runs at the same moment are told apart by nothing.
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
