//! From flags to an exit status: 0 when reports are written, 1 when there is nothing to analyse or it failed, 2 for bad flags,
//! 130 after Ctrl-C.

/// Prints a line. A closed pipe (`kvlens scan | head`) is no reason to fail.
macro_rules! say {
    ($($text:tt)*) => {
        let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($text)*)));
    };
}

mod args;
mod convert;
mod input;
mod output;
mod progress;
mod scan;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ArgMatches;
use kvlens::analysis::{self, JobError, Report};
use kvlens::dump::{Dump, Problem};

use args::RunArgs;

/// Why no report was written: what to say, and the exit status.
struct Failure {
    message: String,
    status: u8,
}

impl Failure {
    fn new(status: u8, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status,
        }
    }
}

/// Runs what the command line asks for.
pub fn run() -> ExitCode {
    let specs = analysis::specs();
    let matches = args::command(&specs).get_matches();
    let done = match matches.subcommand() {
        Some(("scan", matches)) => scan::run(matches),
        Some(("convert", matches)) => convert::run(matches),
        Some((name, matches)) => match specs.iter().find(|spec| spec.name == name) {
            Some(spec) => args::run_args(spec, matches).and_then(|args| analyse(matches, args)),
            None => Err(Failure::new(2, format!("no analysis {name}"))),
        },
        None => Err(Failure::new(2, "no command")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, status }) => {
            eprintln!("kvlens: {message}");
            ExitCode::from(status)
        }
    }
}

fn analyse(matches: &ArgMatches, args: RunArgs) -> Result<(), Failure> {
    let dump = input::open(matches)?;
    input::report_guesses(&dump.guesses);
    report_problems(&dump.problems);
    if args.strict && !dump.problems.is_empty() {
        return Err(Failure::new(
            1,
            "stopped at the problems above, as --strict asks",
        ));
    }
    if dump.captures.is_empty() {
        return Err(input::no_capture(matches));
    }
    let interrupted = catch_interrupt();
    let bar = progress::Bar::new(&args.job.plan(&dump));
    let shown = bar.clone();
    let job = args.job.cancel(Arc::clone(&interrupted));
    let report = job
        .on_progress(move |progress| shown.show(progress))
        .run(&dump);
    bar.close();
    let report = report.map_err(|error| match error {
        JobError::Cancelled => Failure::new(130, "interrupted, nothing written"),
        error => Failure::new(1, error.to_string()),
    })?;
    report_problems(&report.problems);
    report_non_finite(&dump, &report);
    output::write(Path::new(&args.out_dir), &report.files, &|| {
        interrupted.load(Ordering::Relaxed)
    })?;
    output::summarise(&args.out_dir, &report);
    if args.strict && !report.problems.is_empty() {
        return Err(Failure::new(1, "captures were left out, see above"));
    }
    Ok(())
}

fn report_problems(problems: &[Problem]) {
    for problem in problems {
        eprintln!("kvlens: left out: {problem}");
    }
    if !problems.is_empty() {
        eprintln!(
            "kvlens: {} left out",
            counted(problems.len(), "file or capture", "files or captures")
        );
    }
}

fn report_non_finite(dump: &Dump, report: &Report) {
    for tensor in &report.non_finite_in {
        let path = &dump.captures[tensor.capture].path;
        eprintln!(
            "kvlens: {path}: {} of {}",
            counted(
                tensor.values as usize,
                "NaN or infinite value",
                "NaN or infinite values"
            ),
            tensor.tensor
        );
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A flag that Ctrl-C sets. A second Ctrl-C ends the program at once.
fn catch_interrupt() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let handler = move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("kvlens: Ctrl-C will not be handled: {error}");
    }
    flag
}
