//! Table of the archive formats. To add one, write a file that lists its entries and add a line here.

use std::sync::Arc;

use super::listing::ArchiveListing;
use super::{packed_file, tar, zip};
use crate::dump::bytes::path::{file_name, is_like, is_system_file};
use crate::dump::bytes::region::Region;
use crate::dump::bytes::stream::{Coding, Stream};
use crate::dump::problem::Fault;

/// An archive format.
pub(crate) struct Archive {
    /// What it is, for help texts.
    pub label: &'static str,
    /// Name patterns of such files, with one `*` each.
    pub names: &'static [&'static str],
    /// Whether it is a single compressed file, which is unpacked only if a format or archive reads the content.
    pub is_one_file: bool,
    /// Lists the archive's entries.
    pub list: fn(Region, &mut ArchiveListing<'_>) -> Result<(), Fault>,
}

/// Every archive format; the first one with a matching name pattern applies.
pub(crate) const ARCHIVES: &[Archive] = &[
    Archive {
        label: "zip archive",
        names: &["*.zip"],
        is_one_file: false,
        list: zip::list,
    },
    Archive {
        label: "NumPy archive",
        names: &["*.npz"],
        is_one_file: false,
        list: zip::list,
    },
    Archive {
        label: "tar archive",
        names: &["*.tar"],
        is_one_file: false,
        list: |region, listing| tar::list(&Arc::new(Stream::plain(region)), listing),
    },
    Archive {
        label: "gzip-compressed tar archive",
        names: &["*.tar.gz", "*.tgz"],
        is_one_file: false,
        list: |region, listing| list_packed_tar(region, Coding::Gzip, listing),
    },
    Archive {
        label: "Zstandard-compressed tar archive",
        names: &["*.tar.zst", "*.tzst"],
        is_one_file: false,
        list: |region, listing| list_packed_tar(region, Coding::Zstd, listing),
    },
    Archive {
        label: "xz-compressed tar archive",
        names: &["*.tar.xz", "*.txz"],
        is_one_file: false,
        list: |region, listing| list_packed_tar(region, Coding::Xz, listing),
    },
    Archive {
        label: "bzip2-compressed tar archive",
        names: &["*.tar.bz2", "*.tbz2", "*.tbz"],
        is_one_file: false,
        list: |region, listing| list_packed_tar(region, Coding::Bzip2, listing),
    },
    Archive {
        label: "gzip-compressed file",
        names: &["*.gz"],
        is_one_file: true,
        list: |region, listing| packed_file::list(region, Coding::Gzip, listing),
    },
    Archive {
        label: "Zstandard-compressed file",
        names: &["*.zst"],
        is_one_file: true,
        list: |region, listing| packed_file::list(region, Coding::Zstd, listing),
    },
    Archive {
        label: "xz-compressed file",
        names: &["*.xz"],
        is_one_file: true,
        list: |region, listing| packed_file::list(region, Coding::Xz, listing),
    },
    Archive {
        label: "bzip2-compressed file",
        names: &["*.bz2"],
        is_one_file: true,
        list: |region, listing| packed_file::list(region, Coding::Bzip2, listing),
    },
];

/// The archive format of a file, by its name.
pub(crate) fn archive_of(path: &str) -> Option<&'static Archive> {
    let name = file_name(path);
    let fits = |archive: &&Archive| archive.names.iter().any(|rule| is_like(name, rule));
    ARCHIVES.iter().find(fits).filter(|_| !is_system_file(name))
}

fn list_packed_tar(
    region: Region,
    coding: Coding,
    listing: &mut ArchiveListing<'_>,
) -> Result<(), Fault> {
    let stream = Stream::packed(region, coding, listing.options.limits);
    tar::list(&Arc::new(stream), listing)
}
