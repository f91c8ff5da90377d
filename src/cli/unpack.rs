//! `kvlens unpack`: the captures and queries of a `.kvz` (or of any dump) as files again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Arg, ArgMatches, Command};
use kvlens::convert::{ConvertError, ConvertOptions, Files, Plan, write_folder};

use super::convert::refuse_inside;
use super::failure::Failure;
use super::staging::temporary;
use super::told::{counted, report_problems};
use super::{input, interrupt};

/// The command's flags.
pub fn command() -> Command {
    Command::new("unpack")
        .about("Writes the captures and queries of a .kvz as files: meta_*.json with K and V beside it, as they were captured or as near as they were stored.")
        .infer_long_args(true)
        .args(input::args())
        .arg(
            Arg::new("out-dir")
                .long("out-dir")
                .value_name("DIR")
                .required(true)
                .help("The folder to write; it must not exist yet."),
        )
        .arg(input::strict())
}

/// Unpacks.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let dump = input::open(matches)?;
    report_problems(&dump.problems);
    if matches.get_flag("strict") && !dump.problems.is_empty() {
        return Err(Failure::new(
            1,
            "stopped at the problems above, as --strict asks",
        ));
    }
    if dump.captures.is_empty() {
        return Err(input::no_capture(matches));
    }
    let out = PathBuf::from(
        matches
            .get_one::<String>("out-dir")
            .map_or("", String::as_str),
    );
    if out.exists() {
        return Err(Failure::new(
            1,
            format!("{} is there already", out.display()),
        ));
    }
    for dump in input::paths(matches) {
        refuse_inside(&out, &dump)?;
    }
    let failed = |error: ConvertError| Failure::new(1, error.to_string());
    let plan = Plan::new(&dump, &ConvertOptions::default()).map_err(failed)?;
    let done = format!(
        "{}, {} bytes in {}",
        counted(plan.captures(), "capture", "captures"),
        plan.bytes(),
        out.display()
    );
    let io = |error: std::io::Error| Failure::new(1, format!("{}: {error}", out.display()));
    let folder = temporary(out.parent().unwrap_or(Path::new("")), "unpack").map_err(io)?;
    let complete = folder.path().join("dump");
    let interrupted = interrupt::catch();
    let files = Files::new(plan, &dump).take_while(|_| !interrupted.load(Ordering::Relaxed));
    write_folder(files, &complete).map_err(failed)?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(interrupt::failure());
    }
    fs::rename(&complete, &out).map_err(io)?;
    say!("{done}");
    Ok(())
}
