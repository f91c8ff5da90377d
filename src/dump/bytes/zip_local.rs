//! The local header before each entry's data in a zip archive (PKWARE APPNOTE 6.3.10, section 4.3.7). Its length is
//! known only once it is read, so it is read together with the entry, not while the archive is listed.

use super::region::Region;
use super::source::SourceError;

/// Length of the header without name and extra fields, in bytes.
const LOCAL_LEN: u64 = 30;

/// Region of the `packed` data bytes of the entry whose local header is at the start of `region`.
pub(super) fn entry_data(region: &Region, packed: u64) -> Result<Region, SourceError> {
    let header = region.part(0, LOCAL_LEN)?.read()?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(SourceError::Io(
            "the zip archive has no entry where its list says".to_owned(),
        ));
    }
    let len_at = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    region.part(LOCAL_LEN + len_at(26) + len_at(28), packed)
}
