//! `kvlens merge part-*.arrow`: writes the reports of a run whose captures were measured in parts.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Arg, ArgMatches, Command, value_parser};
use kvlens::rows::{Merged, merge};

use super::failure::Failure;
use super::told::{counted, left_out, report_caveats, report_non_finite, report_problems};
use super::{input, interrupt, output};

/// Definition of the command.
pub fn command() -> Command {
    Command::new("merge")
        .about("Makes the reports of a run that was measured in parts (--part), the same byte for byte as those of one run.")
        .infer_long_args(true)
        .arg(
            Arg::new("rows")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .num_args(1..)
                .required(true)
                .help("The rows files of all parts (--rows), in any order."),
        )
        .arg(output::out_dir())
        .arg(input::strict())
}

/// Runs the command.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let paths: Vec<&PathBuf> = matches.get_many("rows").into_iter().flatten().collect();
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let folder = matches
        .get_one::<String>("out-dir")
        .map_or("", String::as_str);
    let open = |place: usize| File::open(paths[place]).map(BufReader::new);
    let Merged {
        report,
        scan_problems,
        non_finite_paths,
    } = merge(&names, &open, folder).map_err(|errors| Failure {
        lines: errors.to_string().lines().map(str::to_owned).collect(),
        status: 1,
    })?;
    report_problems(&scan_problems);
    report_problems(&report.problems);
    let path = |index: usize| non_finite_paths.get(&index).cloned().unwrap_or_default();
    report_non_finite(&report, &path);
    report_caveats(&report.caveats);
    let strict = matches.get_flag("strict");
    input::stop_if_strict(strict, &scan_problems)?;
    if report.captures == 0 {
        return Err(Failure::new(1, "no capture could be read, nothing written"));
    }
    let interrupted = interrupt::catch();
    output::write(
        Path::new(folder),
        &report.files,
        &report.superseded,
        &|| interrupted.load(Ordering::Relaxed),
    )?;
    say!("merged {}", counted(names.len(), "part", "parts"));
    output::summarise(folder, &report, None);
    left_out(strict, &report)
}
