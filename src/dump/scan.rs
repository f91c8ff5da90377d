//! From a source to the captures in it.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use serde::Serialize;

use super::archive::{self, ARCHIVES, ListOptions, ListedFile};
use super::arrays::{Mapping, group_by_folder, understand};
use super::bytes::Limits;
use super::bytes::small_text::is_lfs_pointer;
use super::bytes::source::Source;
use super::contents::Dump;
use super::format::{
    FORMATS, Findings, Format, format_of, formats_by_content, is_told_by_content, leave_one,
};
use super::problem::{Fault, Problem, Problems};
use super::unread::{self, OtherFiles};
use super::{links, shards};
use crate::kvz::PartDecoder;

/// Options of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// How to interpret tensors whose names or axes are ambiguous.
    pub mapping: Mapping,
    /// Limits against hostile files.
    pub limits: Limits,
    /// Decoder for the parts of `.kvz` files: pass `pack::decoder()`. It is passed in because `pack` is a layer above
    /// this module.
    pub part_decoder: PartDecoder,
}

/// Finds the captures of a source, including those in archives. A scan never fails as a whole: whatever can't be used
/// becomes a problem.
///
/// ```
/// use std::sync::Arc;
/// use kvlens::dump::{MemorySource, ScanOptions, Source, scan};
///
/// let meta = br#"{"layer_id": 3, "seq_len": 2, "kv_heads": 1, "head_dim": 4, "bytes_per_elem": 2, "stage": "prefill",
///                 "k_file": "k.bin", "v_file": "v.bin"}"#;
/// let files = [("a/meta_0.json", meta.to_vec()), ("a/k.bin", vec![0; 16]), ("a/v.bin", vec![0; 16]), ("b/meta_0.json", b"{".to_vec())];
/// let files = files.map(|(path, bytes)| (path.to_owned(), bytes));
/// let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
/// let dump = scan(&source, &ScanOptions::default());
/// assert_eq!(dump.captures[0].layer_id, 3);
/// assert_eq!(dump.problems[0].file, "b/meta_0.json");
/// let tensors = dump.captures[0].fetch()?.decode()?;
/// assert_eq!(tensors.k.shape().seq_len, 2);
/// # Ok::<(), kvlens::dump::Problem>(())
/// ```
pub fn scan(source: &Arc<dyn Source>, options: &ScanOptions) -> Dump {
    let limits = &options.limits;
    let mut problems = Problems::default();
    for (path, reason) in source.skipped() {
        problems.push(Problem::new(path, Fault::Unreadable(reason.clone())));
    }
    let mut files = list(source, limits, &mut problems);
    let is_told = tell_of_unknown(&files, &mut problems);
    let mut findings = Findings {
        problems,
        limits: limits.clone(),
        part_decoder: options.part_decoder,
        ..Findings::default()
    };
    links::follow(&mut files, &mut findings);
    findings.files = files
        .iter()
        .map(|file| (file.path.clone(), file.span.clone()))
        .collect();
    for file in &mut files {
        if let Some(format) = format_of(&file.path)
            && let Err(fault) = read(format, file, limits, &mut findings)
        {
            findings.problem(Problem::new(&file.path, fault));
        }
    }
    let unread = read_by_content(&mut files, &mut findings);
    let others = unread::count(unread.iter().map(String::as_str));
    if !is_told {
        tell_of_unread(&files, &unread, &mut findings);
    }
    leave_one(&mut findings);
    let paths = files.iter().map(|file| file.path.as_str());
    let missing = shards::missing(paths, &findings.shards);
    findings.problems.extend(missing);
    put_together(findings, others, options)
}

/// Lists the files of the source, those in archives too.
fn list(source: &Arc<dyn Source>, limits: &Limits, problems: &mut Problems) -> Vec<ListedFile> {
    let whole_left = Cell::new(limits.whole_bytes);
    let list = ListOptions {
        limits,
        whole_left: &whole_left,
        read_head: &|path, reader, size| match format_of(path) {
            Some(format) => Some((format.read_head)(reader, size, limits)),
            None => is_told_by_content(path).then(|| first_bytes(reader, size)),
        },
    };
    archive::list(source, list, problems)
}

/// Whether the only file is of an unknown kind, which is then reported as a problem.
fn tell_of_unknown(files: &[ListedFile], problems: &mut Problems) -> bool {
    let [only] = files else {
        return false;
    };
    let is_unknown = format_of(&only.path).is_none()
        && !is_told_by_content(&only.path)
        && !unread::is_known(&only.path);
    if is_unknown {
        let expected = format!("a folder, {}", endings().join(", "));
        problems.push(Problem::field(
            &only.path,
            "name",
            "no known ending",
            expected,
        ));
    }
    is_unknown
}

/// Makes problems of unread files that may be caches.
fn tell_of_unread(files: &[ListedFile], unread: &[String], findings: &mut Findings) {
    // Next to a JSON file that describes captures, raw files are what it should have named, and its own problem already
    // says so.
    let described: HashSet<&str> = files
        .iter()
        .filter(|file| file.path.ends_with(".json") && format_of(&file.path).is_some())
        .map(|file| folder_of(&file.path))
        .collect();
    let alone = unread
        .iter()
        .filter(|path| !described.contains(folder_of(path)));
    let alone = unread::count(alone.map(String::as_str));
    findings.problems.extend(unread::may_be_caches(&alone));
}

/// The dump of what was found.
fn put_together(findings: Findings, others: Vec<OtherFiles>, options: &ScanOptions) -> Dump {
    let Findings {
        captures,
        queries,
        mut groups,
        loose,
        shards,
        mut problems,
        notes,
        ..
    } = findings;
    groups.extend(group_by_folder(loose));
    shards::join(&mut groups, &shards);
    let understood = understand(groups, &options.mapping);
    problems.extend(understood.problems.into_list());
    let mut dump = Dump {
        captures,
        queries,
        problems: problems.into_list(),
        notes,
        guesses: understood.guesses,
        others,
        pending_bytes: options.limits.pending_bytes,
    };
    dump.captures.extend(understood.captures);
    dump.tell_runs_apart();
    dump.match_queries();
    dump.sort();
    dump
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Number of bytes at a file's start that identify its format.
const FIRST_BYTES: u64 = 64;

fn first_bytes(reader: &mut dyn Read, size: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    reader.take(size.min(FIRST_BYTES)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Identifies files by their first bytes where the name does not tell the format, except those that captures already
/// use, and reads them. Returns the paths of those that no format reads.
fn read_by_content(files: &mut [ListedFile], findings: &mut Findings) -> Vec<String> {
    let mut unread = Vec::new();
    for file in files {
        if format_of(&file.path).is_some() || findings.parts.contains(&file.path) {
            continue;
        }
        if !is_told_by_content(&file.path) {
            unread.push(file.path.clone());
            continue;
        }
        let head = match file.head.take() {
            Some(head) => *head,
            None => file
                .span
                .open(FIRST_BYTES)
                .map_err(Fault::from)
                .and_then(|mut reader| first_bytes(&mut reader, file.span.len())),
        };
        let read = head.and_then(|head| {
            let starts = |format: &&Format| {
                format
                    .first_bytes
                    .iter()
                    .any(|first| head.starts_with(first))
            };
            match formats_by_content(&file.path).find(starts) {
                Some(format) => (format.parse)(file, &head, findings),
                None if is_lfs_pointer(&head) => Err(Fault::not_fetched()),
                None if file.span.len() == 0 => Err(Fault::Broken("it is empty".to_owned())),
                None => {
                    unread.push(file.path.clone());
                    Ok(())
                }
            }
        });
        if let Err(fault) = read {
            findings.problem(Problem::new(&file.path, fault));
        }
    }
    unread
}

/// Reads the head of a file and adds what it holds to the findings.
fn read(
    format: &Format,
    file: &mut ListedFile,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let head = match file.head.take() {
        Some(head) => (*head)?,
        None => {
            let size = file.span.len();
            let mut reader = file.span.open(size.clamp(1, 1 << 12))?;
            (format.read_head)(&mut reader, size, limits)?
        }
    };
    (format.parse)(file, &head, findings)
}

/// A kind of file that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FormatInfo {
    /// What it is, such as `safetensors file`.
    pub label: &'static str,
    /// Name patterns of such files, with one `*` each: `*.safetensors`, `meta_*.json`.
    pub names: &'static [&'static str],
    /// Whether it is an archive of other files.
    pub is_archive: bool,
}

/// Every kind of file that can be opened: archives first, then formats.
pub fn formats() -> Vec<FormatInfo> {
    let archives = ARCHIVES.iter().map(|archive| FormatInfo {
        label: archive.label,
        names: archive.names,
        is_archive: true,
    });
    let formats = FORMATS.iter().map(|format| FormatInfo {
        label: format.label,
        names: format.names,
        is_archive: false,
    });
    archives.chain(formats).collect()
}

/// Extensions of the files that can be opened without a companion file: `.zip`, `.safetensors`.
pub fn endings() -> Vec<&'static str> {
    let names = formats().into_iter().flat_map(|format| format.names);
    let mut endings: Vec<&str> = Vec::new();
    for ending in names.filter_map(|name| name.strip_prefix('*')) {
        if !endings.contains(&ending) {
            endings.push(ending);
        }
    }
    endings
}
