//! Lists the files of a source together with the files inside its archives.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::listing::{ArchiveListing, ListOptions, ListedFile};
use super::table::{Archive, archive_of};
use crate::dump::bytes::Limits;
use crate::dump::bytes::path::unfinished_folder;
use crate::dump::bytes::region::Region;
use crate::dump::bytes::small_text::{is_lfs_pointer, small_text};
use crate::dump::bytes::source::Source;
use crate::dump::bytes::stream::{Span, Stream};
use crate::dump::problem::{Fault, Problem, Problems};

/// Maximum nesting depth of archives: a zip of npz files in a tar.
const MAX_DEPTH: usize = 3;

/// Lists the files of a source, with archives expanded into their entries. No two listed files have the same path.
pub(crate) fn list(
    source: &Arc<dyn Source>,
    options: ListOptions<'_>,
    problems: &mut Problems,
) -> Vec<ListedFile> {
    let mut files = Vec::new();
    let mut unfinished = BTreeSet::new();
    for (number, entry) in source.files().iter().enumerate() {
        if let Some(folder) = unfinished_folder(&entry.path) {
            unfinished.insert(folder);
            continue;
        }
        let stream = Arc::new(Stream::plain(Region::file(source, number)));
        let span = Span::new(stream, 0, entry.size, None);
        expand(
            ListedFile {
                path: entry.path.clone(),
                span,
                archive_len: 0,
                head: None,
                link: None,
            },
            0,
            options,
            &mut files,
            problems,
        );
    }
    for folder in unfinished {
        let why = "another run of kvlens has not finished writing it, or was killed; delete it if none is running";
        problems.push(Problem::new(folder, Fault::Broken(why.to_owned())));
    }
    let mut seen = HashSet::new();
    let is_new: Vec<bool> = files
        .iter()
        .map(|file| seen.insert(file.path.as_str()))
        .collect();
    let mut is_new = is_new.into_iter();
    files.retain(|file| {
        let keep = is_new.next().unwrap_or(true);
        if !keep {
            problems.push(Problem::new(&file.path, Fault::Twice("name")));
        }
        keep
    });
    files
}

/// The entries of a file that is a zip archive whatever its name.
///
/// # Errors
/// When it is no complete archive, or lies in a compressed one.
pub(crate) fn zip_entries(
    file: &ListedFile,
    limits: &Limits,
    problems: &mut Problems,
) -> Result<Vec<ListedFile>, Fault> {
    let region = file.span.region().ok_or_else(|| {
        Fault::Broken("it lies in a packed archive; unpack that first".to_owned())
    })??;
    let mut listing = ArchiveListing {
        archive: &file.path,
        options: ListOptions {
            limits,
            whole_left: &Cell::new(0),
            read_head: &|_, _, _| None,
        },
        entries: Vec::new(),
        problems,
    };
    super::zip::list(region, &mut listing)?;
    Ok(listing.entries)
}

/// Appends the file, or its entries if it is an archive.
fn expand(
    file: ListedFile,
    depth: usize,
    options: ListOptions<'_>,
    files: &mut Vec<ListedFile>,
    problems: &mut Problems,
) {
    let opens = |archive: &&Archive| {
        let inner = file.path.rsplit_once('.').map_or("", |(inner, _)| inner);
        let is_read = || (options.read_head)(inner, &mut std::io::empty(), 0).is_some();
        !archive.is_one_file || archive_of(inner).is_some() || is_read()
    };
    let is_link = file.link.is_some();
    let Some(archive) = archive_of(&file.path).filter(opens).filter(|_| !is_link) else {
        files.push(file);
        return;
    };
    let region = match file.span.region() {
        Some(Ok(region)) if depth < MAX_DEPTH => region,
        Some(Err(error)) => return problems.push(Problem::new(file.path, error.into())),
        _ => {
            let why =
                "an archive inside a packed archive is not opened; unpack the outer one first";
            return problems.push(Problem::new(file.path, Fault::Broken(why.to_owned())));
        }
    };
    let mut listing = ArchiveListing {
        archive: &file.path,
        options,
        entries: Vec::new(),
        problems,
    };
    let listed = (archive.list)(region, &mut listing);
    let entries = listing.entries;
    if let Err(fault) = listed {
        let is_pointer = small_text(&file.span).is_some_and(|text| is_lfs_pointer(text.as_bytes()));
        let fault = if is_pointer {
            Fault::not_fetched()
        } else {
            fault
        };
        problems.push(Problem::new(&file.path, fault));
    }
    for mut entry in entries {
        if depth > 0 {
            entry.archive_len = file.archive_len;
        }
        expand(entry, depth + 1, options, files, problems);
    }
}
