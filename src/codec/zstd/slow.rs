//! The strategies that are not implemented here, with the match finders and the entropy stage of the crate
//! `zstd-pure-rs`.
//!
//! The crate's own frame loop supports dictionaries, streaming and sub-blocks, which a one-shot frame doesn't have, and
//! the code for those is half of what it would add to a wasm module. So the loop is here (`ZSTD_compress_frameChunk`,
//! `ZSTD_buildSeqStore` and `ZSTD_compressBlock_internal` of libzstd's `zstd_compress.c`), and only what it calls is
//! linked.

use zstd_pure_rs::compress::match_state::{
    ZSTD_MatchState_t, ZSTD_dictMode_e, ZSTD_matchState_enforceMaxDist,
    ZSTD_overflowCorrectIfNeeded, ZSTD_rowMatchFinderUsed, ZSTD_window_update,
};
use zstd_pure_rs::compress::seq_store::{SeqStore_t, ZSTD_resetSeqStore, ZSTD_storeLastLiterals};
use zstd_pure_rs::compress::zstd_compress::{
    ZSTD_CCtx, ZSTD_CCtx_params, ZSTD_CCtxParams_init_internal, ZSTD_CParamMode_e,
    ZSTD_blockSplitterEnabled, ZSTD_blockState_confirmRepcodesAndEntropyTables,
    ZSTD_buffered_policy_e, ZSTD_compResetPolicy_e, ZSTD_compressBlock_splitBlock_internal,
    ZSTD_compressBound, ZSTD_createCCtx, ZSTD_entropyCompressSeqStore_wksp,
    ZSTD_getParams_internal, ZSTD_isRLE, ZSTD_noCompressBlock, ZSTD_optimalBlockSize,
    ZSTD_resetCCtx_internal, ZSTD_rleCompressBlock, ZSTD_writeFrameHeader,
};
use zstd_pure_rs::compress::zstd_compress_sequences::{
    FSE_repeat, ZSTD_btlazy2 as BTLAZY2, ZSTD_btopt as BTOPT, ZSTD_btultra as BTULTRA,
    ZSTD_btultra2 as BTULTRA2, ZSTD_greedy as GREEDY,
};
use zstd_pure_rs::compress::zstd_lazy::{
    ZSTD_compressBlock_lazy_generic_with_istart, searchMethod_e,
};
use zstd_pure_rs::compress::zstd_ldm::ZSTD_ldm_generateSequences;
use zstd_pure_rs::compress::zstd_opt::{
    ZSTD_compressBlock_btopt_window, ZSTD_compressBlock_btultra_window,
    ZSTD_compressBlock_btultra2_window,
};

/// A shorter block is stored raw without trying to compress it.
const MIN_LENGTH: usize = 7;

/// A compressed block smaller than this is checked for being one byte repeated.
const MIN_TO_SKIP_RUN_CHECK: usize = 25;

/// Size of a block header, in bytes.
const BLOCK_HEADER: usize = 3;

/// Block type of a compressed block.
const COMPRESSED: u32 = 2;

/// After a long run without a match only this many of the skipped positions are inserted into the tables.
const MAX_BEHIND: u32 = 384;
const CATCH_UP: u32 = 192;

/// Maximum number of positions after a match at which a better one is looked for.
const MAX_LAZY: u32 = 2;

/// A compression context, which costs more to create than a small source to compress, and a buffer for a frame.
pub(super) struct Coder {
    context: Box<ZSTD_CCtx>,
    frame: Vec<u8>,
}

impl Coder {
    pub(super) fn new() -> Self {
        Self {
            context: ZSTD_createCCtx().expect("a context is plain memory"),
            frame: Vec::new(),
        }
    }

    pub(super) fn encode(&mut self, source: &[u8], level: i32) -> &[u8] {
        self.frame.resize(ZSTD_compressBound(source.len()), 0);
        let context = &mut *self.context;
        start_frame(context, source.len(), level);
        let params = context.appliedParams;
        let mut size = ZSTD_writeFrameHeader(
            &mut self.frame,
            &params.fParams,
            params.cParams.windowLog,
            source.len() as u64,
            0,
        );
        if source.is_empty() {
            size += ZSTD_noCompressBlock(&mut self.frame[size..], source, 1);
        }
        let mut savings = 0;
        let mut start = 0;
        while start < source.len() {
            let len = ZSTD_optimalBlockSize(
                &source[start..],
                context.blockSizeMax,
                params.preBlockSplitter_level,
                params.cParams.strategy,
                savings,
            );
            let end = start + len;
            let written = encode_block(context, &mut self.frame[size..], source, start, end);
            context.isFirstBlock = 0;
            savings += len as i64 - written as i64;
            size += written;
            start = end;
        }
        &self.frame[..size]
    }
}

/// Resets the context for a new frame.
fn start_frame(context: &mut ZSTD_CCtx, len: usize, level: i32) {
    let no_dictionary = ZSTD_CParamMode_e::ZSTD_cpm_noAttachDict;
    let of_level = ZSTD_getParams_internal(level, len as u64, 0, no_dictionary);
    let mut params = ZSTD_CCtx_params::default();
    ZSTD_CCtxParams_init_internal(&mut params, &of_level, level);
    ZSTD_resetCCtx_internal(
        context,
        &params,
        len as u64,
        0,
        ZSTD_compResetPolicy_e::ZSTDcrp_makeClean,
        ZSTD_buffered_policy_e::ZSTDb_not_buffered,
    );
    let (matches, _) = stores(&mut context.ms, &mut context.seqStore);
    let first = matches.window.nextSrc;
    ZSTD_window_update(&mut matches.window, first, len, false);
    if let Some(long) = &mut context.ldmState {
        ZSTD_window_update(&mut long.window, first, len, false);
    }
}

/// Encodes a block; returns the number of bytes written.
fn encode_block(
    context: &mut ZSTD_CCtx,
    to: &mut [u8],
    source: &[u8],
    start: usize,
    end: usize,
) -> usize {
    move_window(context, start, end);
    let block = &source[start..end];
    let is_last = u32::from(end == source.len());
    let found = block.len() >= MIN_LENGTH;
    if found {
        find_sequences(context, source, start, end);
        if ZSTD_blockSplitterEnabled(&context.appliedParams) {
            let (_, sequences) = stores(&mut context.ms, &mut context.seqStore);
            let count = sequences.sequences.len() as u32;
            return ZSTD_compressBlock_splitBlock_internal(context, to, block, is_last, count);
        }
    }
    let size = if found {
        encode_sequences(context, &mut to[BLOCK_HEADER..], block)
    } else {
        0
    };
    // A table that suited one block is not trusted blindly in the next.
    let repeat = &mut context.prevEntropy.fse.offcode_repeatMode;
    if *repeat == FSE_repeat::FSE_repeat_valid {
        *repeat = FSE_repeat::FSE_repeat_check;
    }
    match size {
        0 => ZSTD_noCompressBlock(to, block, is_last),
        1 => ZSTD_rleCompressBlock(to, block[0], block.len(), is_last),
        _ => {
            let fields = is_last | COMPRESSED << 1 | (size as u32) << 3;
            to[..BLOCK_HEADER].copy_from_slice(&fields.to_le_bytes()[..BLOCK_HEADER]);
            BLOCK_HEADER + size
        }
    }
}

/// Moves the window so that it ends with the block.
fn move_window(context: &mut ZSTD_CCtx, start: usize, end: usize) {
    let params = &context.appliedParams;
    let (matches, _) = stores(&mut context.ms, &mut context.seqStore);
    let index = |position: usize| matches.window.base_offset.wrapping_add(position as u32);
    let (from, to) = (index(start), index(end));
    ZSTD_overflowCorrectIfNeeded(
        matches,
        params.useRowMatchFinder,
        0,
        params.cParams.windowLog,
        params.cParams.chainLog,
        params.cParams.strategy,
        from,
        to,
    );
    ZSTD_matchState_enforceMaxDist(matches, from, 1 << params.cParams.windowLog);
    matches.nextToUpdate = matches.nextToUpdate.max(matches.window.lowLimit);
}

/// Fills the sequence store.
fn find_sequences(context: &mut ZSTD_CCtx, source: &[u8], start: usize, end: usize) {
    let params = &context.appliedParams;
    let (matches, sequences) = stores(&mut context.ms, &mut context.seqStore);
    let is_optimal = params.cParams.strategy >= BTOPT;
    matches.entropySeed = is_optimal.then(|| context.prevEntropy.clone());
    matches.opt.literalCompressionMode = params.literalCompressionMode;
    let current = matches.window.base_offset.wrapping_add(start as u32);
    if current > matches.nextToUpdate.wrapping_add(MAX_BEHIND) {
        let behind = current - matches.nextToUpdate - MAX_BEHIND;
        matches.nextToUpdate = current - behind.min(CATCH_UP);
    }
    ZSTD_resetSeqStore(sequences);
    context.next_rep = context.prev_rep;

    let long = &mut context.ldmSequences;
    if let Some(state) = &mut context.ldmState {
        (long.size, long.pos, long.posInSequence) = (0, 0, 0);
        let lowest = state.window.dictLimit;
        ZSTD_ldm_generateSequences(state, long, &params.ldmParams, source, start, end, lowest);
        matches.ldmSeqStore = Some(long.clone());
    }
    let repeats = &mut context.next_rep;
    let literals = match params.cParams.strategy {
        BTULTRA2 => {
            ZSTD_compressBlock_btultra2_window(matches, sequences, repeats, source, start, end)
        }
        BTULTRA => {
            ZSTD_compressBlock_btultra_window(matches, sequences, repeats, source, start, end)
        }
        BTOPT => ZSTD_compressBlock_btopt_window(matches, sequences, repeats, source, start, end),
        strategy => {
            let search = if strategy == BTLAZY2 {
                searchMethod_e::search_binaryTree
            } else if ZSTD_rowMatchFinderUsed(strategy, params.useRowMatchFinder) {
                searchMethod_e::search_rowHash
            } else {
                searchMethod_e::search_hashChain
            };
            ZSTD_compressBlock_lazy_generic_with_istart(
                matches,
                sequences,
                repeats,
                &source[..end],
                start,
                search,
                (strategy - GREEDY).min(MAX_LAZY),
                ZSTD_dictMode_e::ZSTD_noDict,
            )
        }
    };
    matches.ldmSeqStore = None;
    ZSTD_storeLastLiterals(sequences, &source[end - literals..end]);
}

/// Writes the content of a compressed block. Returns its size, or 1 if it is one byte repeated, or 0 if it is not
/// worthwhile.
fn encode_sequences(context: &mut ZSTD_CCtx, to: &mut [u8], block: &[u8]) -> usize {
    let (_, sequences) = stores(&mut context.ms, &mut context.seqStore);
    let size = ZSTD_entropyCompressSeqStore_wksp(
        to,
        sequences,
        &context.prevEntropy,
        &mut context.nextEntropy,
        context.appliedParams.cParams.strategy,
        0,
        block.len(),
        context.bmi2,
        &mut context.entropyScratch,
    );
    // Decoders up to 1.4.3 reject a frame whose first block is one byte repeated.
    let may_be_run = context.isFirstBlock == 0 && size < MIN_TO_SKIP_RUN_CHECK;
    if may_be_run && ZSTD_isRLE(block) != 0 {
        return 1;
    }
    if size > 1 {
        ZSTD_blockState_confirmRepcodesAndEntropyTables(context);
    }
    size
}

/// Parts of a context that every reset creates.
fn stores<'a>(
    matches: &'a mut Option<ZSTD_MatchState_t>,
    sequences: &'a mut Option<SeqStore_t>,
) -> (&'a mut ZSTD_MatchState_t, &'a mut SeqStore_t) {
    let missing = "made by the reset";
    (
        matches.as_mut().expect(missing),
        sequences.as_mut().expect(missing),
    )
}
