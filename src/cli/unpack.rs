//! `kvlens unpack`: the captures and queries of a `.kvz` (or of any dump) as files again.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::{Arg, ArgMatches, Command};
use kvlens::convert::{ConvertError, ConvertOptions, Files, Plan, write_folder};

use super::pack::{dump, optional};
use super::{Failure, catch_interrupt, counted, input, report_problems};

/// The command's flags.
pub fn command() -> Command {
    Command::new("unpack")
        .about("Writes the captures and queries of a .kvz as files: meta_*.json with K and V beside it, as they were captured or as near as they were stored.")
        .infer_long_args(true)
        .arg(dump())
        .args(input::args().map(optional))
        .arg(
            Arg::new("out-dir")
                .long("out-dir")
                .value_name("DIR")
                .required(true)
                .help("The folder to write; it must not exist yet."),
        )
        .arg(super::args::strict())
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
    let failed = |error: ConvertError| Failure::new(1, error.to_string());
    let plan = Plan::new(&dump, &ConvertOptions::default()).map_err(failed)?;
    let done = format!(
        "{}, {} bytes in {}",
        counted(plan.captures(), "capture", "captures"),
        plan.bytes(),
        out.display()
    );
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let temporary = out.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let interrupted = catch_interrupt();
    let files = Files::new(plan, &dump).take_while(|_| !interrupted.load(Ordering::Relaxed));
    let written = write_folder(files, &temporary)
        .map_err(failed)
        .and_then(|()| {
            if interrupted.load(Ordering::Relaxed) {
                return Err(Failure::new(130, "interrupted, nothing written"));
            }
            fs::rename(&temporary, &out)
                .map_err(|error| Failure::new(1, format!("{}: {error}", out.display())))
        });
    if written.is_err() {
        // What can't be removed stays under its temporary name: nobody takes it for a dump.
        let _ = fs::remove_dir_all(&temporary);
    }
    written?;
    say!("{done}");
    Ok(())
}
