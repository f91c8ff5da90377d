//! How far a scan goes along with what a file claims.

/// Limits against hostile files; each may be raised. They are checked before memory is taken and again while reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest meta file, in bytes.
    pub meta_bytes: u64,
    /// Largest header of an `.npy` or `.safetensors` file, in bytes; the latter format itself allows 100 MB.
    pub header_bytes: u64,
    /// How many times its own size a packed file may unpack to. KV values shrink little (1.2 to 2 times) unless most
    /// of them are zeros; deflate's own limit is about 1030.
    pub unpack_ratio: u64,
    /// Most bytes that files packed as a whole (`.npz.gz`) may be together: they are unpacked into memory.
    pub whole_bytes: u64,
    /// Most entries of one archive.
    pub entries: u64,
    /// Most tensors of one `.safetensors` file: its list of them is held as a whole.
    pub tensors: usize,
    /// Bytes that may be held while the K and V of captures in a compressed tar lie apart.
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
    /// Most bytes that `packed` bytes may unpack to: small files are free to be as empty as they like.
    pub(crate) fn unpacked(&self, packed: u64) -> u64 {
        packed.saturating_mul(self.unpack_ratio).max(1 << 20)
    }
}
