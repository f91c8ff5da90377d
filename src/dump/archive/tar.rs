//! Lists a tar archive by its headers: ustar, GNU long names and sizes, pax (POSIX.1-2017 "pax", GNU tar manual).
//! Hand-written because the `tar` crate reads a long name whole, whatever its size: a few packed bytes may claim
//! gigabytes.

use std::io::{self, Read};
use std::sync::Arc;

use super::listing::ArchiveListing;
use crate::dump::bytes::path::{escaped, inner_path, linked_path};
use crate::dump::bytes::stream::{Reader, Span, Stream};
use crate::dump::problem::Fault;

const BLOCK: u64 = 512;
/// Maximum length of a name, and of a set of pax records.
const MAX_NAME_LEN: u64 = 1 << 16;

fn broken(why: &str) -> Fault {
    Fault::Broken(format!("not a whole tar archive: {why}"))
}

/// Lists the entries of the archive that `stream` unpacks to, from its first byte to its last.
///
/// Heads are read while passing by if going back would mean unpacking again.
pub(super) fn list(stream: &Arc<Stream>, listing: &mut ArchiveListing<'_>) -> Result<(), Fault> {
    let mut archive = Archive {
        reader: stream.open(1 << 12)?,
        position: 0,
    };
    let mut long_name = None;
    let mut long_link = None;
    let mut long_size = None;
    let mut is_sparse = false;
    let mut heads_left = 4 * listing.options.limits.header_bytes;
    while let Some(header) = archive.header()? {
        let size = long_size.take().unwrap_or(header.size);
        match header.kind {
            b'L' => long_name = Some(archive.text(size)?.trim_end_matches('\0').to_owned()),
            b'K' => long_link = Some(archive.text(size)?.trim_end_matches('\0').to_owned()),
            b'x' => {
                let records = archive.text(size)?;
                long_link = pax(&records, "linkpath").map(str::to_owned).or(long_link);
                long_name = pax(&records, "path").map(str::to_owned).or(long_name);
                // Of the three forms the first two have no version, and only the first has the file's own name in its header.
                if fields(&records).any(|field| field.starts_with("GNU.sparse.")) {
                    long_name = pax(&records, "GNU.sparse.name")
                        .map(str::to_owned)
                        .or(long_name);
                    is_sparse = true;
                }
                long_size = pax(&records, "size").and_then(|digits| digits.parse().ok());
                continue;
            }
            b'0' | b'\0' | b'7' if !is_sparse => {
                let name = long_name.take().unwrap_or(header.name);
                let start = archive.position;
                if stream.is_plain() && archive.beyond_end(stream, size)? {
                    listing.problem(&name, broken("the archive ends inside this entry"));
                    return Ok(());
                }
                let head = if stream.is_plain() {
                    None
                } else {
                    listing.head(&name, &mut archive, size, &mut heads_left)
                };
                listing.add(
                    &name,
                    Span::new(Arc::clone(stream), start, size, None),
                    head,
                )?;
                let read = archive.position - start;
                archive.skip(size - read)?;
            }
            b'S' | b'0' | b'\0' | b'7' => {
                is_sparse = false;
                if header.is_extended {
                    archive.pass_sparse_maps()?;
                }
                listing.problem(&long_name.take().unwrap_or(header.name), sparse());
                archive.skip(size)?;
            }
            // A hard link names an earlier file by its path in the archive; a symbolic link's path is relative to its
            // own folder.
            b'1' | b'2' => {
                let name = long_name.take().unwrap_or(header.name);
                let target = long_link.take().unwrap_or(header.link);
                let is_hard = header.kind == b'1';
                let target = if is_hard {
                    inner_path(&target)
                } else {
                    linked_path(&name, &target)
                };
                let nothing = Span::new(Arc::clone(stream), archive.position, 0, None);
                listing.add_link(&name, target, is_hard, nothing)?;
                archive.skip(size)?;
            }
            // Folders, devices, global pax records.
            _ => {
                (long_name, long_link) = (None, None);
                archive.skip(size)?;
            }
        }
        archive.pad()?;
    }
    Ok(())
}

fn sparse() -> Fault {
    Fault::Broken(
        "it is stored as a sparse file, which is not read; make the archive without --sparse"
            .to_owned(),
    )
}

/// What pax records say, as `KEY=VALUE`; a record is `LENGTH KEY=VALUE\n`.
fn fields(records: &str) -> impl DoubleEndedIterator<Item = &str> {
    let field = |record| str::split_once(record, ' ').map(|(_, field)| field);
    records.split('\n').filter_map(field)
}

/// The value of the last pax record `key`.
fn pax<'a>(records: &'a str, key: &str) -> Option<&'a str> {
    let value = |field: &'a str| field.strip_prefix(key)?.strip_prefix('=');
    fields(records).filter_map(value).next_back()
}

/// The fields of an entry header that a listing needs.
struct Header {
    name: String,
    /// Target of a link.
    link: String,
    size: u64,
    kind: u8,
    /// Whether blocks with more of a sparse file's map follow, which `size` does not count.
    is_extended: bool,
}

/// A tar archive and the current position in it.
struct Archive {
    reader: Reader,
    position: u64,
}

impl Read for Archive {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(out)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Archive {
    /// The next header, or `None` at the end: an empty block, or no block at all.
    fn header(&mut self) -> Result<Option<Header>, Fault> {
        let mut block = Vec::with_capacity(BLOCK as usize);
        self.take(BLOCK).read_to_end(&mut block)?;
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let text = |from: usize, to: usize| block.get(from..to).map(until_nul).unwrap_or_default();
        let sum = |(at, &byte): (usize, &u8)| {
            if (148..156).contains(&at) {
                u64::from(b' ')
            } else {
                u64::from(byte)
            }
        };
        let told = number(block.get(148..156).unwrap_or_default());
        if block.len() < BLOCK as usize || told != Some(block.iter().enumerate().map(sum).sum()) {
            return Err(broken(&format!(
                "no header at byte {}",
                self.position - block.len() as u64
            )));
        }
        let (name, prefix) = (text(0, 100), text(345, 500));
        // GNU's own format uses the bytes of the ustar prefix for other things.
        let ustar = &block[257..263] == b"ustar\0";
        let name = if ustar && !prefix.is_empty() {
            format!("{prefix}/{name}")
        } else {
            name
        };
        let size = number(&block[124..136])
            .ok_or_else(|| broken(&format!("entry {name:?} has no readable size")))?;
        let kind = block[156];
        Ok(Some(Header {
            name,
            link: text(157, 257),
            size,
            kind,
            is_extended: kind == b'S' && block[482] != 0,
        }))
    }

    fn text(&mut self, size: u64) -> Result<String, Fault> {
        if size > MAX_NAME_LEN {
            return Err(broken(&format!(
                "a name or its records are {size} bytes long, more than {MAX_NAME_LEN}"
            )));
        }
        let mut bytes = Vec::new();
        self.take(size).read_to_end(&mut bytes)?;
        self.pad()?;
        Ok(escaped(&bytes))
    }

    /// Passes the blocks that go on with the map of a sparse file (GNU tar's `struct sparse_header`): the last has 0 in its 505th byte.
    fn pass_sparse_maps(&mut self) -> Result<(), Fault> {
        loop {
            let mut block = [0; BLOCK as usize];
            self.read_exact(&mut block)?;
            if block[504] == 0 {
                return Ok(());
            }
        }
    }

    fn skip(&mut self, count: u64) -> Result<(), Fault> {
        let position = self
            .position
            .checked_add(count)
            .ok_or_else(|| broken("an entry is too long"))?;
        self.reader.skip(count)?;
        self.position = position;
        Ok(())
    }

    /// Skips to the end of the block.
    fn pad(&mut self) -> Result<(), Fault> {
        self.skip((BLOCK - self.position % BLOCK) % BLOCK)
    }

    fn beyond_end(&self, stream: &Stream, size: u64) -> Result<bool, Fault> {
        let end = stream.data()?.len();
        Ok(self
            .position
            .checked_add(size)
            .is_none_or(|needed| needed > end))
    }
}

fn until_nul(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    escaped(&bytes[..end])
}

/// A number field: octal digits, or big-endian after a byte of 0x80 (GNU, for 8 GiB and more).
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        return rest.iter().try_fold(0_u64, |value, &byte| {
            value.checked_mul(256)?.checked_add(byte.into())
        });
    }
    let digits = std::str::from_utf8(field)
        .ok()?
        .trim_matches(|c| c == ' ' || c == '\0');
    u64::from_str_radix(digits, 8).ok()
}
