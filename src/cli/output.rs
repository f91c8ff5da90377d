//! Writes report files as one set, and prints the headline.
//!
//! A set is replaced as a whole: afterwards all files are new, or all are old. The folder itself can't be swapped for a new one, since it
//! may hold files of others (another analysis's reports, a user's notes) or be a mount point. So all files are first written into a
//! temporary folder inside it, where a full disk does no harm. Then each old file in turn gets a second name in there, and the new one
//! replaces it; a step that fails undoes all steps before it. Signals are checked before the first step, not between steps, and the folder
//! is locked meanwhile, so that two runs don't mix. What remains is a power failure (or `kill -9`) within these few renames: then the
//! temporary folder stays, and the next run removes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Arg;
use kvlens::analysis::{Report, ReportFile, Weighted};
use kvlens::dump::{Dump, unfinished_folder};

use super::by_run;
use super::failure::Failure;
use super::interrupt;
use super::staging::{Folders, lock};
use super::told::counted;

/// Part of the names of temporary folders for reports.
const STAGE: &str = "reports";

/// The flag for the folder that reports are written to.
pub fn out_dir() -> Arg {
    Arg::new("out-dir")
        .long("out-dir")
        .value_name("DIR")
        .default_value("kvlens-reports")
        .help("The folder for the reports; created if it doesn't exist.")
}

/// Writes files under `folder`, and removes `superseded` ones, which an earlier run wrote and this run has no content for.
pub fn write(
    folder: &Path,
    files: &[ReportFile],
    superseded: &[&str],
    interrupted: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let mut folders = Folders::default();
    let at =
        |path: &Path, error: &io::Error| Failure::new(1, format!("{}: {error}", path.display()));
    folders.make(folder).map_err(|error| at(folder, &error))?;
    let locked = lock(folder, interrupted);
    if locked.is_some() {
        remove_abandoned(folder);
    }
    let stage = unfinished_folder(folder, STAGE).map_err(|error| at(folder, &error))?;
    let mut moves = Moves::default();
    for (index, file) in files.iter().enumerate() {
        let (new, target) = (
            stage.path().join(format!("{index}.new")),
            folder.join(&file.name),
        );
        let staged = folders
            .make(target.parent().unwrap_or(folder))
            .and_then(|()| refuse_folder(&target))
            .and_then(|()| write_new(&new, &file.bytes));
        staged.map_err(|error| at(&target, &error))?;
    }
    if interrupted() {
        return Err(interrupt::failure());
    }
    for (index, name) in superseded.iter().enumerate() {
        let target = folder.join(name);
        let old = stage.path().join(format!("{index}.gone"));
        moves
            .away(&target, old)
            .map_err(|error| at(&target, &error))?;
    }
    for (index, file) in files.iter().enumerate() {
        let target = folder.join(&file.name);
        let [new, old] = ["new", "old"].map(|end| stage.path().join(format!("{index}.{end}")));
        moves
            .replace(&target, &new, old)
            .map_err(|error| at(&target, &error))?;
    }
    moves.keep();
    folders.keep();
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut fs::File::create_new(path)?, bytes)
}

/// Refuses to replace a folder by a report: renaming would move it away with everything in it.
fn refuse_folder(target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(target) {
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Ok(()),
    }
}

/// Removes temporary folders of runs that were killed while they wrote. The caller holds the lock, so no other run is writing.
fn remove_abandoned(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && is_stage(&entry.file_name().to_string_lossy()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_stage(name: &str) -> bool {
    kvlens::dump::unfinished_name(name) && name.contains(STAGE)
}

/// Files that were moved into place. Unless [`Moves::keep`] is called, dropping it restores the previous files.
#[derive(Default)]
struct Moves(Vec<(PathBuf, Option<PathBuf>)>);

impl Moves {
    /// Moves `new` to `target`; an existing target is kept as `old`.
    fn replace(&mut self, target: &Path, new: &Path, old: PathBuf) -> io::Result<()> {
        refuse_folder(target)?;
        // With a hard link there is no moment without the file; some file systems don't have hard links.
        let kept = fs::hard_link(target, &old).or_else(|_| fs::rename(target, &old));
        let old = match kept {
            Ok(()) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let target = target.to_path_buf();
        self.0.push((target, old));
        fs::rename(new, &self.0[self.0.len() - 1].0)
    }

    /// Renames `target` to `old`, if it exists.
    fn away(&mut self, target: &Path, old: PathBuf) -> io::Result<()> {
        refuse_folder(target)?;
        match fs::rename(target, &old) {
            Ok(()) => self.0.push((target.to_path_buf(), Some(old))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        for (target, old) in self.0.iter().rev() {
            // Undoing a rename that just worked rarely fails; if it does, the first error is still the one to report.
            let _ = match old {
                Some(old) => fs::rename(old, target),
                None => fs::remove_file(target),
            };
        }
    }
}

/// Prints the headline, the figures of each run where the dump is given, and where the reports are.
pub fn summarise(folder: &str, report: &Report, dump: Option<&Dump>) {
    let figures = |all: &Weighted| {
        format!(
            "KV {:.3}x, K {:.3}x, V {:.3}x",
            all.kv_ratio, all.k_ratio, all.v_ratio
        )
    };
    let shown: Vec<usize> = report
        .headline
        .map_or((0..report.groups.len()).collect(), |headline| {
            vec![headline]
        });
    for group in shown
        .into_iter()
        .filter_map(|index| report.groups.get(index))
    {
        let bits = if report.headline.is_none() && group.variant.bits > 0 {
            format!(" (bits {})", group.variant.bits)
        } else {
            String::new()
        };
        say!("{}{bits}: {}", group.variant.label, figures(&group.all));
        for line in dump.map_or_else(Vec::new, |dump| by_run::lines(report, group, dump)) {
            say!("{line}");
        }
    }
    for sentence in report
        .explored
        .iter()
        .flat_map(|explored| explored.answer())
    {
        say!("{sentence}");
    }
    if report.verified_lossless + report.verified_lossy > 0 {
        say!(
            "verified bit for bit: {}, {} of lossy values",
            counted(
                report.verified_lossless,
                "lossless tensor",
                "lossless tensors"
            ),
            counted(report.verified_lossy, "tensor", "tensors")
        );
    }
    say!(
        "{}; {} in {folder}",
        counted(report.captures, "capture", "captures"),
        counted(report.files.len(), "file", "files")
    );
}
