//! A Huffman code for literals: the length and bits of each byte's code.

use super::histogram::Counts;

/// Maximum length of a literal's code, in bits.
pub(super) const MAX_BITS: u32 = 11;

/// Maximum weight in a description.
pub(super) const MAX_WEIGHT: usize = 12;

/// A canonical code: the code length of each byte value, 0 if it has no code.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) lengths: [u8; 256],
    pub(super) longest: u32,
    pub(super) last_symbol: usize,
}

impl Code {
    pub(super) const EMPTY: Self = Self {
        lengths: [0; 256],
        longest: 0,
        last_symbol: 0,
    };

    /// Number of bits that bytes with this histogram take.
    pub(super) fn bits(&self, counts: &Counts) -> usize {
        self.lengths
            .iter()
            .zip(counts)
            .map(|(&length, &count)| u32::from(length) * count)
            .sum::<u32>() as usize
    }

    /// Whether every byte that occurs has a code.
    pub(super) fn covers(&self, counts: &Counts) -> bool {
        self.lengths
            .iter()
            .zip(counts)
            .all(|(&length, &count)| length > 0 || count == 0)
    }

    /// Bits and length of each byte's canonical code; longer codes come first, then bytes in order.
    pub(super) fn values(&self) -> [(u16, u8); 256] {
        let mut of_length = [0u16; MAX_WEIGHT + 1];
        for &length in &self.lengths {
            of_length[usize::from(length)] += 1;
        }
        let mut next = [0u16; MAX_WEIGHT + 1];
        let mut first = 0;
        for length in (1..=self.longest as usize).rev() {
            next[length] = first;
            first = (first + of_length[length]) >> 1;
        }
        self.lengths.map(|length| {
            let value = next[usize::from(length)];
            next[usize::from(length)] += 1;
            (value, length)
        })
    }
}
