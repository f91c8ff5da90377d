//! `kvlens unpack`: writes the captures and queries of a `.kvz` (or of any dump) as files.

use std::fs;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use kvlens::convert::{ConvertError, ConvertOptions, Format, Plan, write};

use super::failure::Failure;
use super::new_path::new_path;
use super::staging::stage_beside;
use super::told::counted;
use super::{apart, input, interrupt};

/// Definition of the command.
pub fn command() -> Command {
    Command::new("unpack")
        .about("Writes the captures and queries of a .kvz as files: meta_*.json with K and V beside it, as they were captured or as near as they were stored.")
        .infer_long_args(true)
        .args(input::args())
        .arg(
            Arg::new("out-dir")
                .long("out-dir")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .required(true)
                .help("The folder to write; it must not exist yet."),
        )
        .arg(apart::threads())
        .arg(input::strict())
}

/// Runs the command.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let out = new_path(matches, "out-dir")?;
    let dump = input::open_to_read(matches, false)?;
    let failed = |error: ConvertError| Failure::new(1, error.to_string());
    let plan = Plan::new(&dump, &ConvertOptions::default()).map_err(failed)?;
    let done = format!(
        "{}, {} bytes in {}",
        counted(plan.captures(), "capture", "captures"),
        plan.bytes(),
        out.display()
    );
    let io = |error: std::io::Error| Failure::new(1, format!("{}: {error}", out.display()));
    let folder = stage_beside(&out, "unpack").map_err(io)?;
    let complete = folder.path().join("dump");
    let interrupted = interrupt::catch();
    let to = complete.clone();
    let is_whole = apart::run_shown(matches, &interrupted, move |go_on| {
        write(plan, &dump, Format::Folder, &to, &mut |share| {
            go_on("unpacking", share)
        })
    });
    if !is_whole?.map_err(failed)? {
        return Err(interrupt::failure());
    }
    fs::rename(&complete, &out).map_err(io)?;
    say!("{done}");
    Ok(())
}
