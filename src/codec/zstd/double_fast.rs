//! The `dfast` strategy: a table of 8-byte hashes and one of shorter ones. A long match wins; a short one is taken unless
//! there is a longer one right after.
#![allow(
    unsafe_code,
    reason = "unchecked reads in the inner loop; the bounds argument is at `find_by`"
)]

use super::finder::{Block, Indexed, READ, Repeats, Table, Tables};
use super::params::Params;
use super::sequences::Sequence;

/// Without a match for this many bytes, the step grows by one.
const PATIENCE: usize = 1 << 8;

/// Positions that are searched without a look at the limit between them.
const GROUP: usize = 4;

/// Below this, steps grow so rarely that a group mostly has one step for all.
const SHORT_STEP: usize = 16;

/// Appends the sequences of a block. `offsets` are the latest two, before and after it.
pub(super) fn find(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) {
    let find = if params.min_match == 4 {
        find_by::<4>
    } else {
        find_by::<5>
    };
    find(source, block, params, tables, offsets, sequences)
}

/// What is searched: the source, and the tables of the positions before.
#[derive(Clone, Copy)]
struct Field<'a> {
    source: Indexed,
    long: Table<'a>,
    short: Table<'a>,
    /// Matches begin here or later.
    lowest: usize,
    /// The last position of which 8 bytes can be read.
    limit: usize,
}

/// How far apart positions are searched, and from where on further.
#[derive(Clone, Copy)]
struct Pace {
    step: usize,
    grow_at: usize,
}

impl Pace {
    /// At the first position after a match.
    fn at(position: usize) -> Self {
        Self {
            step: 1,
            grow_at: position + PATIENCE,
        }
    }

    /// At the next position. Without a branch: where the step is long, it grows too often to foretell.
    #[inline(always)]
    fn grow(&mut self, position: usize) {
        let grows = usize::from(position >= self.grow_at);
        self.step += grows;
        self.grow_at += grows * PATIENCE;
    }
}

/// A position where something may match: the bytes after it at the latest offset, or its own at one of the candidates.
struct Stop {
    at: usize,
    pace: Pace,
    long: usize,
    short: usize,
}

impl Field<'_> {
    /// Enters positions in both tables up to the first that is worth a look; `None` at the limit.
    ///
    /// This is where streams with few matches spend their time. So there is one way out, for all reasons to stop: what it takes to
    /// tell them apart would cost the loop its registers.
    ///
    /// # Safety
    /// As [`find_by`] says of its bounds.
    #[inline(always)]
    unsafe fn search<const MIN_MATCH: u32>(
        &self,
        mut at: usize,
        mut pace: Pace,
        first_offset: usize,
    ) -> Option<Stop> {
        let repeated = self.source.back_by(first_offset);
        macro_rules! search_at {
            () => {
                // SAFETY: by the caller; what is read of `repeated` ends 5 bytes after `at`.
                let word = unsafe { self.source.read_8(at) };
                let long = self.long.slot::<8>(word).replace(at);
                let short = self.short.slot::<MIN_MATCH>(word).replace(at);
                let repeats = unsafe { repeated.read_4(at + 1) } == (word >> 8) as u32;
                if repeats || long >= self.lowest || short >= self.lowest {
                    return Some(Stop {
                        at,
                        pace,
                        long,
                        short,
                    });
                }
                at += pace.step;
            };
        }
        loop {
            pace.grow(at);
            let step = pace.step;
            if step < SHORT_STEP
                && at + (GROUP - 1) * step < pace.grow_at
                && at + GROUP * step <= self.limit
            {
                search_at!();
                search_at!();
                search_at!();
                search_at!();
            } else if at + GROUP * (step + GROUP) <= self.limit {
                search_at!();
                pace.grow(at);
                search_at!();
                pace.grow(at);
                search_at!();
                pace.grow(at);
                search_at!();
            } else if at + step <= self.limit {
                search_at!();
            } else {
                return None;
            }
        }
    }
}

/// Bounds: an index in the tables that isn't below `lowest` is of a position searched before, so before `at`. Reads of 8 bytes are
/// at `at + step <= limit = end - 8` at most. A repeated offset never exceeds the first position that it is
/// used at ([`Repeats`]), or is the distance to a match found, and later positions are larger.
fn find_by<const MIN_MATCH: u32>(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) {
    let Block { lowest, end, .. } = block;
    // With fewer bytes the first step would already be too far.
    let Some(limit) = end.checked_sub(READ).filter(|limit| *limit > block.start) else {
        return;
    };
    let source = Indexed::new(source, tables);
    let long = Table::new(&mut tables.long, params.hash_log);
    let short = Table::new(&mut tables.short, params.short_hash_log);
    let field = Field {
        source,
        long,
        short,
        lowest,
        limit,
    };

    let mut anchor = block.start;
    let mut at = anchor + usize::from(block.start == lowest);
    let mut repeats = Repeats::usable(*offsets, block.position(at), params.window());
    let mut pace = Pace::at(at);

    // SAFETY: see above.
    unsafe {
        while let Some(stop) = field.search::<MIN_MATCH>(at, pace, repeats.first) {
            let current = stop.at;
            at = current;
            pace = stop.pace;
            // Where the match ends, after which the search goes on.
            let match_end;
            if repeats.first > 0 && source.read_4(at + 1) == source.read_4(at + 1 - repeats.first) {
                at += 1;
                let length = 4 + source.count_equal(at + 4, at + 4 - repeats.first, end);
                sequences.push(Sequence::repeat(at - anchor, length));
                match_end = at + length;
            } else {
                let next = at + pace.step;
                let word = source.read_8(at);
                let next_word = source.read_8(next);
                let next_slot = long.slot::<8>(next_word);
                let (mut earlier, mut length);
                if stop.long >= lowest && source.read_8(stop.long) == word {
                    earlier = stop.long;
                    length = READ + source.count_equal(at + READ, earlier + READ, end);
                } else if stop.short >= lowest && source.read_4(stop.short) == word as u32 {
                    earlier = stop.short;
                    length = 4 + source.count_equal(at + 4, earlier + 4, end);
                    let candidate = next_slot.get();
                    // A candidate at the lowest index itself is not tried here.
                    if candidate > lowest && source.read_8(candidate) == next_word {
                        let longer = READ + source.count_equal(next + READ, candidate + READ, end);
                        if longer > length {
                            (at, earlier, length) = (next, candidate, longer);
                        }
                    }
                } else {
                    at = next;
                    continue;
                }
                // Computed before extending backwards, so the next search does not depend on it.
                match_end = at + length;
                let offset = at - earlier;
                let before = source.count_equal_before(at, earlier, anchor, lowest);
                repeats.second = repeats.first;
                repeats.first = offset;
                // Further ahead, the search may go on before `next`.
                if pace.step < 4 {
                    next_slot.set(next);
                }
                let literals = at - before - anchor;
                sequences.push(Sequence::new(literals, offset, length + before));
            }

            at = match_end;
            anchor = at;
            if at <= limit {
                let inside = source.read_8(current + 2);
                long.slot::<8>(inside).set(current + 2);
                long.slot::<8>(source.read_8(at - 2)).set(at - 2);
                short.slot::<MIN_MATCH>(inside).set(current + 2);
                short.slot::<MIN_MATCH>(source.read_8(at - 1)).set(at - 1);
                while repeats.second > 0
                    && at <= limit
                    && source.read_4(at) == source.read_4(at - repeats.second)
                {
                    let length = 4 + source.count_equal(at + 4, at + 4 - repeats.second, end);
                    (repeats.first, repeats.second) = (repeats.second, repeats.first);
                    let word = source.read_8(at);
                    short.slot::<MIN_MATCH>(word).set(at);
                    long.slot::<8>(word).set(at);
                    sequences.push(Sequence::repeat(0, length));
                    at += length;
                    anchor = at;
                }
            }
            pace = Pace::at(at);
        }
    }
    *offsets = repeats.finish();
}
