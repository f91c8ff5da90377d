//! Limits on what a scan believes of a file's own claims.

/// Limits against hostile files; each may be raised. They are checked before memory is allocated and again while
/// reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest meta file, in bytes.
    pub meta_bytes: u64,
    /// Largest header of an `.npy` or `.safetensors` file, in bytes; the latter format itself allows 100 MB.
    pub header_bytes: u64,
    /// Maximum ratio of unpacked to packed size. KV values compress little (1.2 to 2 times) unless most of them are
    /// zeros; deflate's own limit is about 1030.
    pub unpack_ratio: u64,
    /// Maximum total size of files compressed as a whole (`.npz.gz`), in bytes: they are unpacked into memory.
    pub whole_bytes: u64,
    /// Maximum number of entries in one archive.
    pub entries: u64,
    /// Maximum number of tensors in one `.safetensors` file or llama.cpp state: the whole list of them is held in memory.
    pub tensors: usize,
    /// Bytes that may be held in memory while waiting for the other half (K or V) of captures in a compressed tar.
    pub pending_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            meta_bytes: 1 << 20,
            header_bytes: 16 << 20,
            unpack_ratio: 200,
            whole_bytes: 1 << 30,
            entries: 1_000_000,
            tensors: 250_000,
            pending_bytes: 256 << 20,
        }
    }
}

impl Limits {
    /// Maximum number of bytes that `packed` bytes may unpack to. At least 1 MiB, so that small
    /// files may have any ratio.
    pub(crate) fn unpacked(&self, packed: u64) -> u64 {
        packed.saturating_mul(self.unpack_ratio).max(1 << 20)
    }
}
