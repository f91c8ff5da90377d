//! A single compressed file, such as `cache.npz.gz`, treated as an archive of one entry. Its content is unpacked into
//! memory, since a compressed stream can only be read forward; a file whose content no format reads stays compressed.

use super::listing::ArchiveListing;
use crate::dump::bytes::path::file_name;
use crate::dump::bytes::region::Region;
use crate::dump::bytes::stream::{Coding, Span, Stream};
use crate::dump::problem::Fault;

/// Bytes that are unpacked per step.
const STEP: u64 = 1 << 20;

/// Unpacks the file in `region` and lists it under its name without the last extension.
pub(super) fn list(
    region: Region,
    coding: Coding,
    listing: &mut ArchiveListing<'_>,
) -> Result<(), Fault> {
    let archive = listing.archive.to_owned();
    let name = file_name(listing.archive);
    let name = name
        .rsplit_once('.')
        .map_or(name, |(stem, _)| stem)
        .to_owned();
    let left = listing.options.whole_left;
    let stream = Stream::packed(region, coding, listing.options.limits);
    let mut reader = stream.open(STEP)?;
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        reader.read_more(STEP, &mut bytes)?;
        if bytes.len() == before {
            break;
        }
        if bytes.len() as u64 > left.get() {
            let limit = listing.options.limits.whole_bytes;
            return Err(Fault::field(
                "size",
                format!("more than {} bytes unpacked", left.get()),
                format!(
                    "files packed as a whole to be at most {limit} bytes together; unpack it first"
                ),
            ));
        }
    }
    let len = bytes.len() as u64;
    left.set(left.get() - len);
    listing.add(&name, Span::of_bytes(&archive, bytes), None)
}
