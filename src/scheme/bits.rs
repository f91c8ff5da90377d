//! Codes of a few bits packed into bytes, the first in the lowest bits, and read back.

/// Appends the lowest `width` bits of codes, and fills the last byte with zeros at the end.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    /// Appends to `out`.
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

    /// Fills up the last byte.
    pub fn finish(self) {
        if self.filled > 0 {
            self.out.push(self.pending as u8);
        }
    }
}

/// Reads codes that a [`BitWriter`] wrote; past the end they are zero.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    pending: u64,
    filled: u32,
}

impl<'a> BitReader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            pending: 0,
            filled: 0,
        }
    }

    /// The next code of `width` bits, at most 32.
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
}
