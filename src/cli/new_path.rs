//! The output path of a command that must not overwrite anything.

use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::failure::Failure;
use super::input;

/// The path that a flag gives; fails where it exists or lies in the dump.
pub fn new_path(matches: &ArgMatches, flag: &str) -> Result<PathBuf, Failure> {
    let given = matches.get_one::<PathBuf>(flag);
    // Without a slash at the end: as the name of a file it would fail only when the work is done.
    let out: PathBuf = given
        .map(|out| out.components().collect())
        .unwrap_or_default();
    if out.exists() {
        return Err(Failure::new(1, format!("{} exists already", out.display())));
    }
    for dump in input::paths(matches) {
        refuse_inside(&out, &dump)?;
    }
    Ok(out)
}

/// Refuses an output within the dump: the next scan would find its captures twice.
fn refuse_inside(out: &Path, dump: &Path) -> Result<(), Failure> {
    let resolved = |path: &Path| path.canonicalize().ok();
    let above = out.ancestors().skip(1).find_map(|above| match above {
        _ if above.as_os_str().is_empty() => resolved(Path::new(".")),
        _ => resolved(above),
    });
    match (above, resolved(dump)) {
        (Some(above), Some(dump)) if dump.is_dir() && above.starts_with(&dump) => {
            Err(Failure::new(
                2,
                format!(
                    "the output {} lies in the dump that is read ({}): the next scan would find its captures twice; name a place outside",
                    out.display(),
                    dump.display()
                ),
            ))
        }
        _ => Ok(()),
    }
}
