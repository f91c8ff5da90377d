//! The command line. Exit status: 0 when reports are written, 1 when there is nothing to analyse or it failed, 2 for bad flags, 130 after
//! Ctrl-C (128 + n after signal n).

#[macro_use]
mod print;

mod apart;
mod args;
mod by_run;
mod convert;
mod failure;
mod input;
mod interrupt;
mod memory;
mod merge;
mod new_path;
mod output;
mod pack;
mod progress;
mod rows;
mod scan;
mod staging;
mod told;
mod unpack;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::ArgMatches;
use kvlens::analysis::{self, JobError};

use args::RunArgs;
use failure::Failure;
use told::{report_caveats, report_non_finite, report_problems};

/// Runs the command line; returns the exit status.
pub fn run() -> ExitCode {
    let specs = analysis::specs();
    let matches = match args::command(&specs).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return answered(&error),
    };
    let done = match matches.subcommand() {
        Some(("merge", matches)) => merge::run(matches),
        Some(("scan", matches)) => scan::run(matches),
        Some(("convert", matches)) => convert::run(matches),
        Some(("pack", matches)) => pack::run(matches),
        Some(("unpack", matches)) => unpack::run(matches),
        Some((name, matches)) => match specs.iter().find(|spec| spec.name == name) {
            Some(spec) => args::run_args(spec, matches).and_then(|args| analyse(matches, args)),
            None => Err(Failure::new(2, format!("no analysis {name}"))),
        },
        None => Err(Failure::new(2, "no command")),
    };
    exit(done.and_then(|()| print::finish()))
}

fn exit(done: Result<(), Failure>) -> ExitCode {
    let Err(Failure { lines, status }) = done else {
        return ExitCode::SUCCESS;
    };
    for line in lines {
        tell!("{line}");
    }
    ExitCode::from(status)
}

/// Prints clap's help, version or error message.
fn answered(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() {
        return ExitCode::from(2);
    }
    print::stdout_took(printed);
    exit(print::finish())
}

fn analyse(matches: &ArgMatches, args: RunArgs) -> Result<(), Failure> {
    let dump = input::open_to_read(matches, true)?;
    let interrupted = interrupt::catch();
    let plan = args.job.plan(&dump);
    let bar = progress::Bar::new();
    let shown = bar.clone();
    let mut job = args.job.cancel(Arc::clone(&interrupted));
    let part = job.which_part();
    let rows = match &args.rows {
        Some(path) => Some(rows::RowsFile::begin(path, &job, &dump, &plan)?),
        None => None,
    };
    if let Some(rows) = &rows {
        job = job.on_rows(rows.taker(&dump, &interrupted));
    }
    let report = job
        .on_progress(move |progress| shown.show(progress))
        .run(&dump);
    bar.close();
    let report = match (report, rows.as_ref().and_then(rows::RowsFile::failure)) {
        (_, Some(failure)) => return Err(failure),
        (Err(JobError::Cancelled), None) => return Err(interrupt::failure()),
        (Err(error), None) => return Err(Failure::new(1, error.to_string())),
        (Ok(report), None) => report,
    };
    report_problems(&report.problems);
    report_non_finite(&report, &|index| dump.captures[index].path.clone());
    report_caveats(&report.caveats);
    if args.is_part {
        if let Some(rows) = rows {
            rows.finish(&report, &dump)?;
        }
        say!(
            "part {part}: {} of {} captures",
            plan.captures(),
            dump.captures.len()
        );
        return told::left_out(args.strict, &report);
    }
    if report.captures == 0 {
        // A report on no captures would replace an earlier one.
        return Err(Failure::new(1, "no capture could be read, nothing written"));
    }
    output::write(
        Path::new(&args.out_dir),
        &report.files,
        &report.superseded,
        &|| interrupted.load(Ordering::Relaxed),
    )?;
    if let Some(rows) = rows {
        rows.finish(&report, &dump)?;
    }
    output::summarise(&args.out_dir, &report, Some(&dump));
    told::left_out(args.strict, &report)
}
