//! Block-norm over a grid of block sizes, top-k ratios and bits. What several combos share is made once: the blocks of a size,
//! what is stored at a size and bits (and its frames), and the errors at a number of top-k blocks.

use super::MeasureError;
use super::gather::lossy_rows;
use super::rows::{CaptureInfo, Row, TensorRow, Variant};
use super::settings::Settings;
use super::streams::{Captured, Compressed, Streams};
use crate::lossy::{Blocks, greatest_blocks};
use crate::metrics::{Errors, Restored, errors};
use crate::par;
use crate::report::float::text;
use crate::tensor::Tensor;
use std::sync::Arc;

/// What is stored beside the values, in bytes.
#[derive(Clone, Copy, Debug)]
struct Storage {
    scale: u64,
    topk_scale: u64,
    index: u64,
}

impl Storage {
    /// As these settings say.
    fn new(settings: &Settings) -> Self {
        let bytes = |flag| settings.int(flag) as u64;
        Self {
            scale: bytes("scale-bytes"),
            topk_scale: bytes("topk-extra-scale-bytes"),
            index: bytes("index-bytes"),
        }
    }

    fn bytes(self, blocks: usize, topk: usize) -> u64 {
        let (blocks, topk) = (blocks as u64, topk as u64);
        blocks
            .saturating_mul(self.scale)
            .saturating_add(topk.saturating_mul(self.topk_scale + self.index))
    }

    /// Whether the top-k blocks are restored more exactly than others.
    fn tells_topk(self) -> bool {
        self.scale == 2 && self.topk_scale > 0
    }
}

/// A point of the grid, by its place on each axis.
#[derive(Clone, Copy, Debug)]
struct Combo {
    size: usize,
    ratio: usize,
    bits: usize,
}

/// The grid.
pub struct Grid {
    sizes: Vec<usize>,
    ratios: Vec<f64>,
    bits: Vec<u32>,
    combos: Vec<Combo>,
    variants: Vec<Arc<Variant>>,
    storage: Storage,
    streams: Streams,
}

impl Grid {
    /// Every combination, in the order block size, top-k ratio, bits; the settings say what is stored and how it is compressed.
    pub fn new(
        sizes: &[i64],
        ratios: &[f64],
        bits: &[i64],
        settings: &Settings,
        verify: bool,
    ) -> Self {
        let (mut combos, mut variants) = (Vec::new(), Vec::new());
        for (size, &block_size) in sizes.iter().enumerate() {
            for (ratio, &topk_ratio) in ratios.iter().enumerate() {
                for (bit, &bits) in bits.iter().enumerate() {
                    combos.push(Combo {
                        size,
                        ratio,
                        bits: bit,
                    });
                    variants.push(Arc::new(Variant {
                        label: format!("bs{block_size}_topk{}_b{bits}", text(topk_ratio)),
                        bits,
                        block_size: Some(block_size as u64),
                        topk_ratio: Some(topk_ratio),
                    }));
                }
            }
        }
        let sizes = sizes.iter().map(|&size| size as usize).collect();
        let bits = bits.iter().map(|&bits| bits as u32).collect();
        Self {
            sizes,
            ratios: ratios.to_vec(),
            bits,
            combos,
            variants,
            storage: Storage::new(settings),
            streams: Streams::new(settings, verify),
        }
    }

    /// The combos.
    pub fn variants(&self) -> impl Iterator<Item = Variant> {
        self.variants.iter().map(|variant| (**variant).clone())
    }

    /// Whether a capture has rows: those of lossless layers have none.
    pub fn selects(&self, capture: &CaptureInfo) -> bool {
        !self.streams.keeps(capture.layer_id)
    }

    /// A row for every combo.
    pub fn measure(
        &self,
        capture: &Arc<CaptureInfo>,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Vec<Row>, MeasureError> {
        lossy_rows(capture, k, v, &self.variants, |captured| {
            self.tensor(captured)
        })
    }

    /// One tensor's part of every row.
    fn tensor(&self, captured: &Captured) -> Result<Vec<TensorRow>, MeasureError> {
        let mut layouts: Vec<Layout> = Vec::new();
        let mut layout_of = Vec::with_capacity(self.sizes.len());
        for &size in &self.sizes {
            let same = layouts
                .iter()
                .position(|layout| layout.serves(captured.tensor, size));
            if same.is_none() {
                layouts.push(self.layout(captured, size)?);
            }
            layout_of.push(same.unwrap_or(layouts.len() - 1));
        }
        let row = |combo: &Combo| {
            let layout = &layouts[layout_of[combo.size]];
            let (streams, errors) = &layout.stored[combo.bits];
            let (topk, way) = layout.topk[combo.ratio];
            captured.row(
                *streams,
                self.storage.bytes(layout.blocks, topk),
                Some(errors[way]),
            )
        };
        Ok(self.combos.iter().map(row).collect())
    }

    fn layout(&self, captured: &Captured, block_size: usize) -> Result<Layout, MeasureError> {
        let tensor = captured.tensor;
        let blocks = Blocks::new(tensor, block_size);
        let (topk, scales) = self.scales(tensor, block_size, &blocks);
        let mut stored = Vec::with_capacity(self.bits.len());
        for &bits in &self.bits {
            let values = blocks.store(tensor, bits);
            let ways = Ways {
                blocks: &blocks,
                stored: &values,
                scales: &scales,
                values: Vec::new(),
            };
            let (streams, errors) = par::join(
                || self.streams.lossy(captured, &values),
                || errors(tensor, ways),
            );
            stored.push((streams?, errors));
        }
        Ok(Layout {
            block_size,
            blocks: blocks.count(),
            topk,
            stored,
        })
    }

    /// For each ratio the number of top-k blocks and which of the ways to restore it is; and the scales of each way.
    fn scales(
        &self,
        tensor: &Tensor,
        block_size: usize,
        blocks: &Blocks,
    ) -> (Vec<(usize, usize)>, Vec<Vec<f32>>) {
        let fp16 = self.storage.scale == 2;
        let count = |ratio: &f64| ((blocks.count() as f64 * ratio) as usize).max(1);
        let counts: Vec<usize> = self.ratios.iter().map(count).collect();
        if !self.storage.tells_topk() {
            return (
                counts.into_iter().map(|count| (count, 0)).collect(),
                vec![blocks.stored_scales(fp16, &[])],
            );
        }
        let energies = blocks.energies(tensor, block_size);
        let mut ways: Vec<usize> = Vec::new();
        let mut topk = Vec::with_capacity(counts.len());
        for count in counts {
            let way = ways
                .iter()
                .position(|&way| way == count)
                .unwrap_or(ways.len());
            if way == ways.len() {
                ways.push(count);
            }
            topk.push((count, way));
        }
        let scales = ways
            .iter()
            .map(|&count| blocks.stored_scales(fp16, &greatest_blocks(&energies, count)));
        (topk, scales.collect())
    }
}

/// What one block size gives, for all ratios and bits.
struct Layout {
    block_size: usize,
    blocks: usize,
    /// For each ratio: top-k blocks, and their place in the errors.
    topk: Vec<(usize, usize)>,
    /// For each bits.
    stored: Vec<(Compressed, Vec<Errors>)>,
}

impl Layout {
    /// Whether another block size gives the same: vectors are one block either way, and energies add up alike.
    fn serves(&self, tensor: &Tensor, block_size: usize) -> bool {
        let head_dim = tensor.shape().head_dim;
        let alike = |size: usize| (head_dim.min(size), Blocks::energy_order(head_dim, size));
        alike(self.block_size) == alike(block_size)
    }
}

/// The ways to restore what is stored.
struct Ways<'a> {
    blocks: &'a Blocks,
    stored: &'a Tensor,
    scales: &'a [Vec<f32>],
    values: Vec<f32>,
}

impl Restored for Ways<'_> {
    fn ways(&self) -> usize {
        self.scales.len()
    }

    fn make(&mut self, start: usize, out: &mut [f32], mut done: impl FnMut(usize, &[f32])) {
        self.values.resize(out.len(), 0.0);
        self.stored.read_values(start, &mut self.values);
        for (way, scales) in self.scales.iter().enumerate() {
            self.blocks.restore(scales, start, &self.values, out);
            done(way, out);
        }
    }
}
