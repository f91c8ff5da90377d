//! The files of a source together with those in its archives, as one list of items.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::sync::Arc;

use super::limits::Limits;
use super::meta::inner_path;
use super::problem::{Fault, Problem, Problems};
use super::region::Region;
use super::source::Source;
use super::stream::{Coding, Span, Stream};
use super::unfinished::unfinished_folder;
use super::{npy, safetensors, tar, zip};

/// How deep archives may lie in archives: a zip of npz files in a tar.
const MOST_DEPTH: usize = 3;

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Meta,
    PackedMeta,
    Npy,
    Safetensors,
    Zip,
    Tar(Coding),
    Other,
}

impl Kind {
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.starts_with("._") {
            // macOS puts its own attributes beside the files of an archive, under their names.
            return Self::Other;
        }
        if name.ends_with(".json") {
            return match name {
                _ if name.starts_with("meta_") => Self::Meta,
                _ if name.starts_with("packed_meta_") => Self::PackedMeta,
                _ => Self::Other,
            };
        }
        let lower = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
        match () {
            () if ends(&[".npy"]) => Self::Npy,
            () if ends(&[".safetensors"]) => Self::Safetensors,
            () if ends(&[".zip", ".npz"]) => Self::Zip,
            () if ends(&[".tar"]) => Self::Tar(Coding::Plain),
            () if ends(&[".tar.gz", ".tgz"]) => Self::Tar(Coding::Gzip),
            () if ends(&[".tar.zst", ".tzst"]) => Self::Tar(Coding::Zstd),
            () => Self::Other,
        }
    }
}

/// A file, or an entry of an archive.
#[derive(Debug)]
pub(super) struct Item {
    /// Path in the source; an entry's path goes on behind its archive's.
    pub path: String,
    pub span: Span,
    /// Bytes of `path` that name the archive it came out of, with the `/`; 0 for a file of the source.
    pub archive_len: usize,
    /// What was read of it while listing.
    head: Option<Box<Result<Vec<u8>, Fault>>>,
}

impl Item {
    pub fn kind(&self) -> Kind {
        Kind::of(&self.path)
    }

    /// The bytes that tell what it is: all of a meta file, the header of a file of tensors.
    pub fn head(&mut self, limits: &Limits) -> Result<Vec<u8>, Fault> {
        match self.head.take() {
            Some(head) => *head,
            None => {
                let mut reader = self.span.open(self.span.len().clamp(1, 1 << 12))?;
                read_head(self.kind(), &mut reader, self.span.len(), limits)
            }
        }
    }
}

/// Reads the head of the entry `name` from `reader`, where it is one whose head will be asked for. The heads of one archive
/// may have `left` bytes in all.
pub(super) fn head(
    name: &str,
    reader: &mut dyn Read,
    size: u64,
    limits: &Limits,
    left: &mut u64,
) -> Option<Box<Result<Vec<u8>, Fault>>> {
    let kind = Kind::of(name);
    if !matches!(kind, Kind::Meta | Kind::Npy | Kind::Safetensors) {
        return None;
    }
    if *left == 0 {
        return Some(Box::new(Err(Fault::Broken(
            "the headers and meta files of this archive are too large together".to_owned(),
        ))));
    }
    let head = read_head(kind, reader, size, limits);
    *left = left.saturating_sub(head.as_ref().map_or(0, |bytes| bytes.len() as u64));
    Some(Box::new(head))
}

fn read_head(
    kind: Kind,
    reader: &mut dyn Read,
    size: u64,
    limits: &Limits,
) -> Result<Vec<u8>, Fault> {
    match kind {
        Kind::Npy => npy::read_header(reader, limits),
        Kind::Safetensors => safetensors::read_header(reader, size, limits),
        _ if size > limits.meta_bytes => Err(Fault::field(
            "size",
            format!("{size} bytes"),
            format!("a meta file of at most {} bytes", limits.meta_bytes),
        )),
        _ => {
            let mut bytes = Vec::new();
            reader.take(size).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
    }
}

/// Collects the entries of one archive.
pub(super) struct Listing<'a> {
    archive: &'a str,
    limits: &'a Limits,
    items: Vec<Item>,
    problems: &'a mut Problems,
}

impl Listing<'_> {
    /// Takes in an entry; one whose name leaves the archive is a problem.
    pub fn add(
        &mut self,
        name: &str,
        span: Span,
        head: Option<Box<Result<Vec<u8>, Fault>>>,
    ) -> Result<(), Fault> {
        if self.items.len() as u64 >= self.limits.entries {
            return Err(Fault::Broken(format!(
                "it has more than {} entries",
                self.limits.entries
            )));
        }
        match inner_path(name) {
            Some(inner) => {
                let path = format!("{}/{inner}", self.archive);
                self.items.push(Item {
                    path,
                    span,
                    archive_len: self.archive.len() + 1,
                    head,
                });
            }
            None => self.problem(
                name,
                Fault::field("name", format!("{name:?}"), "a path inside the archive"),
            ),
        }
        Ok(())
    }

    pub fn problem(&mut self, name: &str, fault: Fault) {
        self.problems
            .push(Problem::new(format!("{}/{name}", self.archive), fault));
    }

    /// Throws out entries that were taken in.
    pub fn refuse(&mut self, entries: Vec<(String, Fault)>) {
        let inner = entries.iter().filter_map(|(name, _)| inner_path(name));
        let paths: HashSet<String> = inner
            .map(|inner| format!("{}/{inner}", self.archive))
            .collect();
        self.items.retain(|item| !paths.contains(&item.path));
        for (name, fault) in entries {
            self.problem(&name, fault);
        }
    }
}

/// Lists the files of a source, archives opened. No two items have the same path.
pub(super) fn list(
    source: &Arc<dyn Source>,
    limits: &Limits,
    problems: &mut Problems,
) -> Vec<Item> {
    let mut items = Vec::new();
    let mut unfinished = BTreeSet::new();
    for (file, entry) in source.files().iter().enumerate() {
        if let Some(folder) = unfinished_folder(&entry.path) {
            unfinished.insert(folder);
            continue;
        }
        let stream = Arc::new(Stream::plain(Region::file(source, file)));
        let span = Span::new(stream, 0, entry.size, None);
        expand(
            Item {
                path: entry.path.clone(),
                span,
                archive_len: 0,
                head: None,
            },
            0,
            limits,
            &mut items,
            problems,
        );
    }
    for folder in unfinished {
        let why = "another run of kvlens has not finished writing it, or was killed; delete it if none is running";
        problems.push(Problem::new(folder, Fault::Broken(why.to_owned())));
    }
    let mut seen = HashSet::new();
    let is_new: Vec<bool> = items
        .iter()
        .map(|item| seen.insert(item.path.as_str()))
        .collect();
    let mut is_new = is_new.into_iter();
    items.retain(|item| {
        let keep = is_new.next().unwrap_or(true);
        if !keep {
            problems.push(Problem::field(
                &item.path,
                "name",
                "it twice",
                "each name once; the first is used",
            ));
        }
        keep
    });
    items
}

fn expand(
    item: Item,
    depth: usize,
    limits: &Limits,
    items: &mut Vec<Item>,
    problems: &mut Problems,
) {
    let kind = item.kind();
    if !matches!(kind, Kind::Zip | Kind::Tar(_)) {
        items.push(item);
        return;
    }
    let region = match item.span.region() {
        Some(Ok(region)) if depth < MOST_DEPTH => region,
        Some(Err(error)) => return problems.push(Problem::new(item.path, error.into())),
        _ => {
            let why =
                "an archive inside a packed archive is not opened; unpack the outer one first";
            return problems.push(Problem::new(item.path, Fault::Broken(why.to_owned())));
        }
    };
    let mut listing = Listing {
        archive: &item.path,
        limits,
        items: Vec::new(),
        problems,
    };
    let listed = match kind {
        Kind::Tar(coding) => {
            let stream = if coding == Coding::Plain {
                Stream::plain(region)
            } else {
                Stream::packed(region, coding, limits)
            };
            tar::list(&Arc::new(stream), limits, &mut listing)
        }
        _ => zip::list(&region, limits, &mut listing),
    };
    let inner = listing.items;
    if let Err(fault) = listed {
        problems.push(Problem::new(&item.path, fault));
    }
    for mut entry in inner {
        if depth > 0 {
            entry.archive_len = item.archive_len;
        }
        expand(entry, depth + 1, limits, items, problems);
    }
}
