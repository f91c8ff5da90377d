//! A block (RFC 8878, section 3.1.1.2): compressed, raw, or one byte repeated.

use super::finder::Tables;
use super::limits::{FULL_BLOCK, minimum_gain};
use super::params::{Params, Strategy};
use super::sequences::Sequence;
use super::sink::Sink;
use super::{double_fast, fast, literals, sequences};

/// A shorter block is stored raw without trying to compress it.
const MIN_LENGTH: usize = 7;

/// A compressed block smaller than this is checked for being one byte repeated.
const MIN_TO_SKIP_RUN_CHECK: usize = 25;

/// From this many literals per sequence on, a block's literals are suspected to be incompressible.
const DOUBTFUL_RATIO: usize = 20;

/// Number of literal bytes copied at a time.
const AT_ONCE: usize = 16;

/// A decoder's two most recent offsets at the start of a frame.
const FIRST_OFFSETS: [u32; 2] = [1, 4];

/// Block types.
const RAW: u32 = 0;
const REPEATED_BYTE: u32 = 1;
const COMPRESSED: u32 = 2;

/// State that carries over from block to block, and buffers.
pub(super) struct Coder {
    tables: Tables,
    offsets: [u32; 2],
    sequences: Vec<Sequence>,
    /// Buffer for the literals of a block, with [`AT_ONCE`] bytes of slack.
    literals: Vec<u8>,
    literals_coder: literals::Coder,
    sequences_coder: sequences::Coder,
}

impl Coder {
    pub(super) fn new() -> Self {
        Self {
            tables: Tables::new(),
            offsets: FIRST_OFFSETS,
            sequences: Vec::new(),
            literals: vec![0; FULL_BLOCK + AT_ONCE],
            literals_coder: literals::Coder::new(),
            sequences_coder: sequences::Coder::new(),
        }
    }

    /// Resets the state for a new frame.
    pub(super) fn start_frame(&mut self, params: &Params, len: usize) {
        self.tables.start_frame(params, len);
        self.offsets = FIRST_OFFSETS;
        self.literals_coder.start_frame();
    }

    /// Writes `source[start..end]` as a block.
    pub(super) fn encode<S: Sink>(
        &mut self,
        source: &[u8],
        start: usize,
        end: usize,
        params: &Params,
        sink: &mut S,
    ) {
        let (is_first, is_last) = (start == 0, end == source.len());
        let block = &source[start..end];
        let header = sink.len();
        sink.push(&[0; 3]);
        let mut offsets = self.offsets;
        let compressed = block.len() >= MIN_LENGTH && {
            self.find_matches(source, start, end, params, &mut offsets);
            self.encode_matches(block, params, sink)
        };

        let size = sink.len() - header - 3;
        // Decoders up to 1.4.3 reject a frame whose first block is one byte repeated.
        let may_be_run =
            !is_first && block.len() >= MIN_LENGTH && (!compressed || size < MIN_TO_SKIP_RUN_CHECK);
        let (kind, size) = if may_be_run && block.iter().all(|byte| *byte == block[0]) {
            sink.cut(header + 3);
            sink.push(&block[..1]);
            (REPEATED_BYTE, block.len())
        } else if compressed {
            self.offsets = offsets;
            self.literals_coder.confirm();
            (COMPRESSED, size)
        } else {
            sink.cut(header + 3);
            sink.push(block);
            (RAW, block.len())
        };
        let fields = u32::from(is_last) | kind << 1 | (size as u32) << 3;
        sink.patch(header, &fields.to_le_bytes()[..3]);
    }

    /// Fills `self.sequences` with the block's sequences.
    fn find_matches(
        &mut self,
        source: &[u8],
        start: usize,
        end: usize,
        params: &Params,
        offsets: &mut [u32; 2],
    ) {
        self.sequences.clear();
        self.sequences.reserve((end - start) / 4 + 1);
        let find = match params.strategy {
            Strategy::Fast => fast::find,
            Strategy::DoubleFast => double_fast::find,
        };
        let block = self.tables.start_block(start, end, params);
        find(
            source,
            block,
            params,
            &mut self.tables,
            offsets,
            &mut self.sequences,
        );
    }

    /// Writes the content of a compressed block. Returns whether it is worthwhile; if not, what was written must be
    /// discarded.
    fn encode_matches<S: Sink>(&mut self, block: &[u8], params: &Params, sink: &mut S) -> bool {
        let start = sink.len();
        let sequences = &self.sequences;
        let literals = gather_literals(block, sequences, &mut self.literals);
        if params.raw_literals() {
            self.literals_coder.store(literals, sink);
        } else {
            let doubtful = literals.len() >= DOUBTFUL_RATIO * sequences.len();
            self.literals_coder.encode(literals, doubtful, sink);
        }
        let written = self
            .sequences_coder
            .encode(sequences, params.strategy, sink)
            .is_some();
        written && sink.len() - start < block.len() - minimum_gain(block.len())
    }
}

/// Copies the bytes of a block that no match covers to `room`.
fn gather_literals<'a>(block: &'a [u8], sequences: &[Sequence], room: &'a mut [u8]) -> &'a [u8] {
    if sequences.is_empty() {
        return block;
    }
    let (mut at, mut to) = (0, 0);
    for sequence in sequences {
        let len = sequence.literals as usize;
        match block.get(at..at + AT_ONCE) {
            // Most runs are short: a copy of fixed length is a single instruction.
            Some(bytes) if len <= AT_ONCE => room[to..to + AT_ONCE].copy_from_slice(bytes),
            _ => room[to..to + len].copy_from_slice(&block[at..at + len]),
        }
        at += len + sequence.length();
        to += len;
    }
    let rest = &block[at..];
    room[to..to + rest.len()].copy_from_slice(rest);
    &room[..to + rest.len()]
}
