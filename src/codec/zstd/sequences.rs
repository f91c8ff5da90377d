//! The sequences section of a block (RFC 8878, section 3.1.1.3.2): literals to copy, then a match to copy, coded as
//! symbols in three FSE streams, with the remaining bits stored plainly.

use std::sync::LazyLock;

use super::fse::{self, State, Table};
use super::histogram::{largest, last_symbol};
use super::params::Strategy;
use super::sink::{BitSink, Sink};

/// Shortest match that the format can express.
const MIN_MATCH: u32 = 3;

/// The first three offset values stand for repeated offsets, so real offsets are shifted by this.
const REPEATED_OFFSETS: u32 = 3;

/// Offset value of a match at the most recent offset (or, without literals before it, at the one before).
const REPEAT: u32 = 1;

/// "Copy `literals` bytes from the literals section, then a match."
#[derive(Clone, Copy, Default)]
pub(super) struct Sequence {
    pub literals: u32,
    /// Length of the match minus [`MIN_MATCH`].
    pub match_length: u32,
    /// [`REPEAT`], or an offset plus [`REPEATED_OFFSETS`].
    pub offset: u32,
}

impl Sequence {
    /// A match at a new offset.
    #[inline]
    pub(super) fn new(literals: usize, offset: usize, length: usize) -> Self {
        Self {
            literals: literals as u32,
            match_length: length as u32 - MIN_MATCH,
            offset: offset as u32 + REPEATED_OFFSETS,
        }
    }

    /// A match at the most recent offset, or at the one before if there are no literals.
    #[inline]
    pub(super) fn repeat(literals: usize, length: usize) -> Self {
        Self {
            literals: literals as u32,
            match_length: length as u32 - MIN_MATCH,
            offset: REPEAT,
        }
    }

    /// Length of the match, in bytes.
    pub(super) fn length(&self) -> usize {
        (self.match_length + MIN_MATCH) as usize
    }
}

/// Symbol of a literals length: small lengths have one each, larger ones share one per power of two or fraction of it.
fn literals_code(length: u32) -> u8 {
    const CODES: [u8; 64] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20,
        20, 20, 20, 21, 21, 21, 21, 22, 22, 22, 22, 22, 22, 22, 22, 23, 23, 23, 23, 23, 23, 23, 23,
        24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24,
    ];
    CODES
        .get(length as usize)
        .copied()
        .unwrap_or_else(|| length.ilog2() as u8 + 19)
}

/// Symbol of a match length minus [`MIN_MATCH`].
fn match_code(length: u32) -> u8 {
    const CODES: [u8; 128] = {
        let mut codes = [42; 128];
        let mut length = 0;
        while length < 96 {
            codes[length] = match length {
                0..32 => length as u8,
                32..40 => 32 + ((length - 32) / 2) as u8,
                40..48 => 36 + ((length - 40) / 4) as u8,
                48..64 => 38 + ((length - 48) / 8) as u8,
                _ => 40 + ((length - 64) / 16) as u8,
            };
            length += 1;
        }
        codes
    };
    CODES
        .get(length as usize)
        .copied()
        .unwrap_or_else(|| length.ilog2() as u8 + 36)
}

/// Number of plain bits that follow each literals length symbol.
const LITERALS_BITS: [u8; 36] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16,
];

/// Number of plain bits that follow each match length symbol.
const MATCH_BITS: [u8; 53] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];

/// One of the three kinds of symbols.
struct Kind {
    /// Largest accuracy log of its tables.
    max_log: u32,
    /// The table that decoders know beforehand.
    predefined: Predefined,
}

struct Predefined {
    norm: &'static [i16],
    log: u32,
    table: LazyLock<Table>,
}

macro_rules! predefined {
    ($norm:expr, $log:expr) => {
        Predefined {
            norm: &$norm,
            log: $log,
            table: LazyLock::new(|| table_of(&$norm, $log)),
        }
    };
}

const LITERALS_NORM: [i16; 36] = [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1,
];
const OFFSET_NORM: [i16; 29] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
];
const MATCH_NORM: [i16; 53] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];

static LITERALS: Kind = Kind {
    max_log: 9,
    predefined: predefined!(LITERALS_NORM, 6),
};
static OFFSETS: Kind = Kind {
    max_log: 8,
    predefined: predefined!(OFFSET_NORM, 5),
};
static MATCHES: Kind = Kind {
    max_log: 9,
    predefined: predefined!(MATCH_NORM, 6),
};

fn table_of(norm: &[i16], log: u32) -> Table {
    let mut table = Table::constant();
    table.rebuild(norm, log);
    table
}

/// How the table of a kind is given (RFC 8878, section 3.1.1.3.2.1.1). Repeating an earlier table never pays here:
/// libzstd considers it only in its slower strategies.
const PREDEFINED: u8 = 0;
const ONE_SYMBOL: u8 = 1;
const DESCRIBED: u8 = 2;

/// Symbols of one kind: their histogram, and the table made for it.
struct Stream {
    counts: [u32; 64],
    codes: Vec<u8>,
    mode: u8,
    table: Table,
}

impl Stream {
    fn new() -> Self {
        Self {
            counts: [0; 64],
            codes: Vec::new(),
            mode: PREDEFINED,
            table: Table::constant(),
        }
    }

    /// The chosen table, and the symbols it codes.
    fn coded(&self, kind: &'static Kind) -> Coded<'_> {
        (
            if self.mode == PREDEFINED {
                &kind.predefined.table
            } else {
                &self.table
            },
            &self.codes,
        )
    }
}

/// Buffers for symbols and tables.
pub(super) struct Coder {
    literals: Stream,
    offsets: Stream,
    matches: Stream,
}

impl Coder {
    pub(super) fn new() -> Self {
        Self {
            literals: Stream::new(),
            offsets: Stream::new(),
            matches: Stream::new(),
        }
    }

    /// Writes the section. `None` if it can't be written so that every decoder could read it.
    pub(super) fn encode<S: Sink>(
        &mut self,
        sequences: &[Sequence],
        strategy: Strategy,
        sink: &mut S,
    ) -> Option<()> {
        write_number(sequences.len(), sink);
        if sequences.is_empty() {
            return Some(());
        }
        self.count(sequences);
        let rest_bits = self.rest_bits();

        let modes = sink.len();
        sink.push(&[0]);
        let mut mode_bits = 0;
        let mut last_description = 0;
        let streams = [
            (&mut self.literals, &LITERALS),
            (&mut self.offsets, &OFFSETS),
            (&mut self.matches, &MATCHES),
        ];
        for (stream, kind) in streams {
            let start = sink.len();
            stream.mode = kind.choose(stream, strategy, sink)?;
            mode_bits = mode_bits << 2 | stream.mode;
            if stream.mode == DESCRIBED {
                last_description = sink.len() - start;
            }
        }
        sink.patch(modes, &[mode_bits << 2]);

        let start = sink.len();
        let literals = self.literals.coded(&LITERALS);
        let offsets = self.offsets.coded(&OFFSETS);
        let matches = self.matches.coded(&MATCHES);
        write_stream(
            sequences,
            literals,
            offsets,
            matches,
            rest_bits,
            sink.bits(),
        );
        // Decoders up to 1.3.4 reject a table description and bitstream of three bytes together as corrupt.
        let avoided = last_description > 0 && last_description + (sink.len() - start) < 4;
        (!avoided).then_some(())
    }

    /// Translates the sequences into symbols and counts those.
    fn count(&mut self, sequences: &[Sequence]) {
        // Adjacent symbols are counted in separate tables: equal ones would have to wait for each other's increments.
        let mut counts = [[[0u32; 64]; 2]; 3];
        let [literals, offsets, matches] = [
            &mut self.literals.codes,
            &mut self.offsets.codes,
            &mut self.matches.codes,
        ]
        .map(|codes| {
            codes.resize(sequences.len(), 0);
            codes.iter_mut()
        });
        let codes = literals.zip(offsets).zip(matches);
        for (place, (sequence, ((literal, offset), length))) in
            sequences.iter().zip(codes).enumerate()
        {
            *literal = literals_code(sequence.literals);
            *offset = sequence.offset.ilog2() as u8;
            *length = match_code(sequence.match_length);
            let [literals, offsets, matches] = &mut counts;
            literals[place % 2][usize::from(*literal % 64)] += 1;
            offsets[place % 2][usize::from(*offset % 64)] += 1;
            matches[place % 2][usize::from(*length % 64)] += 1;
        }
        let streams = [&mut self.literals, &mut self.offsets, &mut self.matches];
        for (stream, [even, odd]) in streams.into_iter().zip(counts) {
            stream.counts = std::array::from_fn(|symbol| even[symbol] + odd[symbol]);
        }
    }

    /// Number of plain bits after all symbols.
    fn rest_bits(&self) -> usize {
        let bits = |counts: &[u32; 64], width: &[u8]| -> u32 {
            counts
                .iter()
                .zip(width)
                .map(|(count, &width)| count * u32::from(width))
                .sum()
        };
        const OFFSET_BITS: [u8; 32] = {
            let mut bits = [0; 32];
            let mut symbol = 0;
            while symbol < 32 {
                bits[symbol] = symbol as u8;
                symbol += 1;
            }
            bits
        };
        let literals = bits(&self.literals.counts, &LITERALS_BITS);
        let offsets = bits(&self.offsets.counts, &OFFSET_BITS);
        let matches = bits(&self.matches.counts, &MATCH_BITS);
        (literals + offsets + matches) as usize
    }
}

impl Kind {
    /// Chooses the table of a stream and writes what a decoder needs to build it.
    fn choose<S: Sink>(&self, stream: &mut Stream, strategy: Strategy, sink: &mut S) -> Option<u8> {
        let number = stream.codes.len();
        let max_symbol = last_symbol(&stream.counts);
        let commonest = largest(&stream.counts) as usize;
        let predefined = &self.predefined;
        let predefined_fits = max_symbol < predefined.norm.len();
        let of_one_symbol = commonest == number;
        let fewest_to_describe = match strategy {
            Strategy::Fast => (9 << predefined.log) >> 3,
            Strategy::DoubleFast => 1 << predefined.log,
        };
        let few = if of_one_symbol {
            number <= 2
        } else {
            number < fewest_to_describe || commonest < number >> (predefined.log - 1)
        };
        if predefined_fits && few {
            return Some(PREDEFINED);
        }
        if of_one_symbol {
            sink.push(&stream.codes[..1]);
            stream.table = Table::constant();
            return Some(ONE_SYMBOL);
        }

        let log = fse::table_log(self.max_log, number, max_symbol, 2);
        // The last symbol is given by the initial state: it is never coded.
        let mut total = number;
        let last = &mut stream.counts[usize::from(stream.codes[number - 1])];
        if *last > 1 {
            *last -= 1;
            total -= 1;
        }
        let norm = fse::normalize(&stream.counts[..=max_symbol], total, log, total >= 2048)?;
        fse::describe(&norm[..=max_symbol], log, sink.bits());
        stream.table.rebuild(&norm[..=max_symbol], log);
        Some(DESCRIBED)
    }
}

fn write_number<S: Sink>(number: usize, sink: &mut S) {
    const LONG: usize = 0x7F00;
    match number {
        0..128 => sink.push(&[number as u8]),
        128..LONG => sink.push(&[(number >> 8) as u8 + 0x80, number as u8]),
        _ => {
            let [low, high] = ((number - LONG) as u16).to_le_bytes();
            sink.push(&[0xFF, low, high]);
        }
    }
}

/// Writes the plain bits of a sequence. A length of 64 KiB or more loses its high bit, which the symbol implies.
#[inline]
fn write_rest<B: BitSink>(sequence: &Sequence, literals: u8, offset: u8, length: u8, bits: &mut B) {
    if !B::KEEPS {
        return;
    }
    bits.put(
        sequence.literals,
        u32::from(LITERALS_BITS[usize::from(literals)]),
    );
    bits.put(
        sequence.match_length,
        u32::from(MATCH_BITS[usize::from(length)]),
    );
    bits.put(sequence.offset, u32::from(offset));
}

/// A table and the symbols it codes.
type Coded<'a> = (&'a Table, &'a [u8]);

/// Writes the bitstream, from the last sequence to the first (RFC 8878, section 3.1.1.3.2.1.2).
fn write_stream<B: BitSink>(
    sequences: &[Sequence],
    (literals_table, literals): Coded,
    (offsets_table, offsets): Coded,
    (matches_table, matches): Coded,
    rest_bits: usize,
    mut bits: B,
) {
    if !B::KEEPS {
        bits.add(rest_bits);
    }
    let symbols = sequences
        .iter()
        .zip(literals)
        .zip(offsets)
        .zip(matches)
        .rev();
    let mut symbols = symbols
        .map(|(((sequence, literals), offset), length)| (sequence, *literals, *offset, *length));
    let Some((sequence, literal, offset, length)) = symbols.next() else {
        return;
    };
    let mut length_state = State::new(matches_table, length);
    let mut offset_state = State::new(offsets_table, offset);
    let mut literals_state = State::new(literals_table, literal);
    write_rest(sequence, literal, offset, length, &mut bits);
    for (sequence, literal, offset, length) in symbols {
        offset_state.encode(offset, &mut bits);
        length_state.encode(length, &mut bits);
        literals_state.encode(literal, &mut bits);
        write_rest(sequence, literal, offset, length, &mut bits);
    }
    length_state.flush(&mut bits);
    offset_state.flush(&mut bits);
    literals_state.flush(&mut bits);
    bits.finish(true);
}
