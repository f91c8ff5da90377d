//! The `dfast` strategy: a table of 8-byte hashes and one of shorter ones. A long match wins; a short one is taken unless
//! there is a longer one right after.
#![allow(
    unsafe_code,
    reason = "unchecked reads in the inner loop; the bounds argument is at `find_by`"
)]

use super::finder::{Block, Indexed, READ, Repeats, Table, Tables, is_usable};
use super::params::Params;
use super::sequences::Sequence;

/// Without a match for this many bytes, the step grows by one.
const PATIENCE: usize = 1 << 8;

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

/// Bounds: an index in the tables that isn't below `lowest` is of a position searched before, so before `at`. Reads of 8 bytes are
/// at `next <= limit = end - 8` at most, or at `at + 1 <= next`. A repeated offset never exceeds the first position that it is
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
    // With fewer bytes the first `next` would already be too far.
    let Some(limit) = end.checked_sub(READ).filter(|limit| *limit > block.start) else {
        return;
    };
    let source = Indexed::new(source, tables);
    let long = Table::new(&mut tables.long, params.hash_log);
    let short = Table::new(&mut tables.short, params.short_hash_log);

    let mut anchor = block.start;
    let mut at = anchor + usize::from(block.start == lowest);
    let mut repeats = Repeats::usable(*offsets, block.position(at), params.window());

    // SAFETY: see above.
    unsafe {
        'matches: loop {
            let mut step = 1;
            let mut grow_at = at + PATIENCE;
            let mut next = at + step;
            if next > limit {
                break;
            }
            let mut word = source.read_8(at);
            let mut long_slot = long.slot::<8>(word);
            let mut candidate = long_slot.get();
            let mut current;

            // Leaves with the length of a match found and stored, after which the search goes on.
            let length = 'search: {
                let (mut earlier, mut length, next_slot);
                'found: {
                    loop {
                        let short_slot = short.slot::<MIN_MATCH>(word);
                        let short_candidate = short_slot.get();
                        current = at;
                        long_slot.set(current);
                        short_slot.set(current);
                        if source.read_4(at + 1 - repeats.first) == (word >> 8) as u32
                            && repeats.first > 0
                        {
                            at += 1;
                            let length =
                                4 + source.count_equal(at + 4, at + 4 - repeats.first, end);
                            sequences.push(Sequence::repeat(at - anchor, length));
                            break 'search length;
                        }

                        let next_word = source.read_8(next);
                        let slot = long.slot::<8>(next_word);
                        if is_usable(candidate, lowest) && source.read_8(candidate) == word {
                            earlier = candidate;
                            length = READ + source.count_equal(at + READ, earlier + READ, end);
                            next_slot = slot;
                            break 'found;
                        }

                        let next_candidate = slot.get();
                        if is_usable(short_candidate, lowest)
                            && source.read_4(short_candidate) == word as u32
                        {
                            earlier = short_candidate;
                            length = 4 + source.count_equal(at + 4, earlier + 4, end);
                            // A candidate at the lowest index itself is not tried here.
                            if is_usable(next_candidate, lowest + 1)
                                && source.read_8(next_candidate) == next_word
                            {
                                let longer = READ
                                    + source.count_equal(next + READ, next_candidate + READ, end);
                                if longer > length {
                                    (at, earlier, length) = (next, next_candidate, longer);
                                }
                            }
                            next_slot = slot;
                            break 'found;
                        }

                        if next >= grow_at {
                            step += 1;
                            grow_at += PATIENCE;
                        }
                        at = next;
                        next += step;
                        word = next_word;
                        long_slot = slot;
                        candidate = next_candidate;
                        if next > limit {
                            break 'matches;
                        }
                    }
                }
                let offset = at - earlier;
                let before = source.count_equal_before(at, earlier, anchor, lowest);
                at -= before;
                length += before;
                repeats.second = repeats.first;
                repeats.first = offset;
                // Further ahead, the search may go on before `next`.
                if step < 4 {
                    next_slot.set(next);
                }
                sequences.push(Sequence::new(at - anchor, offset, length));
                length
            };

            at += length;
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
        }
    }
    *offsets = repeats.finish();
}
