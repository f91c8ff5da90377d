//! Finite State Entropy (RFC 8878, section 4.1): from symbol counts to a state table, its description, and its use.

use super::sink::BitSink;

/// Smallest and largest accuracy log that a table description can express.
const MIN_TABLE_LOG: u32 = 5;
const MAX_TABLE_LOG: u32 = 12;

/// Maximum number of states of a sequence table (2^9), and of symbols (match lengths have 53).
const MAX_STATES: usize = 1 << 9;
const MAX_SYMBOLS: usize = 53;

/// Share of a symbol that is rarer than one state.
const LESS_THAN_ONE: i16 = -1;

/// Number of states of each symbol; `-1` is one state for a symbol that is rarer than that.
pub(super) type Norm = [i16; MAX_SYMBOLS];

/// The accuracy log that suits `total` symbols up to `max_symbol`: `slack` bits less than the number of symbols would
/// fill.
pub(super) fn table_log(max_log: u32, total: usize, max_symbol: usize, slack: u32) -> u32 {
    // Wraps for fewer than five symbols, so that `max_log` applies, as in libzstd.
    let fills = (total - 1).ilog2().wrapping_sub(slack);
    max_log
        .min(fills)
        .max(needed_log(total, max_symbol))
        .clamp(MIN_TABLE_LOG, MAX_TABLE_LOG)
}

/// Smallest accuracy log that can represent every symbol.
fn needed_log(total: usize, max_symbol: usize) -> u32 {
    (total.ilog2() + 1).min(max_symbol.max(1).ilog2() + 2)
}

/// Scales counts to shares of `1 << log` states. `None` if there is only one symbol, or rounding fails.
pub(super) fn normalize(
    counts: &[u32],
    total: usize,
    log: u32,
    rare_is_less_than_one: bool,
) -> Option<Norm> {
    /// Fraction above which a share below 8 is rounded up, by share, in units of 2^-20.
    const ROUND_UP: [u64; 8] = [
        0, 473_195, 504_333, 520_860, 550_000, 700_000, 750_000, 830_000,
    ];

    let scale = 62 - log;
    let step = (1u64 << 62) / total as u64;
    let rare = (total >> log) as u32;
    let rare_share = if rare_is_less_than_one {
        LESS_THAN_ONE
    } else {
        1
    };
    let mut norm = [0; MAX_SYMBOLS];
    let mut left = 1i32 << log;
    let (mut largest, mut largest_share) = (0, 0);
    for (symbol, &count) in counts.iter().enumerate() {
        if count as usize == total {
            return None;
        }
        if count == 0 {
            continue;
        }
        if count <= rare {
            norm[symbol] = rare_share;
            left -= 1;
            continue;
        }
        let exact = u64::from(count) * step;
        let mut share = exact >> scale;
        if share < 8 {
            let over = exact - (share << scale);
            share += u64::from(over > (1 << (scale - 20)) * ROUND_UP[share as usize]);
        }
        let share = share as i16;
        if share > largest_share {
            (largest, largest_share) = (symbol, share);
        }
        norm[symbol] = share;
        left -= i32::from(share);
    }
    if -left < i32::from(norm[largest] >> 1) {
        norm[largest] += left as i16;
        return Some(norm);
    }
    normalize_by_remainder(counts, total, log, rare_share)
}

/// The fallback method, for counts whose rounding errors add up to more than the most frequent symbol can compensate.
fn normalize_by_remainder(
    counts: &[u32],
    mut total: usize,
    log: u32,
    rare_share: i16,
) -> Option<Norm> {
    const UNDECIDED: i16 = -2;
    let mut norm = [0; MAX_SYMBOLS];
    let rare = (total >> log) as u32;
    let one = ((total * 3) >> (log + 1)) as u32;
    let mut decided = 0;
    for (share, &count) in norm.iter_mut().zip(counts).filter(|(_, count)| **count > 0) {
        *share = if count <= rare {
            rare_share
        } else if count <= one {
            1
        } else {
            UNDECIDED
        };
        if *share != UNDECIDED {
            decided += 1;
            total -= count as usize;
        }
    }
    let mut left = (1u32 << log) - decided;
    if left == 0 {
        return Some(norm);
    }
    if (total / left as usize) as u32 > one {
        let one = ((total * 3) / (left as usize * 2)) as u32;
        for (share, &count) in norm.iter_mut().zip(counts) {
            if *share == UNDECIDED && count <= one {
                *share = 1;
                decided += 1;
                total -= count as usize;
            }
        }
        left = (1 << log) - decided;
    }
    if decided as usize == counts.len() {
        let largest = counts
            .iter()
            .enumerate()
            .rev()
            .max_by_key(|(_, count)| **count)?
            .0;
        norm[largest] += left as i16;
        return Some(norm);
    }
    if total == 0 {
        let symbols = counts.len();
        for symbol in (0..symbols).cycle() {
            if left == 0 {
                break;
            }
            if norm[symbol] > 0 {
                left -= 1;
                norm[symbol] += 1;
            }
        }
        return Some(norm);
    }
    let scale = 62 - log;
    let half = (1u64 << (scale - 1)) - 1;
    let step = ((u64::from(left) << scale) + half) / total as u64;
    let mut sum = half;
    for (share, &count) in norm.iter_mut().zip(counts) {
        if *share == UNDECIDED {
            let end = sum + u64::from(count) * step;
            let width = (end >> scale) - (sum >> scale);
            if width < 1 {
                return None;
            }
            *share = width as i16;
            sum = end;
        }
    }
    Some(norm)
}

/// Writes the description of a table (RFC 8878, section 4.1.1).
pub(super) fn describe(norm: &[i16], log: u32, mut bits: impl BitSink) {
    bits.put(log - MIN_TABLE_LOG, 4);
    let mut remaining = (1i32 << log) + 1;
    let mut threshold = 1i32 << log;
    let mut width = log + 1;
    let mut symbol = 0;
    let mut after_zero = false;
    while symbol < norm.len() && remaining > 1 {
        if after_zero {
            let zeros = norm[symbol..]
                .iter()
                .take_while(|share| **share == 0)
                .count();
            symbol += zeros;
            if symbol == norm.len() {
                break;
            }
            for _ in 0..zeros / 24 {
                bits.put(0xFFFF, 16);
            }
            for _ in 0..zeros % 24 / 3 {
                bits.put(3, 2);
            }
            bits.put((zeros % 3) as u32, 2);
        }
        let share = i32::from(norm[symbol]);
        symbol += 1;
        let spare = 2 * threshold - 1 - remaining;
        remaining -= share.abs();
        let mut value = share + 1;
        after_zero = value == 1;
        if value >= threshold {
            value += spare;
        }
        bits.put(value as u32, width - u32::from(value < spare));
        while remaining < threshold {
            width -= 1;
            threshold >>= 1;
        }
    }
    bits.finish(false);
}

/// State change when coding a symbol.
#[derive(Clone, Copy, Default)]
struct Transition {
    /// Added to a state, yields the number of bits to emit in its high half.
    bits: u32,
    /// Added to the state's remaining bits, yields the index of the next state.
    next: i32,
}

/// An encoding table: the next state for each symbol and the remaining bits of the current state.
#[derive(Clone)]
pub(super) struct Table {
    log: u32,
    states: [u16; MAX_STATES],
    transitions: [Transition; MAX_SYMBOLS],
}

impl Table {
    /// A table for streams of a single symbol, which takes no bits.
    pub(super) const fn constant() -> Self {
        Self {
            log: 0,
            states: [0; MAX_STATES],
            transitions: [Transition { bits: 0, next: 0 }; MAX_SYMBOLS],
        }
    }

    /// Spreads the symbols over `1 << log` states and computes the transitions between them.
    pub(super) fn rebuild(&mut self, norm: &[i16], log: u32) {
        let size = 1usize << log;
        let mask = size - 1;
        let mut spread = [0u8; MAX_STATES];
        let mut starts = [0usize; MAX_SYMBOLS];
        let mut high = size;
        let mut start = 0;
        for (symbol, &share) in norm.iter().enumerate() {
            starts[symbol] = start;
            start += usize::from(share.unsigned_abs());
            if share == LESS_THAN_ONE {
                high -= 1;
                spread[high] = symbol as u8;
            }
        }

        let step = (size >> 1) + (size >> 3) + 3;
        let mut position = 0;
        for (symbol, &share) in norm.iter().enumerate() {
            for _ in 0..share.max(0) {
                spread[position] = symbol as u8;
                position = (position + step) & mask;
                while position >= high {
                    position = (position + step) & mask;
                }
            }
        }

        for (state, &symbol) in spread[..size].iter().enumerate() {
            let slot = &mut starts[usize::from(symbol)];
            self.states[*slot] = (size + state) as u16;
            *slot += 1;
        }

        self.log = log;
        let mut total = 0;
        for (transition, &share) in self.transitions.iter_mut().zip(norm) {
            let states = i32::from(share.unsigned_abs());
            *transition = match states {
                0 => Transition::default(),
                1 => Transition {
                    bits: (log << 16).wrapping_sub(1 << log),
                    next: total - 1,
                },
                _ => {
                    let max_bits = log - (states as u32 - 1).ilog2();
                    Transition {
                        bits: (max_bits << 16).wrapping_sub((states as u32) << max_bits),
                        next: total - states,
                    }
                }
            };
            total += states;
        }
    }
}

/// State of one stream of symbols, coded from the last to the first.
pub(super) struct State<'a> {
    table: &'a Table,
    value: u32,
}

impl<'a> State<'a> {
    /// Starts with the last symbol, at no cost: in the smallest state that represents it.
    #[inline]
    pub(super) fn new(table: &'a Table, last: u8) -> Self {
        let transition = table.transitions[usize::from(last)];
        let bits = transition.bits.wrapping_add(1 << 15) >> 16;
        let value = (bits << 16).wrapping_sub(transition.bits);
        Self {
            table,
            value: table.next(value >> bits, transition),
        }
    }

    /// Codes the preceding symbol.
    #[inline]
    pub(super) fn encode(&mut self, symbol: u8, bits: &mut impl BitSink) {
        let transition = self.table.transitions[usize::from(symbol)];
        let count = self.value.wrapping_add(transition.bits) >> 16;
        bits.put(self.value, count);
        self.value = self.table.next(self.value >> count, transition);
    }

    /// Writes the state that a decoder starts from.
    pub(super) fn flush(self, bits: &mut impl BitSink) {
        bits.put(self.value, self.table.log);
    }
}

impl Table {
    #[inline]
    fn next(&self, rest: u32, transition: Transition) -> u32 {
        u32::from(self.states[rest.wrapping_add_signed(transition.next) as usize % MAX_STATES])
    }
}

/// Codes at least three `symbols` with two alternating states, as Huffman weights are.
pub(super) fn encode_alternating(table: &Table, symbols: &[u8], mut bits: impl BitSink) {
    // Symbols at even indices use one state, those at odd indices the other.
    let (pairs, single) = symbols.as_chunks::<2>();
    let Some((&[before, after], pairs)) = pairs.split_last() else {
        unreachable!("callers have checked the length");
    };
    let mut odd = State::new(table, after);
    let mut even;
    if let [last] = single {
        even = State::new(table, *last);
        even.encode(before, &mut bits);
    } else {
        even = State::new(table, before);
    }
    for &[symbol, after] in pairs.iter().rev() {
        odd.encode(after, &mut bits);
        even.encode(symbol, &mut bits);
    }
    odd.flush(&mut bits);
    even.flush(&mut bits);
    bits.finish(true);
}
