//! Lists a zip archive from its central directory, zip64 included (PKWARE APPNOTE 6.3.10).
//! Hand-written because the existing readers hide what must be checked (entries of the same name, entries that
//! overlap), and those that don't hide it bring character tables larger than this program.

use std::io::Read;
use std::sync::Arc;

use super::listing::ArchiveListing;
use crate::dump::bytes::Limits;
use crate::dump::bytes::path::{escaped, linked_path};
use crate::dump::bytes::region::{Region, Window};
use crate::dump::bytes::small_text::small_text;
use crate::dump::bytes::stream::{Coding, Span, Stream};
use crate::dump::problem::{Fault, Problem};

const END: &[u8; 4] = b"PK\x05\x06";
const END_LEN: usize = 22;
const END64_LOCATOR_LEN: usize = 20;
const ENTRY_LEN: usize = 46;
const LOCAL_LEN: u64 = 30;
/// In a 16 or 32 bit field: the value is in the zip64 extra field.
const IN_ZIP64: u32 = u32::MAX;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn broken(why: &str) -> Fault {
    Fault::Broken(format!("not a whole zip archive: {why}"))
}

/// Position of the central directory, and the base of the offsets in it.
struct Directory {
    base: u64,
    start: u64,
    end: u64,
    /// Bytes of the file after the archive, such as the zeros that fill up the last block of a medium.
    after: u64,
}

/// Lists the entries of the zip archive in `archive`.
pub(super) fn list(archive: Region, listing: &mut ArchiveListing<'_>) -> Result<(), Fault> {
    let limits = listing.options.limits;
    let directory = find_directory(&archive)?;
    let mut window = Window::new(
        archive.part(directory.start, directory.end - directory.start)?,
        1 << 18,
    );
    let mut ends = Vec::new();
    let mut left = directory.end - directory.start;
    while left > 0 {
        let mut fixed = [0; ENTRY_LEN];
        window
            .read_exact(&mut fixed)
            .map_err(|_| broken("its list of entries is cut off"))?;
        if !fixed.starts_with(b"PK\x01\x02") {
            return Err(broken("its list of entries is damaged"));
        }
        let sizes = [28, 30, 32].map(|at| usize::from(u16_at(&fixed, at)));
        let mut variable = vec![0; sizes.iter().sum()];
        window
            .read_exact(&mut variable)
            .map_err(|_| broken("its list of entries is cut off"))?;
        left -= (ENTRY_LEN + variable.len()) as u64;
        let (name, rest) = variable.split_at(sizes[0]);
        let name = unicode_name(&rest[..sizes[1]], name)
            .unwrap_or_else(|| escaped(name))
            .replace('\\', "/");
        if name.ends_with('/') {
            continue;
        }
        match entry(&archive, &directory, &fixed, &rest[..sizes[1]], limits) {
            Ok(Entry { span, from, to }) => {
                ends.push((from, to, name.clone()));
                let link = is_link(&fixed).then(|| small_text(&span)).flatten();
                match link {
                    Some(link) => {
                        listing.add_link(&name, linked_path(&name, &link), false, span)?
                    }
                    None => listing.add(&name, span, None)?,
                }
            }
            Err(fault) => listing.problem(&name, fault),
        }
    }
    refuse_overlaps(ends, listing);
    if directory.after > 0 {
        let bytes = directory.after;
        let why = format!("{bytes} bytes after the end of the archive are not read");
        let problem = Problem::new(listing.archive, Fault::Broken(why));
        listing.problems.push(problem);
    }
    Ok(())
}

/// Finds the end-of-central-directory record, which a comment may follow.
fn find_directory(archive: &Region) -> Result<Directory, Fault> {
    if archive.len() == 0 {
        return Err(broken("it is empty"));
    }
    let tail_len = archive
        .len()
        .min((END_LEN + usize::from(u16::MAX) + END64_LOCATOR_LEN) as u64);
    let tail_start = archive.len() - tail_len;
    let tail = archive.part(tail_start, tail_len)?.read()?;
    let records = (0..(tail.len() + 1).saturating_sub(END_LEN)).rev();
    let records = records.filter(|&at| tail[at..].starts_with(END));
    // Bytes of the file after the record and its comment.
    let after = |at: usize| {
        let comment = usize::from(u16_at(&tail[at..], 20));
        (tail.len() - at - END_LEN).checked_sub(comment)
    };
    let fitting = records.filter_map(|at| Some((after(at)?, at)));
    let (after, at) = fitting
        .min_by_key(|&(after, _)| after)
        .ok_or_else(|| broken("it has no end record"))?;
    let record = &tail[at..];
    let mut end = tail_start + at as u64;
    let (mut size, mut offset) = (u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16)));
    if at >= END64_LOCATOR_LEN && tail[at - END64_LOCATOR_LEN..].starts_with(b"PK\x06\x07") {
        let told = u64_at(&tail, at - END64_LOCATOR_LEN + 8);
        let record = archive
            .part(told, 56)
            .and_then(|part| part.read())
            .map_err(|_| broken("its zip64 end record is missing"))?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(broken("its zip64 end record is missing"));
        }
        (size, offset, end) = (u64_at(&record, 40), u64_at(&record, 48), told);
    }
    let start = end
        .checked_sub(size)
        .ok_or_else(|| broken("its list of entries is longer than the file"))?;
    // Something may have been prepended to the archive, as in self-extracting ones.
    let base = start
        .checked_sub(offset)
        .ok_or_else(|| broken("its list of entries is not where it should be"))?;
    // Not both: in an archive that was cut off it would be an archive inside it that is taken for it.
    if base > 0 && after > 0 {
        return Err(broken("it has no end record"));
    }
    Ok(Directory {
        base,
        start,
        end,
        after: after as u64,
    })
}

/// Whether an entry is a symbolic link stored on Unix: its data is the target path.
fn is_link(fixed: &[u8; ENTRY_LEN]) -> bool {
    const UNIX: u8 = 3;
    let mode = u32_at(fixed, 38) >> 16;
    fixed[5] == UNIX && mode & 0o170_000 == 0o120_000
}

/// An entry of the central directory.
struct Entry {
    span: Span,
    from: u64,
    to: u64,
}

fn entry(
    archive: &Region,
    directory: &Directory,
    fixed: &[u8; ENTRY_LEN],
    extra: &[u8],
    limits: &Limits,
) -> Result<Entry, Fault> {
    let (flags, method) = (u16_at(fixed, 8), u16_at(fixed, 10));
    if flags & 1 != 0 {
        return Err(Fault::Broken("it is encrypted".to_owned()));
    }
    let coding = match method {
        0 => Coding::Plain,
        8 => Coding::Deflate,
        other => {
            return Err(Fault::field(
                "compression",
                format!("method {other}"),
                "stored or deflate",
            ));
        }
    };
    let mut wide = Zip64::find(extra);
    let len = wide.or(u32_at(fixed, 24))?;
    let packed = wide.or(u32_at(fixed, 20))?;
    let offset = wide.or(u32_at(fixed, 42))?;
    if coding == Coding::Plain && len != packed {
        return Err(Fault::field(
            "size",
            len,
            format!("{packed}, the size that is stored"),
        ));
    }
    if len > limits.unpacked(packed) {
        let expected = format!(
            "at most {} times the {packed} bytes packed (--max-unpack-ratio)",
            limits.unpack_ratio
        );
        return Err(Fault::field("size", format!("{len} bytes"), expected));
    }
    let from = directory.base.saturating_add(offset);
    let to = from
        .checked_add(LOCAL_LEN)
        .and_then(|data| data.checked_add(packed))
        .filter(|&to| to <= directory.start);
    let to = to.ok_or_else(|| {
        Fault::field(
            "offset",
            from,
            format!("its {packed} bytes to end before byte {}", directory.start),
        )
    })?;
    let region = archive.part(from, directory.start - from)?;
    let stream = Arc::new(Stream::zip_entry(region, coding, packed, len));
    Ok(Entry {
        span: Span::new(stream, 0, len, Some(u32_at(fixed, 16))),
        from,
        to,
    })
}

/// The UTF-8 name that Info-ZIP adds if the header's name has another encoding, provided that it belongs to this
/// header's name (APPNOTE 4.6.9).
fn unicode_name(extra: &[u8], name: &[u8]) -> Option<String> {
    let field = extra_field(extra, 0x7075)?;
    let (&version, rest) = field.split_first()?;
    let (crc, utf8) = rest.split_first_chunk()?;
    let is_of_name = version == 1 && crc32fast::hash(name) == u32::from_le_bytes(*crc);
    let text = std::str::from_utf8(utf8).ok()?;
    (is_of_name && !text.is_empty()).then(|| text.to_owned())
}

/// Body of the extra field `id`.
fn extra_field(mut extra: &[u8], id: u16) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let (found, size) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let body = extra.get(4..4 + size)?;
        if found == id {
            return Some(body);
        }
        extra = &extra[4 + size..];
    }
    None
}

/// The zip64 extra field: the 8-byte values that do not fit in the entry's own fields, in a fixed order.
struct Zip64<'a>(&'a [u8]);

impl<'a> Zip64<'a> {
    fn find(extra: &'a [u8]) -> Self {
        Self(extra_field(extra, 1).unwrap_or_default())
    }

    /// `value`, or the next value of the extra field if `value` is the zip64 marker.
    fn or(&mut self, value: u32) -> Result<u64, Fault> {
        if value != IN_ZIP64 {
            return Ok(value.into());
        }
        if self.0.len() < 8 {
            return Err(Fault::Broken("its zip64 sizes are missing".to_owned()));
        }
        let (head, rest) = self.0.split_at(8);
        self.0 = rest;
        Ok(u64_at(head, 0))
    }
}

/// Refuses entries that share bytes: that is how a small archive pretends to be a huge one.
fn refuse_overlaps(mut ends: Vec<(u64, u64, String)>, listing: &mut ArchiveListing<'_>) {
    ends.sort();
    let mut end = 0;
    let mut refused = Vec::new();
    for (from, to, name) in ends {
        if from < end {
            let expected = format!("{end}, where the entry before it ends, or later");
            refused.push((name, Fault::field("offset", from, expected)));
        }
        end = end.max(to);
    }
    listing.refuse(refused);
}
