//! Reports onto the disk, each whole or not at all, and the headline onto the screen.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kvlens::analysis::{Report, ReportFile, Weighted};

use super::Failure;

/// Files written under temporary names; dropped before they are renamed, they are removed.
struct Pending(Vec<(PathBuf, PathBuf)>);

impl Drop for Pending {
    fn drop(&mut self) {
        for (temporary, _) in &self.0 {
            // What can't be removed stays under its temporary name: nobody takes it for a report.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Writes the files under `folder`: all under temporary names first, then they are renamed. Nothing is left of them when it
/// fails or `interrupted` says so before the renaming.
pub fn write(
    folder: &Path,
    files: &[ReportFile],
    interrupted: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let mut pending = Pending(Vec::new());
    for file in files {
        let target = folder.join(&file.name);
        add(&mut pending, &target, &file.bytes).map_err(|error| failed(&target, &error))?;
    }
    if interrupted() {
        return Err(Failure::new(130, "interrupted, nothing written"));
    }
    while let Some((temporary, target)) = pending.0.first() {
        fs::rename(temporary, target).map_err(|error| failed(target, &error))?;
        pending.0.remove(0);
    }
    Ok(())
}

fn add(pending: &mut Pending, target: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = parent.join(format!(".{name}.{}.tmp", std::process::id()));
    pending.0.push((temporary.clone(), target.to_path_buf()));
    fs::write(temporary, bytes)
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(1, format!("{}: {error}", path.display()))
}

/// Prints what was found and where the reports lie.
pub fn summarise(folder: &str, report: &Report) {
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
    }
    if report.verified_lossless + report.verified_lossy > 0 {
        say!(
            "verified bit for bit: {} lossless tensors, {} tensors of lossy values",
            report.verified_lossless,
            report.verified_lossy
        );
    }
    say!(
        "{} captures; {} files in {folder}",
        report.captures,
        report.files.len()
    );
}
