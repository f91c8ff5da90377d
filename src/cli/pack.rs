//! `kvlens pack`: a dump as one `.kvz`, by schemes or the smallest within a limit; read back and compared before it gets its name.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use kvlens::dump::{Dump, FolderSource, ScanOptions, Source, scan};
use kvlens::pack::{self, Limit, Measured, Method, PackError, PackOptions, Packer, Search};
use kvlens::scheme::Tkc;

use super::convert::refuse_inside;
use super::failure::Failure;
use super::progress::ShareBar;
use super::staging::temporary;
use super::told::{counted, report_problems};
use super::{input, interrupt};

/// The command's flags.
pub fn command() -> Command {
    let flag =
        |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let method = |text: &str| text.parse::<Method>();
    let share = |text: &str| {
        let number = text.parse().ok().filter(|x: &f64| *x > 0.0 && *x < 1.0);
        number.ok_or("a number between 0 and 1, both excluded")
    };
    let schemes = "lossless, or a scheme: q8_0, int:b=4,per=channel,sym, tkc:c=0.155 and others";
    Command::new("pack")
        .about("Stores a dump as one .kvz file, by a scheme for K and V or as small as a limit of error allows; reads it back and tells the errors.")
        .infer_long_args(true)
        .args(input::args())
        .arg(flag("out", "FILE").short('o').required(true).help("The .kvz file to write; it must not exist yet."))
        .arg(flag("scheme", "NAME").value_parser(method).help(format!("How K and V are stored: {schemes}")))
        .arg(flag("k-scheme", "NAME").value_parser(method).help("How K is stored [default: --scheme]"))
        .arg(flag("v-scheme", "NAME").value_parser(method).help("How V is stored [default: --scheme]"))
        .arg(flag("min-cosine", "X").value_parser(share).help("As small as tkc gets while the cosine of K and of V is no less, as the mean over layers and over captures"))
        .arg(flag("max-index", "X").value_parser(share).help("As small as tkc gets while the index of K and V together is no more"))
        .arg(flag("max-attention-error", "X").value_parser(share).help("As small as tkc gets while the attention error of the captured queries is no more"))
        .arg(flag("sinks", "N").value_parser(value_parser!(u64)).help("First positions of a run that schemes leave as they are [default: 4]"))
        .arg(flag("recent", "N").value_parser(value_parser!(u64)).help("Last tokens of a layer that schemes leave as they are [default: 0]"))
        .arg(Arg::new("queries").long("queries").action(ArgAction::SetTrue).help("Keep the dump's captured queries in the file too"))
        .group(ArgGroup::new("limit").args(["min-cosine", "max-index", "max-attention-error"]).conflicts_with_all(["scheme", "k-scheme", "v-scheme"]))
        .group(ArgGroup::new("what").args(["scheme", "k-scheme", "v-scheme", "min-cosine", "max-index", "max-attention-error"]).multiple(true).required(true))
        .arg(input::strict())
}

/// Packs.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let dump = input::open(matches)?;
    input::report_guesses(&dump.guesses);
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
    let out = PathBuf::from(matches.get_one::<String>("out").map_or("", String::as_str));
    if out.exists() {
        return Err(Failure::new(
            1,
            format!("{} is there already", out.display()),
        ));
    }
    for dump in input::paths(matches) {
        refuse_inside(&out, &dump)?;
    }
    let interrupted = interrupt::catch();
    let bar = ShareBar::new();
    let packed = pack(matches, &dump, &out, &interrupted, &bar);
    bar.close();
    let text = packed?;
    text.lines().for_each(|line| say!("{line}"));
    Ok(())
}

fn failed(error: PackError) -> Failure {
    match error {
        PackError::Cancelled => interrupt::failure(),
        error => Failure::new(1, error.to_string()),
    }
}

/// Searches, writes, reads back; gives what there is to say.
fn pack(
    matches: &ArgMatches,
    dump: &Dump,
    out: &Path,
    interrupted: &Arc<AtomicBool>,
    bar: &ShareBar,
) -> Result<String, Failure> {
    let goes_on = || !interrupted.load(Ordering::Relaxed);
    let (options, promised) = options(matches, dump, &mut |share| {
        bar.show("searching", share);
        goes_on()
    })?;
    let io = |error: std::io::Error| Failure::new(1, format!("{}: {error}", out.display()));
    let folder = temporary(out.parent().unwrap_or(Path::new("")), "pack").map_err(io)?;
    // Its ending says how to read it.
    let complete = folder.path().join("packed.kvz");
    let mut packer = Packer::new(dump, &options).map_err(failed)?;
    let head_bytes = write(&mut packer, &complete, bar, &goes_on)?;
    let layers = packer.layers() as f64;
    let checked = pack::check(dump, &reopened(&complete)?, &options, &mut |layer| {
        bar.show("reading back", layer as f64 / layers);
        goes_on()
    })
    .map_err(failed)?;
    if promised.is_some_and(|promised| differs(&promised, &checked)) {
        let text = format!(
            "what is read back has other errors than the search found: {checked:?}, expected {promised:?}"
        );
        return Err(Failure::new(1, text));
    }
    if !goes_on() {
        return Err(failed(PackError::Cancelled));
    }
    fs::rename(&complete, out).map_err(io)?;
    for note in packer.notes() {
        tell!("{note}");
    }
    if !options.queries && !dump.queries.is_empty() {
        let bytes: u64 = dump.queries.iter().map(|queries| queries.bytes()).sum();
        tell!("{bytes} bytes of captured queries are left out; --queries keeps them");
    }
    Ok(summary(dump, &packer, &options, &checked, head_bytes, out))
}

/// The methods, and the errors that a search found.
fn options(
    matches: &ArgMatches,
    dump: &Dump,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> Result<(PackOptions, Option<Measured>), Failure> {
    let method = |flag: &str| matches.get_one::<Method>(flag).cloned();
    let number = |flag: &str| matches.get_one::<f64>(flag).copied();
    let both = method("scheme").unwrap_or(Method::Lossless);
    let mut options = PackOptions::new(
        method("k-scheme").unwrap_or(both.clone()),
        method("v-scheme").unwrap_or(both),
    );
    options.sinks = matches.get_one("sinks").copied().unwrap_or(options.sinks);
    options.recent = matches.get_one("recent").copied().unwrap_or(options.recent);
    options.queries = matches.get_flag("queries");
    let limit = (number("min-cosine").map(Limit::MinCosine))
        .or(number("max-index").map(Limit::MaxIndex))
        .or(number("max-attention-error").map(Limit::MaxAttentionError));
    let Some(limit) = limit else {
        return Ok((options, None));
    };
    let search = Search::new(dump, Tkc::new(1.0), &options, limit).map_err(failed)?;
    let (options, promised) = search.run(go_on).map_err(failed)?;
    Ok((options, Some(promised)))
}

/// Writes the file; gives the length of its head.
fn write(
    packer: &mut Packer,
    to: &Path,
    bar: &ShareBar,
    goes_on: &dyn Fn() -> bool,
) -> Result<u64, Failure> {
    let io = |error: std::io::Error| Failure::new(1, format!("{}: {error}", to.display()));
    let head_bytes = packer.head_bytes().map_err(failed)?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create_new(to).map_err(io)?);
    file.seek(SeekFrom::Start(head_bytes)).map_err(io)?;
    while let Some(part) = packer.next() {
        if !goes_on() {
            return Err(failed(PackError::Cancelled));
        }
        file.write_all(&part.map_err(failed)?).map_err(io)?;
        bar.show(
            "packing",
            packer.layers_done() as f64 / packer.layers() as f64,
        );
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    file.write_all(&packer.head().map_err(failed)?)
        .map_err(io)?;
    let file = file.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)?;
    Ok(head_bytes)
}

fn reopened(path: &Path) -> Result<Dump, Failure> {
    let source = FolderSource::open(path)
        .map_err(|error| Failure::new(1, format!("{}: {error}", path.display())))?;
    let source: Arc<dyn Source> = Arc::new(source);
    let mut options = ScanOptions {
        part_decoder: pack::decoder(),
        ..ScanOptions::default()
    };
    // This program wrote it a moment ago.
    (options.limits.unpack_ratio, options.limits.header_bytes) = (u64::MAX, u64::MAX);
    let dump = scan(&source, &options);
    match dump.problems.first() {
        Some(problem) => Err(Failure::new(1, problem.to_string())),
        None => Ok(dump),
    }
}

/// Whether the errors that were searched for are not those of the file.
fn differs(promised: &Measured, checked: &Measured) -> bool {
    let far = |a: f64, b: f64| (a - b).abs() > 1e-9;
    let sides = [(promised.k, checked.k), (promised.v, checked.v)];
    sides
        .iter()
        .any(|(a, b)| far(a.cosine, b.cosine) || far(a.index, b.index))
        || promised
            .attention
            .is_some_and(|a| checked.attention.is_none_or(|b| far(a, b)))
}

fn summary(
    dump: &Dump,
    packer: &Packer,
    options: &PackOptions,
    errors: &Measured,
    head_bytes: u64,
    out: &Path,
) -> String {
    let raw = dump
        .captures
        .iter()
        .map(|capture| capture.bytes())
        .sum::<u64>();
    let [k, v] = packer.bytes();
    let ratio = |raw: f64, size: u64| raw / size.max(1) as f64;
    let half = raw as f64 / 2.0;
    let mut lines = vec![format!(
        "K {}: {k} bytes, {:.3}x; V {}: {v} bytes, {:.3}x",
        options.k,
        ratio(half, k),
        options.v,
        ratio(half, v)
    )];
    let side = |name: &str, errors: &pack::SideErrors| {
        format!(
            "{name} read back: cosine {:.6} (mean over captures {:.6}), NMSE {:.3e}, index {:.3e}",
            errors.cosine, errors.capture_cosine, errors.nmse, errors.index
        )
    };
    lines.push(side("K", &errors.k));
    lines.push(side("V", &errors.v));
    if let Some(error) = errors.attention {
        lines.push(format!(
            "attention error {error:.3e}: estimated KL {:.2e} (within a factor of two; calibrated on two small models)",
            7.0 * error
        ));
    }
    let (parts, queries) = (k + v, packer.query_bytes());
    let total = head_bytes + parts + queries;
    lines.push(format!(
        "{} of K and V in {}: {raw} bytes in {parts}, {:.3}x; {head_bytes} bytes of index{} beside them, {total} in all ({:.3}x)",
        counted(dump.captures.len(), "capture", "captures"),
        out.display(),
        ratio(raw as f64, parts),
        match queries {
            0 => String::new(),
            queries => format!(" and {queries} of queries"),
        },
        ratio(raw as f64, total),
    ));
    lines.join("\n")
}
