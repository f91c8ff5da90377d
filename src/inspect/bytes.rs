//! Compressibility of a byte stream: order-0 entropy, and the size that zstd reaches.

use serde::Serialize;

use crate::codec::zstd;

/// A byte stream with the size that an ideal order-0 coder needs and the size that zstd reaches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Coded {
    /// Order-0 entropy in bits per byte, 0 to 8; see [`entropy`].
    pub entropy: f64,
    /// Size of the zstd frame in bytes. It can be less than `entropy / 8` per byte, since zstd also uses repeats.
    pub zstd: usize,
    /// Number of occurrences of each of the 256 byte values.
    pub counts: Vec<u32>,
}

impl Coded {
    /// Measures `bytes`, with zstd at `level`; the zstd size of no bytes is 0.
    pub fn of(bytes: &[u8], level: i32) -> Self {
        let counts = counts(bytes);
        Self {
            entropy: entropy(&counts),
            zstd: if bytes.is_empty() {
                0
            } else {
                zstd::compressed_size(bytes, level)
            },
            counts: counts.to_vec(),
        }
    }
}

/// Number of occurrences of each byte value; saturates at `u32::MAX`.
pub fn counts(bytes: &[u8]) -> [u32; 256] {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        let count = &mut counts[usize::from(byte)];
        *count = count.saturating_add(1);
    }
    counts
}

/// Shannon's order-0 entropy in bits per symbol: `-sum p log2 p` over the symbols that occur; 0 without symbols. No
/// code that treats every byte independently and alike gets below it.
pub fn entropy(counts: &[u32; 256]) -> f64 {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let count = f64::from(count);
            count / total * (total / count).log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_textbook_sources() {
        assert_eq!(entropy(&counts(&[])), 0.0);
        assert_eq!(entropy(&counts(&[7; 100])), 0.0);
        assert_eq!(entropy(&counts(&[0, 1].repeat(50))), 1.0);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(entropy(&counts(&all)), 8.0);
        // p = 1/2, 1/4, 1/4: 1.5 bits.
        assert_eq!(entropy(&counts(&[0, 0, 1, 2])), 1.5);
    }
}
