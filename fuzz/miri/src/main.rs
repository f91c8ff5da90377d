//! Small streams through the zstd encoder's fast strategies, which hold the crate's `unsafe` code. Miri stops at the first read or write
//! outside of what a pointer may reach: `cargo +nightly miri run -- SEED FRAMES LONGEST`.

use std::io::Read;

use kvlens::codec::zstd::{compress, compressed_size};

/// Levels of the fast strategies.
const LEVELS: [i32; 10] = [1, 2, 3, 4, -1, -2, -4, -8, -64, -512];

/// Small random number generator (xorshift64*, Marsaglia and Vigna).
struct Rng(u64);

impl Rng {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound.max(1) as u64) as usize
    }
}

/// A stream of one of five kinds: noise, few symbols, a period with faults, copies, and numbers of two bytes.
fn stream(rng: &mut Rng, len: usize) -> Box<[u8]> {
    let (kind, period) = (rng.below(5), 1 + rng.below(40));
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let noise = rng.bits() as u8;
        match kind {
            0 => bytes.push(noise),
            1 => bytes.push([0, 0, 0, 1, 2, 255][rng.below(6)]),
            2 if bytes.len() >= period && rng.below(60) > 0 => {
                bytes.push(bytes[bytes.len() - period]);
            }
            2 => bytes.push(noise),
            3 if bytes.len() > 40 && rng.below(3) == 0 => {
                let from = rng.below(bytes.len() - 34);
                bytes.extend_from_within(from..from + 4 + rng.below(30));
            }
            3 => (0..rng.below(12)).for_each(|_| bytes.push(rng.bits() as u8)),
            _ => bytes.extend([noise & 3, 0x3c + rng.below(3) as u8]),
        }
    }
    bytes.truncate(len);
    // Without spare room, so that a read past the end is one outside of the allocation.
    bytes.into_boxed_slice()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| {
        let text = arguments.next();
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let (seed, frames, longest) = (number(1), number(100), number(900));
    let mut rng = Rng((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for (index, level) in (0..frames).zip(LEVELS.into_iter().cycle()) {
        let longest = if rng.below(4) == 0 { 40 } else { longest };
        let len = rng.below(longest);
        let stream = stream(&mut rng, len);
        let frame = compress(&stream, level);
        assert_eq!(compressed_size(&stream, level), frame.len());
        let mut decoded = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(&*frame)
            .expect("a frame's header")
            .read_to_end(&mut decoded)
            .expect("a frame");
        assert!(*decoded == *stream, "level {level}, {len} bytes");
        if index % 20 == 19 {
            println!("{} frames", index + 1);
        }
    }
}
