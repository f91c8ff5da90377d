//! CRC-32 as gzip and zip have it (RFC 1952, section 8), eight bytes at a time (Kounavis and Berry, "slicing-by-8").
//!
//! Its tables are made when they are first needed: ready-made ones, as the crate `crc32fast` has, are 16 KB of a wasm module that no
//! compression makes smaller.

use std::sync::OnceLock;

const POLYNOMIAL: u32 = 0xEDB8_8320;

/// Bytes that one step takes.
const STEP: usize = 8;

/// `[n][byte]`: what `byte` does to the checksum with `n` more bytes behind it.
type Tables = [[u32; 256]; STEP];

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Box<Tables>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables = Box::new([[0; 256]; STEP]);
        for byte in 0..256 {
            let shift = |crc: u32, _| (crc >> 1) ^ (POLYNOMIAL * (crc & 1));
            tables[0][byte] = (0..8).fold(byte as u32, shift);
        }
        for n in 1..STEP {
            for byte in 0..256 {
                let crc = tables[n - 1][byte];
                tables[n][byte] = crc >> 8 ^ tables[0][(crc & 0xFF) as usize];
            }
        }
        tables
    })
}

/// The checksum of bytes that come in parts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc32(u32);

impl Crc32 {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let tables = tables();
        let mut crc = !self.0;
        let (steps, rest) = bytes.as_chunks::<STEP>();
        for step in steps {
            let word = u64::from_le_bytes(*step) ^ u64::from(crc);
            crc = (word.to_le_bytes().iter().rev())
                .zip(tables)
                .fold(0, |crc, (&byte, table)| crc ^ table[usize::from(byte)]);
        }
        for &byte in rest {
            crc = crc >> 8 ^ tables[0][usize::from(crc as u8 ^ byte)];
        }
        self.0 = !crc;
    }

    /// The checksum of all so far.
    pub fn value(self) -> u32 {
        self.0
    }
}

/// The checksum of `bytes`.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::default();
    crc.update(bytes);
    crc.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn parts_make_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i * i >> 3) as u8).collect();
        for cut in [0, 1, 7, 8, 9, 500, 999] {
            let mut crc = Crc32::default();
            crc.update(&bytes[..cut]);
            crc.update(&bytes[cut..]);
            assert_eq!(crc.value(), crc32(&bytes), "cut at {cut}");
        }
    }
}
