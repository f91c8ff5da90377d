//! The files of a source and the entries of its archives, as a scan sees them.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::Read;

use crate::dump::bytes::Limits;
use crate::dump::bytes::path::inner_path;
use crate::dump::bytes::stream::Span;
use crate::dump::problem::{Fault, Problem, Problems};

/// Given a file name, a reader and a size, reads the part of the file that identifies its content; `None` if nothing
/// will ask for it.
pub(crate) type ReadHead<'a> =
    &'a dyn Fn(&str, &mut dyn Read, u64) -> Option<Result<Vec<u8>, Fault>>;

/// A file, or an entry of an archive.
#[derive(Debug)]
pub(crate) struct ListedFile {
    /// Path in the source; an entry's path starts with its archive's path.
    pub path: String,
    pub span: Span,
    /// Length in bytes of the prefix of `path` that names the containing archive, including the `/`; 0 for a file of
    /// the source itself.
    pub archive_len: usize,
    /// Head of the file, if it was read while listing.
    pub head: Option<Box<Result<Vec<u8>, Fault>>>,
    /// Where the file leads if it is a link.
    pub link: Option<Link>,
}

/// What a link leads to.
#[derive(Debug)]
pub(crate) struct Link {
    /// Path in the source.
    pub target: String,
    /// Whether it is a second name of a file, which is one in its own right.
    pub is_hard: bool,
}

/// State and options that all archives of a scan share.
#[derive(Clone, Copy)]
pub(crate) struct ListOptions<'a> {
    pub limits: &'a Limits,
    /// Bytes that may still be unpacked into memory.
    pub whole_left: &'a Cell<u64>,
    /// Reads heads while listing, for entries that could only be reached again by unpacking again.
    pub read_head: ReadHead<'a>,
}

/// Collects the entries of one archive.
pub(crate) struct ArchiveListing<'a> {
    pub archive: &'a str,
    pub options: ListOptions<'a>,
    pub entries: Vec<ListedFile>,
    pub problems: &'a mut Problems,
}

impl ArchiveListing<'_> {
    /// Adds an entry; one whose name points outside the archive becomes a problem.
    pub fn add(
        &mut self,
        name: &str,
        span: Span,
        head: Option<Box<Result<Vec<u8>, Fault>>>,
    ) -> Result<(), Fault> {
        self.take_in(name, span, head, None)
    }

    /// Adds a link to `target`, a path relative to the archive's root; `span` is the link's own data.
    pub fn add_link(
        &mut self,
        name: &str,
        target: Option<String>,
        is_hard: bool,
        span: Span,
    ) -> Result<(), Fault> {
        match target {
            Some(target) => {
                let target = format!("{}/{target}", self.archive);
                let link = Link { target, is_hard };
                self.take_in(name, span, None, Some(link))
            }
            None => {
                let why = "a link to something outside of the archive; left out";
                self.problem(name, Fault::Broken(why.to_owned()));
                Ok(())
            }
        }
    }

    fn take_in(
        &mut self,
        name: &str,
        span: Span,
        head: Option<Box<Result<Vec<u8>, Fault>>>,
        link: Option<Link>,
    ) -> Result<(), Fault> {
        if self.entries.len() as u64 >= self.options.limits.entries {
            return Err(Fault::Broken(format!(
                "it has more than {} entries",
                self.options.limits.entries
            )));
        }
        match inner_path(name) {
            Some(inner) => {
                let path = format!("{}/{inner}", self.archive);
                self.entries.push(ListedFile {
                    path,
                    span,
                    archive_len: self.archive.len() + 1,
                    head,
                    link,
                });
            }
            None => self.problem(
                name,
                Fault::field("name", format!("{name:?}"), "a path inside the archive"),
            ),
        }
        Ok(())
    }

    /// Reads the head of the entry `name` if something will ask for it. `left` is how many bytes the heads of this
    /// archive may still take.
    pub fn head(
        &self,
        name: &str,
        reader: &mut dyn Read,
        size: u64,
        left: &mut u64,
    ) -> Option<Box<Result<Vec<u8>, Fault>>> {
        if *left == 0 {
            // Called with an empty reader: the name alone decides whether the head is needed.
            let _ = (self.options.read_head)(name, &mut std::io::empty(), 0)?;
            return Some(Box::new(Err(Fault::Broken(
                "the headers and meta files of this archive are too large together (--max-header-mb)"
                    .to_owned(),
            ))));
        }
        // A damaged head must not reach into the next entry.
        let head = (self.options.read_head)(name, &mut reader.take(size), size)?;
        *left = left.saturating_sub(head.as_ref().map_or(0, |bytes| bytes.len() as u64));
        Some(Box::new(head))
    }

    pub fn problem(&mut self, name: &str, fault: Fault) {
        self.problems
            .push(Problem::new(format!("{}/{name}", self.archive), fault));
    }

    /// Removes entries that were added before, and reports each as a problem.
    pub fn refuse(&mut self, entries: Vec<(String, Fault)>) {
        let inner = entries.iter().filter_map(|(name, _)| inner_path(name));
        let paths: HashSet<String> = inner
            .map(|inner| format!("{}/{inner}", self.archive))
            .collect();
        self.entries.retain(|entry| !paths.contains(&entry.path));
        for (name, fault) in entries {
            self.problem(&name, fault);
        }
    }
}
