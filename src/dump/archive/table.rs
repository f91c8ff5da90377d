//! The archives that are opened. A new one is a file that lists it, and an entry here.

use std::sync::Arc;

use super::listing::ArchiveListing;
use super::{tar, zip};
use crate::dump::bytes::path::{file_name, is_like, is_system_file};
use crate::dump::bytes::region::Region;
use crate::dump::bytes::stream::{Coding, Stream};
use crate::dump::problem::Fault;

/// One kind of archive.
pub(crate) struct Archive {
    /// What it is, for help texts.
    pub label: &'static str,
    /// Names of such files, with one `*`.
    pub names: &'static [&'static str],
    /// Lists its entries.
    pub list: fn(Region, &mut ArchiveListing<'_>) -> Result<(), Fault>,
}

/// Every kind of archive that is opened. The first whose name fits counts.
pub(crate) const ARCHIVES: &[Archive] = &[
    Archive {
        label: "zip archive",
        names: &["*.zip"],
        list: zip::list,
    },
    Archive {
        label: "NumPy archive",
        names: &["*.npz"],
        list: zip::list,
    },
    Archive {
        label: "tar archive",
        names: &["*.tar"],
        list: |region, listing| tar::list(&Arc::new(Stream::plain(region)), listing),
    },
    Archive {
        label: "gzip-compressed tar archive",
        names: &["*.tar.gz", "*.tgz"],
        list: |region, listing| list_packed_tar(region, Coding::Gzip, listing),
    },
    Archive {
        label: "Zstandard-compressed tar archive",
        names: &["*.tar.zst", "*.tzst"],
        list: |region, listing| list_packed_tar(region, Coding::Zstd, listing),
    },
];

/// The archive that a file is by its name.
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
