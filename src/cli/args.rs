//! The flags of the analyses, generated from their settings: help states meaning, unit, range and default.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use kvlens::analysis::{AnalysisSpec, Job, JobError, Kind, ParamSpec, Part};

use super::failure::Failure;
use super::{apart, convert, input, merge, output, pack, unpack};

/// What `kvlens ANALYSIS` was asked to do.
pub struct RunArgs {
    pub out_dir: String,
    pub strict: bool,
    /// Path of the rows file, where one is requested.
    pub rows: Option<PathBuf>,
    /// Whether only a part is measured, which has no reports.
    pub is_part: bool,
    pub job: Job,
}

/// The definition of the whole command line.
pub fn command(specs: &[AnalysisSpec]) -> Command {
    let command = Command::new("kvlens")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Tells how small an LLM's KV cache can get, and at what error.")
        .subcommand_required(true)
        .arg_required_else_help(true);
    let scan = Command::new("scan")
        .about("Lists the contents of a dump: runs, layers, stages, shapes, bytes, problems; and how tensors without meta files are read, and why.")
        .args(input::args())
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the list as JSON."),
        )
        .arg(
            Arg::new("values")
                .long("values")
                .action(ArgAction::SetTrue)
                .help("Read all values, and report what in them would make a ratio misleading: zeros at the end, repeated heads, NaN."),
        );
    let scan = scan
        .arg(apart::threads().requires("values"))
        .arg(input::strict())
        .infer_long_args(true);
    specs
        .iter()
        .map(analysis)
        .fold(command, Command::subcommand)
        .subcommand(merge::command())
        .subcommand(scan)
        .subcommand(convert::command())
        .subcommand(pack::command())
        .subcommand(unpack::command())
}

fn analysis(spec: &AnalysisSpec) -> Command {
    let mut command = Command::new(spec.name)
        .about(spec.help)
        .infer_long_args(true)
        .args(input::args())
        .arg(output::out_dir())
        .arg(
            Arg::new("part")
                .long("part")
                .value_name("K/N")
                .value_parser(|text: &str| text.parse::<Part>())
                .requires("rows")
                .help("Measure the K-th of N parts of the captures, from 1/N to N/N, and write its rows instead of reports: kvlens merge makes the reports of all parts."),
        )
        .arg(
            Arg::new("rows")
                .long("rows")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Write the rows as an Arrow file too, which kvlens merge, pandas, polars and pyarrow read."),
        )
        .arg(apart::threads())
        .arg(
            Arg::new("verify")
                .long("verify")
                .action(ArgAction::SetTrue)
                .help("Decode every compressed stream again with another decoder and compare it bit for bit."),
        )
        .arg(input::strict());
    for param in &spec.params {
        command = command.arg(flag(param));
    }
    command
}

fn flag(param: &ParamSpec) -> Arg {
    let arg = Arg::new(param.flag).long(param.flag);
    if param.kind == Kind::Switch {
        return arg.action(ArgAction::SetTrue).help(param.help);
    }
    let mut facts = vec![param.kind.allowed()];
    if !param.unit.is_empty() {
        facts.push(format!("in {}", param.unit));
    }
    let default = param.default.to_string();
    facts.push(if default.is_empty() {
        "default: none".to_owned()
    } else {
        format!("default: {default}")
    });
    if let Some(when) = &param.when {
        facts.push(format!("with --{} {}", when.flag, when.is.join(" or ")));
    }
    arg.value_name(value_name(&param.kind))
        // The last occurrence counts, as with argparse; values may begin with a minus sign.
        .action(ArgAction::Set)
        .overrides_with(param.flag)
        .allow_hyphen_values(true)
        .help(format!("{} [{}]", param.help, facts.join("; ")))
}

fn value_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int { .. } => "N",
        Kind::Float { .. } => "X",
        Kind::IntList { .. } => "N,...",
        Kind::FloatList { .. } => "X,...",
        Kind::Range { .. } => "LOW,HIGH",
        Kind::Choice { .. } => "NAME",
        Kind::ChoiceList { .. } | Kind::Switch => "NAME,...",
    }
}

/// Checks the given values and builds the job.
pub fn run_args(spec: &AnalysisSpec, matches: &ArgMatches) -> Result<RunArgs, Failure> {
    let mut given: Vec<(&str, &str)> = Vec::new();
    for param in &spec.params {
        if param.kind == Kind::Switch {
            given.push((
                param.flag,
                if matches.get_flag(param.flag) {
                    "true"
                } else {
                    "false"
                },
            ));
        } else if let Some(text) = matches.get_one::<String>(param.flag) {
            given.push((param.flag, text));
        }
    }
    let out_dir = matches
        .get_one::<String>("out-dir")
        .cloned()
        .unwrap_or_default();
    let wrong = |error: JobError| Failure {
        lines: error.to_string().lines().map(str::to_owned).collect(),
        status: 2,
    };
    let mut job = Job::new(spec.name, given).map_err(wrong)?;
    let rows = matches.get_one::<PathBuf>("rows").cloned();
    let part = matches.get_one::<Part>("part").copied();
    if rows.is_some() {
        job.joining().map_err(wrong)?;
        job = job.part(part.unwrap_or(Part::WHOLE)).map_err(wrong)?;
    }
    let job = job.verify(matches.get_flag("verify")).folder(&out_dir);
    let job = match apart::threads_of(matches) {
        Some(threads) => job.threads(threads),
        None => job,
    };
    Ok(RunArgs {
        out_dir,
        strict: matches.get_flag("strict"),
        rows,
        is_part: part.is_some(),
        job,
    })
}
