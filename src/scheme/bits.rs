//! Packs codes of a few bits into bytes, the first in the lowest bits, and reads them back.

/// Appends the low `width` bits of each code; the last byte is padded with zeros.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: 0,
            filled: 0,
        }
    }

    /// Appends one code of `width` bits, at most 32.
    #[inline]
    pub fn put(&mut self, code: u32, width: u32) {
        self.pending |= (u64::from(code) & ((1 << width) - 1)) << self.filled;
        self.filled += width;
        while self.filled >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.filled -= 8;
        }
    }

    /// Appends codes of `width` bits, at most 8, given as whole numbers in f32.
    pub fn put_all(&mut self, codes: &[f32], width: u32) {
        let (eights, rest) = codes.as_chunks::<8>();
        for codes in eights {
            if self.filled > 0 {
                codes.iter().for_each(|&code| self.put(code as u32, width));
                continue;
            }
            // Eight codes fill whole bytes.
            let word = codes
                .iter()
                .rev()
                .fold(0, |word, &code| word << width | u64::from(code as u32));
            self.out.extend(&word.to_le_bytes()[..width as usize]);
        }
        rest.iter().for_each(|&code| self.put(code as u32, width));
    }

    /// Writes the last, partly filled byte.
    pub fn finish(self) {
        if self.filled > 0 {
            self.out.push(self.pending as u8);
        }
    }
}

/// Reads codes that a [`BitWriter`] wrote; codes past the end read as zero.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    pending: u64,
    filled: u32,
}

impl<'a> BitReader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            pending: 0,
            filled: 0,
        }
    }

    /// Reads the next code of `width` bits, at most 32.
    #[inline]
    pub fn take(&mut self, width: u32) -> u32 {
        while self.filled < width {
            let byte = self.bytes.split_off_first().copied().unwrap_or(0);
            self.pending |= u64::from(byte) << self.filled;
            self.filled += 8;
        }
        let code = self.pending & ((1 << width) - 1);
        self.pending >>= width;
        self.filled -= width;
        code as u32
    }

    /// Reads the next codes of `width` bits, at most 8, as whole numbers in f32.
    pub fn take_all(&mut self, codes: &mut [f32], width: u32) {
        let mask = (1 << width) - 1;
        let (eights, rest) = codes.as_chunks_mut::<8>();
        for codes in eights {
            let bytes = self.bytes.split_at_checked(width as usize);
            let Some((now, bytes)) = bytes.filter(|_| self.filled == 0) else {
                codes
                    .iter_mut()
                    .for_each(|code| *code = self.take(width) as f32);
                continue;
            };
            // Eight codes fill whole bytes.
            let mut word = [0; 8];
            word[..now.len()].copy_from_slice(now);
            let mut word = u64::from_le_bytes(word);
            for code in codes {
                *code = (word & mask) as u32 as f32;
                word >>= width;
            }
            self.bytes = bytes;
        }
        rest.iter_mut()
            .for_each(|code| *code = self.take(width) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_any_width_come_back() {
        for width in 1..=32 {
            let mask = u32::MAX >> (32 - width);
            let codes: Vec<u32> = (0..77u32)
                .map(|i| i.wrapping_mul(2_654_435_761) & mask)
                .collect();
            let mut bytes = Vec::new();
            let mut writer = BitWriter::new(&mut bytes);
            for &code in &codes {
                writer.put(code, width);
            }
            writer.finish();
            assert_eq!(bytes.len(), (77 * width as usize).div_ceil(8));
            let mut reader = BitReader::new(&bytes);
            let back: Vec<u32> = (0..77).map(|_| reader.take(width)).collect();
            assert_eq!(back, codes, "{width} bits");
        }
    }

    #[test]
    fn many_codes_at_once_are_the_same_bits() {
        for width in 1..=8 {
            let codes: Vec<u32> = (0..77u32)
                .map(|i| i.wrapping_mul(2_654_435_761) >> (32 - width))
                .collect();
            let (mut one_by_one, mut at_once) = (Vec::new(), Vec::new());
            let mut writer = BitWriter::new(&mut one_by_one);
            codes.iter().for_each(|&code| writer.put(code, width));
            writer.finish();
            let as_floats: Vec<f32> = codes.iter().map(|&code| code as f32).collect();
            let mut writer = BitWriter::new(&mut at_once);
            // The second piece does not begin at a byte.
            writer.put_all(&as_floats[..27], width);
            writer.put_all(&as_floats[27..], width);
            writer.finish();
            assert_eq!(at_once, one_by_one, "{width} bits");
            let (mut back, mut reader) = (vec![0.0; 77], BitReader::new(&at_once));
            let (first, second) = back.split_at_mut(27);
            reader.take_all(first, width);
            reader.take_all(second, width);
            assert_eq!(back, as_floats, "{width} bits");
        }
    }
}
