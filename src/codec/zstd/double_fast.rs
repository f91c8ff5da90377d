//! The `dfast` strategy: a table of 8-byte hashes and one of shorter ones. A long match wins; a short one is taken unless
//! there is a longer one right after.
#![allow(
    unsafe_code,
    reason = "raw reads in the inner loop; the bounds argument is at `find_by`"
)]

use super::finder::{
    Block, READ, Repeats, Tables, count_equal, hash, read_4, read_8, repeat, sequence,
};
use super::params::Params;
use super::sequences::Sequence;

/// Without a match for this many bytes, the step grows by one.
const PATIENCE: usize = 1 << 8;

/// Appends the sequences of a block and returns where the literals after the last match begin. `offsets` are the
/// latest two, before and after the block.
pub(super) fn find(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) -> usize {
    let find = if params.min_match == 4 {
        find_by::<4>
    } else {
        find_by::<5>
    };
    find(source, block, params, tables, offsets, sequences)
}

/// Bounds: `base` is a virtual address, `base + index` lies in the source for each index from `lowest` on, and indices in the
/// tables are of positions searched before. Reads of 8 bytes are at `next <= limit = end - 8` at most, or at `p0 + 1 <= next`. A repeated
/// offset never exceeds the first position that it is used at (`Repeats`), or is the distance to a match found, and
/// later positions are larger.
fn find_by<const MIN_MATCH: u32>(
    source: &[u8],
    block: Block,
    params: &Params,
    tables: &mut Tables,
    offsets: &mut [u32; 2],
    sequences: &mut Vec<Sequence>,
) -> usize {
    let (long_log, short_log) = (params.hash_log, params.short_hash_log);
    let first_index = tables.base();
    let long = &mut tables.long[..1 << long_log];
    let short = &mut tables.short[..1 << short_log];
    let start_of_source = source.as_ptr();
    let base = start_of_source.wrapping_sub(first_index as usize);
    let lowest_index = first_index + block.lowest as u32;
    let index = |at: *const u8| at.addr().wrapping_sub(base.addr()) as u32;
    let end = source[..block.end].as_ptr_range().end;
    let limit = end.wrapping_sub(READ);

    let mut anchor = source[block.start..].as_ptr();
    let mut p0 = anchor.wrapping_add(usize::from(block.start == block.lowest));
    let mut repeats = Repeats::usable(*offsets, p0.addr() - start_of_source.addr(), block.window);

    // SAFETY: see above; the tables have `1 << log` entries, and `hash` gives `log` bits.
    unsafe {
        let lowest = start_of_source.add(block.lowest);
        let (long, short) = (long.as_mut_ptr(), short.as_mut_ptr());
        let long_hash = |word| hash::<8>(word, long_log);
        let short_hash = |word| hash::<MIN_MATCH>(word, short_log);
        'matches: loop {
            let mut step = 1;
            let mut grow_at = p0.wrapping_add(PATIENCE);
            let mut next = p0.wrapping_add(step);
            if next > limit {
                break;
            }
            let mut word = read_8(p0);
            let mut hash_0 = long_hash(word);
            let mut candidate = *long.add(hash_0);
            let mut current;

            // Leaves with the length of a match found and stored, after which the search goes on.
            let length = 'search: {
                let (mut earlier, mut length, offset, hash_1);
                'found: {
                    loop {
                        let short_slot = short.add(short_hash(word));
                        let short_candidate = *short_slot;
                        current = index(p0);
                        *long.add(hash_0) = current;
                        *short_slot = current;

                        let after = p0.add(1);
                        if repeats.first > 0
                            && read_4(after.sub(repeats.first as usize)) == (word >> 8) as u32
                        {
                            p0 = after;
                            let length = 4 + count_equal(
                                p0.add(4),
                                p0.add(4).sub(repeats.first as usize),
                                end,
                            );
                            sequences.push(repeat(p0.offset_from_unsigned(anchor), length));
                            break 'search length;
                        }

                        let next_word = read_8(next);
                        let next_hash = long_hash(next_word);
                        if candidate >= lowest_index
                            && read_8(base.wrapping_add(candidate as usize)) == word
                        {
                            earlier = base.wrapping_add(candidate as usize);
                            length = READ + count_equal(p0.add(READ), earlier.add(READ), end);
                            offset = p0.offset_from_unsigned(earlier) as u32;
                            hash_1 = next_hash;
                            break 'found;
                        }

                        let next_candidate = *long.add(next_hash);
                        if short_candidate >= lowest_index
                            && read_4(base.wrapping_add(short_candidate as usize)) == word as u32
                        {
                            earlier = base.wrapping_add(short_candidate as usize);
                            length = 4 + count_equal(p0.add(4), earlier.add(4), end);
                            // A candidate at the lowest index itself is not tried here.
                            if next_candidate > lowest_index
                                && read_8(base.wrapping_add(next_candidate as usize)) == next_word
                            {
                                let longer = base.wrapping_add(next_candidate as usize);
                                let longer_length =
                                    READ + count_equal(next.add(READ), longer.add(READ), end);
                                if longer_length > length {
                                    (p0, earlier, length) = (next, longer, longer_length);
                                }
                            }
                            offset = p0.offset_from_unsigned(earlier) as u32;
                            hash_1 = next_hash;
                            break 'found;
                        }

                        if next >= grow_at {
                            step += 1;
                            grow_at = grow_at.wrapping_add(PATIENCE);
                        }
                        p0 = next;
                        next = next.wrapping_add(step);
                        word = next_word;
                        hash_0 = next_hash;
                        candidate = next_candidate;
                        if next > limit {
                            break 'matches;
                        }
                    }
                }
                while p0 > anchor && earlier > lowest && *p0.sub(1) == *earlier.sub(1) {
                    p0 = p0.sub(1);
                    earlier = earlier.sub(1);
                    length += 1;
                }
                repeats.second = repeats.first;
                repeats.first = offset;
                // Further ahead, the search may go on before `next`.
                if step < 4 {
                    *long.add(hash_1) = index(next);
                }
                sequences.push(sequence(p0.offset_from_unsigned(anchor), offset, length));
                length
            };

            p0 = p0.add(length);
            anchor = p0;
            if p0 <= limit {
                let inside = read_8(base.wrapping_add(current as usize + 2));
                *long.add(long_hash(inside)) = current + 2;
                *long.add(long_hash(read_8(p0.sub(2)))) = index(p0.sub(2));
                *short.add(short_hash(inside)) = current + 2;
                *short.add(short_hash(read_8(p0.sub(1)))) = index(p0.sub(1));
                while repeats.second > 0
                    && p0 <= limit
                    && read_4(p0) == read_4(p0.sub(repeats.second as usize))
                {
                    let length =
                        4 + count_equal(p0.add(4), p0.add(4).sub(repeats.second as usize), end);
                    (repeats.first, repeats.second) = (repeats.second, repeats.first);
                    let word = read_8(p0);
                    *short.add(short_hash(word)) = index(p0);
                    *long.add(long_hash(word)) = index(p0);
                    sequences.push(repeat(0, length));
                    p0 = p0.add(length);
                    anchor = p0;
                }
            }
        }
        *offsets = repeats.finish();
        anchor.offset_from_unsigned(start_of_source)
    }
}
