//! The dump that a command reads: flags, opening it, and messages about it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use kvlens::dump::{
    self, Axes, Bits16, Dump, FolderSource, Limits, Mapping, NamePattern, OtherFiles, Problem,
    ScanOptions, Source, TensorGuess,
};

use kvlens::pack;

use super::failure::Failure;
use super::memory;
use super::told::{counted, report_problems};

/// Parses a 16-bit float type.
pub fn bits16() -> impl TypedValueParser<Value = Bits16> {
    PossibleValuesParser::new(Bits16::NAMES).try_map(|name| name.parse::<Bits16>())
}

/// The flags of every command that reads a dump.
pub fn args() -> [Arg; 10] {
    let limits = Limits::default();
    [
        Arg::new("dump")
            .value_name("DUMP")
            .value_parser(value_parser!(PathBuf))
            .num_args(1..)
            .required_unless_present("dump-dir")
            .conflicts_with("dump-dir")
            .help("The dump, as with --dump-dir; several are read as one dump, each with its own runs."),
        Arg::new("dump-dir")
            .long("dump-dir")
            .value_name("PATH")
            .value_parser(value_parser!(PathBuf))
            .help(format!(
                "The dump: a folder that holds captures (meta_*.json and what they name), archives or files of tensors at \
                 any depth; or one such file: {}.",
                dump::endings().join(", ")
            )),
        Arg::new("run")
            .long("run")
            .value_name("NAME")
            .action(ArgAction::Append)
            .help("Only captures of this run, by the name that scan lists; may be given several times. [default: all runs]"),
        Arg::new("tensor-names")
            .long("tensor-names")
            .value_name("PATTERN")
            .value_parser(NamePattern::parse)
            .help(
                "Which tensors of .npz, .npy and .safetensors files are K and V of which layer, as in \
                 layers.{layer}.{kv}; {kv} is k, v, key, value, keys or values, {kv:a|b} any two words, * anything; it may \
                 reach into the names of file and folders, as in {kv}/layer_{layer} for layer_0 of keys.safetensors \
                 [default: inferred from the names, if they are unambiguous]",
            ),
        Arg::new("axes")
            .long("axes")
            .value_name("ORDER")
            .value_parser(Axes::parse)
            .help(
                "The order of their axes, from kv, layer, batch, blocks, heads, seq, dim; as in batch,heads,seq,dim, kv,seq,dim for K and V \
                 in one array, or kv,blocks,seq,heads,dim for a paged one, whose blocks' tokens follow each other [default: inferred from the shapes, if they are unambiguous]",
            ),
        Arg::new("kv-heads")
            .long("kv-heads")
            .value_name("N")
            .value_parser(value_parser!(NonZeroU32))
            .help("Number of KV heads that share the last axis, where heads have no axis of their own [default: 1]"),
        Arg::new("bits16")
            .long("bits16")
            .value_name("TYPE")
            .value_parser(bits16())
            .help("Type that 16-bit integers in them are the bits of [default: such arrays are left out]"),
        Arg::new("max-unpack-ratio")
            .long("max-unpack-ratio")
            .value_name("N")
            .value_parser(value_parser!(u64).range(1..))
            .help(format!(
                "How many times its own size a packed file may unpack to [1 and more; default: {}]",
                limits.unpack_ratio
            )),
        Arg::new("max-header-mb")
            .long("max-header-mb")
            .value_name("N")
            .value_parser(value_parser!(u64).range(1..=100))
            .help(format!(
                "Largest header of a .safetensors, .npy or .kvz file, pickle or index of shards [1 to 100; in MiB; default: {}]",
                limits.header_bytes >> 20
            )),
        Arg::new("max-tensors")
            .long("max-tensors")
            .value_name("N")
            .value_parser(value_parser!(u64).range(1..))
            .help(format!(
                "Largest number of tensors in a .safetensors file; each takes about 1 KB of memory [1 and more; default: {}]",
                limits.tensors
            )),
    ]
}

/// The given paths.
pub fn paths(matches: &ArgMatches) -> Vec<PathBuf> {
    let given = ["dump-dir", "dump"].map(|name| matches.get_many::<PathBuf>(name));
    given.into_iter().flatten().flatten().cloned().collect()
}

/// Scans the given folders or files, as the flags say.
pub fn open(matches: &ArgMatches) -> Result<Dump, Failure> {
    let paths = paths(matches);
    let source = match paths.as_slice() {
        [only] => FolderSource::open(only).map_err(|error| (only.clone(), error)),
        several => FolderSource::open_all(several),
    };
    let unreadable = |(path, error): (PathBuf, std::io::Error)| {
        Failure::new(1, format!("{}: {error}", path.display()))
    };
    let source: Arc<dyn Source> = Arc::new(source.map_err(unreadable)?);
    let mut limits = Limits::default();
    if let Some(&ratio) = matches.get_one("max-unpack-ratio") {
        limits.unpack_ratio = ratio;
    }
    if let Some(&megabytes) = matches.get_one::<u64>("max-header-mb") {
        limits.header_bytes = megabytes << 20;
    }
    if let Some(&tensors) = matches.get_one::<u64>("max-tensors") {
        limits.tensors = usize::try_from(tensors).unwrap_or(usize::MAX);
    }
    let mapping = Mapping {
        tensor_names: matches.get_one("tensor-names").cloned(),
        axes: matches.get_one("axes").cloned(),
        kv_heads: matches.get_one("kv-heads").copied(),
        bits16: matches.get_one("bits16").copied(),
    };
    let options = ScanOptions {
        mapping,
        limits,
        part_decoder: pack::decoder(),
    };
    let mut dump = dump::scan(&source, &options);
    let runs: Vec<String> = matches
        .get_many("run")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if !runs.is_empty() && !dump.captures.is_empty() {
        dump.keep_runs(&runs).map_err(|unknown| {
            let names: BTreeSet<&str> = dump
                .captures
                .iter()
                .map(|capture| capture.run.as_str())
                .collect();
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            Failure::new(
                2,
                format!(
                    "--run: found {unknown:?}, expected one of {}",
                    names.join(", ")
                ),
            )
        })?;
    }
    Ok(dump)
}

/// Opens the dump of a command that reads its captures, and reports on it ([`report`]). Fails when there is no capture, or at any
/// problem with `--strict`.
pub fn open_to_read(matches: &ArgMatches, tell_others: bool) -> Result<Dump, Failure> {
    let dump = open(matches)?;
    memory::keep_freed();
    report(&dump, tell_others);
    stop_if_strict(matches.get_flag("strict"), &dump.problems)?;
    if dump.captures.is_empty() {
        return Err(no_capture(matches));
    }
    Ok(dump)
}

/// Reports how arrays were understood, remarks on files (that values were quantized before), what is left out and, with
/// `tell_others`, how many files of other kinds there are.
pub fn report(dump: &Dump, tell_others: bool) {
    report_guesses(&dump.guesses);
    for note in &dump.notes {
        tell!("{}: {}", note.file, note.text);
    }
    report_problems(&dump.problems);
    if tell_others {
        report_others(&dump.others);
    }
}

/// With `--strict`, fails at any problem before work starts.
pub fn stop_if_strict(strict: bool, problems: &[Problem]) -> Result<(), Failure> {
    if strict && !problems.is_empty() {
        return Err(Failure::new(
            1,
            "stopped at the problems above, as --strict asks",
        ));
    }
    Ok(())
}

/// The failure for a dump without captures.
pub fn no_capture(matches: &ArgMatches) -> Failure {
    let paths: Vec<String> = paths(matches)
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Failure::new(
        1,
        format!(
            "no capture (meta_*.json, or tensors that are recognised as K and V) in {}",
            paths.join(", ")
        ),
    )
}

/// Reports how arrays without meta files were understood, so that no guess is silent.
fn report_guesses(guesses: &[TensorGuess]) {
    for guess in guesses {
        tell!("{}", sentence(guess));
    }
}

/// Reports how many files were not read since they are of other kinds.
pub fn report_others(others: &[OtherFiles]) {
    let count: usize = others.iter().map(|kind| kind.count).sum();
    if count == 0 {
        return;
    }
    let kinds: Vec<String> = others
        .iter()
        .map(|kind| match kind.ending.as_str() {
            "" => format!("without ending {}", kind.count),
            ending => format!("{ending} {}", kind.count),
        })
        .collect();
    tell!(
        "not read: {}: {}",
        counted(count, "file of another kind", "files of other kinds"),
        kinds.join(", ")
    );
}

/// Describes a guess in one line.
pub fn sentence(guess: &TensorGuess) -> String {
    let files = guess.files.first().map_or("", String::as_str);
    let others = match guess.files.len() {
        0 | 1 => String::new(),
        more => format!(" and {}", counted(more - 1, "other", "others")),
    };
    let place = if files.is_empty() { "." } else { files };
    let count = counted(guess.count, "tensor", "tensors");
    let names = guess.tensor_names.as_deref().unwrap_or("other names");
    let axes = match &guess.axes {
        Some(axes) => format!("read as [{axes}]"),
        None => "not read".to_owned(),
    };
    format!(
        "{place}{others}: {count} named {names} {axes}: {}",
        guess.reason
    )
}

/// The flag `--strict`.
pub fn strict() -> Arg {
    Arg::new("strict")
        .long("strict")
        .action(ArgAction::SetTrue)
        .help("Exit with status 1 before work starts when anything in the dump can't be used.")
}
