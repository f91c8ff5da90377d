//! Writes a `.kvz` on disk. With a limit, a search finds the methods. The file is written under a temporary name, read back and compared,
//! and only then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::check::checked;
use super::error::PackError;
use super::limit::Limit;
use super::measure::Measured;
use super::method::PackOptions;
use super::packer::Packer;
use super::part::decoder;
use super::search::Search;
use crate::dump::{Capture, Dump, FolderSource, ScanOptions, Source, scan, unfinished_folder};
use crate::scheme::Tkc;

/// A step of the work; each reports its own progress from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Searching for the smallest file within a limit.
    Search,
    /// Storing layers.
    Pack,
    /// Reading the file back and comparing it.
    ReadBack,
}

impl Step {
    /// Name of the step, for progress messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "searching",
            Self::Pack => "packing",
            Self::ReadBack => "reading back",
        }
    }
}

/// A file that was written, read back and verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// How K and V are stored, as requested or as found within the limit.
    pub options: PackOptions,
    /// Number of captures.
    pub captures: usize,
    /// Bytes of K and V in the dump.
    pub raw_bytes: u64,
    /// Those of K alone.
    pub raw_k_bytes: u64,
    /// Bytes of K in the file.
    pub k_bytes: u64,
    /// Bytes of V in the file.
    pub v_bytes: u64,
    /// Bytes of queries in the file.
    pub query_bytes: u64,
    /// Bytes of the head: names, shapes and schemes.
    pub head_bytes: u64,
    /// Errors of what was read back.
    pub errors: Measured,
    /// What is stored otherwise than requested, which queries could not be used for the attention error, and why.
    pub notes: Vec<String>,
    /// Bytes of the dump's queries that are not in the file.
    pub left_out_query_bytes: u64,
}

impl Packed {
    /// Size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.head_bytes + self.k_bytes + self.v_bytes + self.query_bytes
    }

    /// Bytes of K and V in the dump, divided by their bytes in the file.
    pub fn ratio(&self) -> f64 {
        self.raw_bytes as f64 / (self.k_bytes + self.v_bytes).max(1) as f64
    }
}

/// Packs `dump` into the file `out`, replacing an existing one. With a limit, a search over the steps of `tkc` chooses the methods instead
/// of those in `options`. `go_on` is called with the current step and the fraction of it that is done, and returns whether to continue.
///
/// # Errors
/// When the dump has no captures or one can't be read, a scheme or the limit does not suit the dump, the file can't be written, `go_on`
/// returned false, or what was read back differs from what was stored or promised. No file is left behind then.
///
/// ```no_run
/// use kvlens::dump::Dump;
/// use kvlens::pack::{self, Limit, Method, PackOptions};
/// # fn of(dump: Dump) -> Result<(), Box<dyn std::error::Error>> {
/// let options = PackOptions::new(Method::Lossless, Method::Lossless);
/// let packed = pack::write(&dump, "cache.kvz".as_ref(), &options, Some(Limit::MinCosine(0.999)), &mut |_, _| true)?;
/// println!("{:.3}x", packed.ratio());
/// # Ok(()) }
/// ```
pub fn write(
    dump: &Dump,
    out: &Path,
    options: &PackOptions,
    limit: Option<Limit>,
    go_on: &mut dyn FnMut(Step, f64) -> bool,
) -> Result<Packed, PackError> {
    let io = |error: io::Error| PackError::Write {
        path: out.display().to_string(),
        why: error.to_string(),
    };
    let folder = unfinished_folder(out.parent().unwrap_or(Path::new("")), "pack").map_err(io)?;
    // The extension tells the scanner the format.
    let complete = folder.path().join("packed.kvz");
    let packed = write_new(dump, &complete, options, limit, go_on)?;
    fs::rename(&complete, out).map_err(io)?;
    Ok(packed)
}

/// Like [`write()`], but writes directly to `out`, for callers that rename the file themselves. `out` ends in `.kvz` and must not exist.
///
/// # Errors
/// Those of [`write()`]; an unfinished file is left behind.
pub fn write_new(
    dump: &Dump,
    out: &Path,
    options: &PackOptions,
    limit: Option<Limit>,
    go_on: &mut dyn FnMut(Step, f64) -> bool,
) -> Result<Packed, PackError> {
    let (options, promised) = match limit {
        None => (options.clone(), None),
        Some(limit) => {
            let search = Search::new(dump, Tkc::new(1.0), options, limit)?;
            let found = search.run(&mut |share| go_on(Step::Search, share))?;
            (found.0, Some(found.1))
        }
    };
    let io = |error: io::Error| PackError::Write {
        path: out.display().to_string(),
        why: error.to_string(),
    };
    let mut packer = Packer::new(dump, &options)?;
    let file = File::create_new(out).map_err(io)?;
    let head_bytes = write_parts(&mut packer, file, &io, go_on)?;
    let layers = packer.layers() as f64;
    let reopened = reopened(out).map_err(io)??;
    let (errors, unused) = checked(dump, &reopened, &options, &mut |layer| {
        go_on(Step::ReadBack, layer as f64 / layers)
    })?;
    if let Some(promised) = promised
        && differs(&promised, &errors)
    {
        let found = Box::new(errors);
        let promised = Box::new(promised);
        return Err(PackError::Promised { found, promised });
    }
    if !go_on(Step::ReadBack, 1.0) {
        return Err(PackError::Cancelled);
    }
    let [k_bytes, v_bytes] = packer.bytes();
    let left_out = dump.queries.iter().filter(|_| !options.queries);
    let k_bytes_of =
        |capture: &Arc<Capture>| capture.shape.bytes(capture.dtype).unwrap_or(0) as u64;
    Ok(Packed {
        captures: dump.captures.len(),
        raw_bytes: dump.captures.iter().map(|capture| capture.bytes()).sum(),
        raw_k_bytes: dump.captures.iter().map(k_bytes_of).sum(),
        k_bytes,
        v_bytes,
        query_bytes: packer.query_bytes(),
        head_bytes,
        errors,
        notes: [packer.notes(), &unused].concat(),
        left_out_query_bytes: left_out.map(|queries| queries.bytes()).sum(),
        options,
    })
}

/// Writes the file; returns the length of its head.
fn write_parts(
    packer: &mut Packer,
    file: File,
    io: &dyn Fn(io::Error) -> PackError,
    go_on: &mut dyn FnMut(Step, f64) -> bool,
) -> Result<u64, PackError> {
    let head_bytes = packer.head_bytes()?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    file.seek(SeekFrom::Start(head_bytes)).map_err(io)?;
    while let Some(part) = packer.next() {
        let share = packer.layers_done() as f64 / packer.layers() as f64;
        if !go_on(Step::Pack, share) {
            return Err(PackError::Cancelled);
        }
        file.write_all(&part?).map_err(io)?;
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    file.write_all(&packer.head()?).map_err(io)?;
    let file = file.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)?;
    Ok(head_bytes)
}

fn reopened(path: &Path) -> io::Result<Result<Dump, PackError>> {
    let source: Arc<dyn Source> = Arc::new(FolderSource::open(path)?);
    let mut options = ScanOptions {
        part_decoder: decoder(),
        ..ScanOptions::default()
    };
    // The file was just written by this program.
    (options.limits.unpack_ratio, options.limits.header_bytes) = (u64::MAX, u64::MAX);
    let mut dump = scan(&source, &options);
    Ok(match dump.problems.pop() {
        Some(problem) => Err(problem.into()),
        None => Ok(dump),
    })
}

/// Whether the errors of the file differ from those that the search found.
fn differs(promised: &Measured, found: &Measured) -> bool {
    let far = |a: f64, b: f64| (a - b).abs() > 1e-9;
    let sides = [(promised.k, found.k), (promised.v, found.v)];
    sides
        .iter()
        .any(|(a, b)| far(a.cosine, b.cosine) || far(a.index, b.index))
        || promised
            .attention
            .is_some_and(|a| found.attention.is_none_or(|b| far(a, b)))
}
