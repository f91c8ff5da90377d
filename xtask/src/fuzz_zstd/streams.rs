//! Random streams to compress: fast to make, reproducible from a seed, and weighted towards what encoders get wrong.

/// Small random number generator (SplitMix64, public domain).
pub struct Rng(u64);

impl Rng {
    /// Starts a sequence; each seed has its own.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66_D123_4567)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// A number in `1..=high`, with all orders of magnitude equally likely.
    pub fn magnitude(&mut self, high: usize) -> usize {
        let log = self.below(high.ilog2() as usize + 1);
        self.between(1 << log, high.min((2 << log) - 1))
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Approximately normal, with variance 1.
    fn normal(&mut self) -> f32 {
        let sum: u32 = self.bits().to_le_bytes().map(u32::from).iter().sum();
        (sum as f32 - 1020.0) / 209.0
    }
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Pieces that streams are assembled from.
pub struct Pool(Vec<Vec<u8>>);

impl Pool {
    /// Generated pieces and the `given` ones: planes of a dump, programs, texts. Each is repeated to a length worth
    /// cutting from.
    pub fn new(given: Vec<Vec<u8>>) -> Self {
        let mut rng = Rng::new(0);
        let mut pieces: Vec<Vec<u8>> = given
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .collect();
        for channels in [64, 128, 1024] {
            let tensor = halves(&mut rng, channels, 2 * MIB);
            let plane = |shift: usize| {
                tensor
                    .iter()
                    .skip(shift)
                    .step_by(2)
                    .copied()
                    .collect::<Vec<u8>>()
            };
            let (low, high) = (plane(0), plane(1));
            let delta = (0..high.len())
                .map(|at| high[at] ^ high[at.saturating_sub(channels)])
                .collect();
            let masked = low.iter().map(|byte| byte & 0xF0).collect();
            let nibbles = low
                .chunks_exact(2)
                .map(|pair| pair[0] >> 4 | (pair[1] & 0xF0))
                .collect();
            pieces.extend([tensor, low, high, delta, masked, nibbles]);
        }
        pieces.push((0..MIB).map(|_| rng.bits() as u8).collect());
        for sides in [2, 3, 5, 17, 100] {
            pieces.push(
                (0..MIB)
                    .map(|_| rng.below(sides).min(rng.below(sides)) as u8)
                    .collect(),
            );
        }
        pieces.push(
            (0..MIB / 4)
                .flat_map(|count: usize| ((count * 3) as u32).to_le_bytes())
                .collect(),
        );
        pieces.push(words(&mut rng, MIB));
        pieces.push(vec![0; MIB]);
        for piece in &mut pieces {
            while piece.len() < MIB {
                piece.extend_from_within(..);
            }
        }
        Self(pieces)
    }

    fn cut(&self, rng: &mut Rng, len: usize, into: &mut Vec<u8>) {
        let piece = rng.pick(&self.0);
        let mut at = rng.below(piece.len());
        let mut left = len;
        while left > 0 {
            let part = left.min(piece.len() - at);
            into.extend_from_slice(&piece[at..at + part]);
            left -= part;
            at = 0;
        }
    }

    /// Generates the stream of a seed, at most `longest` bytes.
    pub fn stream(&self, seed: u64, longest: usize, into: &mut Vec<u8>) {
        let mut rng = Rng::new(seed);
        let rng = &mut rng;
        let len = length(rng).min(longest);
        into.clear();
        into.reserve(len + 1);
        match rng.below(100) {
            0..25 => self.cut(rng, len, into),
            25..50 => self.pieces(rng, len, into),
            50..70 => self.period(rng, len, into),
            70..95 => self.copies(rng, len, into),
            _ => {
                let byte = rng.bits() as u8;
                into.resize(len, byte);
            }
        }
        if rng.chance(40) {
            mutate(rng, into);
        }
        into.truncate(longest);
    }

    /// Pieces of different character, some cut at the positions that the block splitter examines.
    fn pieces(&self, rng: &mut Rng, len: usize, into: &mut Vec<u8>) {
        let unit = *rng.pick(&[1, 1, 512, 8 * KIB, 32 * KIB]);
        let most = *rng.pick(&[64, 4 * KIB, 64 * KIB, 512 * KIB]);
        while into.len() < len {
            let piece = rng
                .magnitude(most)
                .next_multiple_of(unit)
                .min(len - into.len());
            self.cut(rng, piece, into);
        }
    }

    /// One piece over and over, with changes in between.
    fn period(&self, rng: &mut Rng, len: usize, into: &mut Vec<u8>) {
        let around = *rng.pick(&[
            1,
            4,
            16,
            64,
            192,
            1024,
            4 * KIB,
            128 * KIB,
            256 * KIB,
            512 * KIB,
            MIB,
            2 * MIB,
            4 * MIB,
        ]);
        let period = (around + rng.below(2 * around.min(300)))
            .saturating_sub(around.min(300))
            .max(1);
        self.cut(rng, period.min(len), into);
        while into.len() < len {
            let part = period.min(len - into.len());
            into.extend_from_within(into.len() - period..into.len() - period + part);
            for _ in 0..rng.below(8) {
                let at = into.len() - 1 - rng.below(part);
                into[at] ^= 1 << rng.below(8);
            }
        }
    }

    /// The reverse of decoding: literals, then a copy from earlier bytes, and so on.
    fn copies(&self, rng: &mut Rng, len: usize, into: &mut Vec<u8>) {
        let most_literals = *rng.pick(&[2, 10, 100, 3000, 70 * KIB]);
        let most_copied = *rng.pick(&[8, 30, 300, 5000, 90 * KIB]);
        let far = *rng.pick(&[
            64,
            2 * KIB,
            16 * KIB,
            128 * KIB,
            512 * KIB,
            MIB,
            2 * MIB,
            5 * MIB,
        ]);
        let farthest_only = rng.chance(30);
        let mut distance = 1;
        while into.len() < len {
            let literals = rng.below(most_literals + 1).min(len - into.len());
            self.cut(rng, literals, into);
            let reach = into.len().min(far);
            if reach == 0 {
                continue;
            }
            if !rng.chance(30) || distance > reach {
                distance = match farthest_only {
                    true => reach - rng.below(reach.min(200)),
                    false => rng.magnitude(reach),
                };
            }
            let copied = (3 + rng.below(most_copied)).min(len - into.len());
            for _ in 0..copied.div_ceil(distance) {
                let start = into.len() - distance;
                let part = distance.min(len - into.len()).min(copied);
                into.extend_from_within(start..start + part);
            }
        }
        into.truncate(len);
    }
}

/// A length: many small ones, edges of blocks, windows and tables, and a few large ones.
fn length(rng: &mut Rng) -> usize {
    let near =
        |rng: &mut Rng, edge: usize, by: usize| (edge + rng.below(2 * by)).saturating_sub(by);
    match rng.below(1000) {
        0..60 => rng.below(64),
        60..640 => rng.below(4200),
        640..760 => rng.magnitude(128 * KIB),
        760..860 => {
            let edge = *rng.pick(&[
                256,
                1024,
                16 * KIB,
                64 * KIB,
                65_792,
                128 * KIB,
                256 * KIB,
                384 * KIB,
            ]);
            near(rng, edge, 40)
        }
        860..960 => rng.between(16 * KIB, 400 * KIB),
        960..988 => {
            let edge = *rng.pick(&[512 * KIB, MIB, 2 * MIB]);
            near(rng, edge, 140 * KIB)
        }
        988..998 => rng.between(MIB, 5 * MIB),
        _ => rng.between(2 * MIB, 20 * MIB),
    }
}

fn mutate(rng: &mut Rng, stream: &mut Vec<u8>) {
    if stream.is_empty() {
        return;
    }
    match rng.below(6) {
        0 => stream.iter_mut().for_each(|byte| *byte &= 0xF0),
        1 => {
            let by = rng.bits() as u8;
            stream
                .iter_mut()
                .for_each(|byte| *byte = byte.wrapping_mul(by | 1));
        }
        2 => {
            let at = rng.below(stream.len());
            stream.insert(at, 77);
        }
        3 => {
            let from = rng.below(stream.len());
            let len = rng.magnitude(stream.len()).min(stream.len() - from);
            stream[from..from + len].fill(0);
        }
        _ => {
            for _ in 0..rng.magnitude(64) {
                let at = rng.below(stream.len());
                stream[at] = rng.bits() as u8;
            }
        }
    }
}

/// Half-precision numbers as a cache holds them: normally distributed, each channel with its own scale, some with an
/// offset.
fn halves(rng: &mut Rng, channels: usize, bytes: usize) -> Vec<u8> {
    let scales: Vec<(f32, f32)> = (0..channels)
        .map(|_| {
            (
                (rng.normal() * 1.5).exp2(),
                if rng.chance(10) { 4.0 } else { 0.0 },
            )
        })
        .collect();
    (0..bytes / 2)
        .flat_map(|at| {
            let (scale, offset) = scales[at % channels];
            half(rng.normal() * scale + offset).to_le_bytes()
        })
        .collect()
}

/// Bits of a normal half-precision number, truncated.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = ((bits >> 23) & 255).saturating_sub(112).min(30);
    ((bits >> 16) & 0x8000) as u16 | (exponent << 10) as u16 | ((bits >> 13) & 0x3FF) as u16
}

/// Words of an invented language.
fn words(rng: &mut Rng, bytes: usize) -> Vec<u8> {
    let vocabulary: Vec<Vec<u8>> = (0..2000)
        .map(|_| {
            (0..rng.between(1, 10))
                .map(|_| b'a' + rng.below(26).min(rng.below(26)) as u8)
                .collect()
        })
        .collect();
    let mut text = Vec::with_capacity(bytes + 16);
    while text.len() < bytes {
        let word = rng.magnitude(vocabulary.len() - 1);
        text.extend_from_slice(&vocabulary[word]);
        text.push(b' ');
    }
    text
}
