//! A Huffman code for literals as such: how long the code of each byte is, and its bits.

use super::histogram::Counts;

/// Longest code of a literal.
pub(super) const MAX_BITS: u32 = 11;

/// Largest weight of a description.
pub(super) const MAX_WEIGHT: usize = 12;

/// A canonical code: a length for each byte value, 0 if it has none.
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

    /// What bytes with this histogram take, in bits.
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

    /// The canonical code: a byte's bits, and how many there are, longer codes first and bytes in order.
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
