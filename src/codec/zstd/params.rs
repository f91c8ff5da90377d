//! Parameters of a level for a source of a given size: which match finder is used, with which tables.
//!
//! libzstd has four tables of levels, one each for sources up to 16 KiB, 128 KiB, 256 KiB and above; windows and hash
//! tables are then reduced to what the source can fill.

use super::limits::{KIB, LEVELS};

/// The level that 0 stands for.
const DEFAULT_LEVEL: i32 = 3;

/// Log2 of the smallest window that a frame header can express (RFC 8878, section 3.1.1.1.2).
const MIN_WINDOW_LOG: u32 = 10;

/// Log2 of the smallest source size that tables are reduced to.
const MIN_SOURCE_LOG: u32 = 6;

/// Match finders implemented here; libzstd's slower strategies are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// One hash table, one candidate per position.
    Fast,
    /// Two hash tables: matches of at least 8 bytes are preferred to short ones.
    DoubleFast,
}

/// Parameters for compressing one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Params {
    pub strategy: Strategy,
    /// Matches reach back at most `1 << window_log` bytes.
    pub window_log: u32,
    /// Log2 of the size of `Fast`'s table, and of `DoubleFast`'s table of 8-byte hashes.
    pub hash_log: u32,
    /// Log2 of the size of `DoubleFast`'s table of short hashes.
    pub short_hash_log: u32,
    /// Number of bytes that are hashed (for the short hash): 4 to 7.
    pub min_match: u32,
    /// Number of positions that `Fast` skips; above 0 only at negative levels, where literals stay raw.
    pub acceleration: u32,
}

/// Window log, short hash log, hash log, bytes hashed, strategy.
type Row = (u32, u32, u32, u32, Strategy);

/// Base of the negative levels, then levels 1 to 4; `None` if libzstd uses a slower strategy.
const ROWS: [[Option<Row>; 5]; 4] = {
    use Strategy::{DoubleFast, Fast};
    [
        [
            Some((19, 12, 13, 6, Fast)),
            Some((19, 13, 14, 7, Fast)),
            Some((20, 15, 16, 6, Fast)),
            Some((21, 16, 17, 5, DoubleFast)),
            Some((21, 18, 18, 5, DoubleFast)),
        ],
        [
            Some((18, 12, 13, 5, Fast)),
            Some((18, 13, 14, 6, Fast)),
            Some((18, 14, 14, 5, DoubleFast)),
            Some((18, 16, 16, 4, DoubleFast)),
            None,
        ],
        [
            Some((17, 12, 12, 5, Fast)),
            Some((17, 12, 13, 6, Fast)),
            Some((17, 13, 15, 5, Fast)),
            Some((17, 15, 16, 5, DoubleFast)),
            Some((17, 17, 17, 4, DoubleFast)),
        ],
        [
            Some((14, 12, 13, 5, Fast)),
            Some((14, 14, 15, 5, Fast)),
            Some((14, 14, 15, 4, Fast)),
            Some((14, 14, 15, 4, DoubleFast)),
            None,
        ],
    ]
};

impl Params {
    /// Parameters of `level` for a source of `len` bytes; `None` if its strategy is not implemented here.
    pub(super) fn new(level: i32, len: usize) -> Option<Self> {
        let level = if level == 0 { DEFAULT_LEVEL } else { level };
        let row = usize::try_from(level).unwrap_or(0);
        let table = usize::from(len <= 256 * KIB)
            + usize::from(len <= 128 * KIB)
            + usize::from(len <= 16 * KIB);
        let (window_log, short_hash_log, hash_log, min_match, strategy) =
            (*ROWS[table].get(row)?)?;

        let source_log = ceil_log2(len).max(MIN_SOURCE_LOG);
        let window_log = window_log.min(source_log);
        Some(Self {
            strategy,
            window_log: window_log.max(MIN_WINDOW_LOG),
            hash_log: hash_log.min(window_log + 1),
            short_hash_log: short_hash_log.min(window_log),
            min_match,
            acceleration: level
                .min(0)
                .unsigned_abs()
                .min(LEVELS.start().unsigned_abs()),
        })
    }

    /// Whether literals stay raw: negative levels trade their entropy stage for speed.
    pub(super) fn raw_literals(&self) -> bool {
        self.strategy == Strategy::Fast && self.acceleration > 0
    }

    /// Maximum distance of a match, in bytes.
    pub(super) fn window(&self) -> usize {
        1 << self.window_log
    }
}

fn ceil_log2(len: usize) -> u32 {
    len.max(1).next_power_of_two().ilog2()
}
