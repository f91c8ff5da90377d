//! Block-norm over a grid of block sizes, top-k ratios and bits. Work that several combinations share is done once: the blocks of each
//! block size, the stored values (and their frames) of each size and bit width, and the errors of each number of top-k blocks.

use super::collect_rows::lossy_rows;
use super::compression::{Captured, Compressed};
use super::error::MeasureError;
use super::packed_size;
use super::param::{Kind, ParamSpec};
use super::report::{CaptureInfo, Row, TensorRow, Variant};
use super::settings::{Settings, SettingsError};
use super::shared_settings::SharedSettings;
use super::unit::Unit;
use crate::lossy::{Blocks, top_k_blocks};
use crate::metrics::{Errors, Restored, errors};
use crate::numeric::python_float::text;
use crate::par;
use crate::tensor::Tensor;
use std::sync::Arc;

/// The parameters that [`Storage`] is read from.
pub fn storage_params() -> Vec<ParamSpec> {
    let bytes = Kind::Int { min: 0, max: 16 };
    vec![
        ParamSpec::method(
            "scale-bytes",
            "Scale",
            "Bytes of each block's scale; 2 stores it as fp16.",
            "bytes",
            bytes.clone(),
            2,
        ),
        ParamSpec::method(
            "topk-extra-scale-bytes",
            "Extra scale",
            "Additional bytes for the scale of each top-k block, which is then exact; 0 keeps the stored one.",
            "bytes",
            bytes.clone(),
            4,
        ),
        ParamSpec::method(
            "index-bytes",
            "Index",
            "Bytes that identify each top-k block.",
            "bytes",
            bytes,
            4,
        ),
    ]
}

/// Bytes stored beside the quantized values.
#[derive(Clone, Copy, Debug)]
pub struct Storage {
    /// Bytes of each block's scale; 2 stores it as fp16.
    pub scale: u64,
    /// Additional bytes for each top-k block, whose scale is then exact.
    pub topk_scale: u64,
    /// Bytes that identify each top-k block.
    pub index: u64,
}

impl TryFrom<&Settings> for Storage {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            scale: settings.read("scale-bytes")?,
            topk_scale: settings.read("topk-extra-scale-bytes")?,
            index: settings.read("index-bytes")?,
        })
    }
}

impl Storage {
    fn bytes(self, blocks: usize, topk: usize) -> u64 {
        let (blocks, topk) = (blocks as u64, topk as u64);
        blocks
            .saturating_mul(self.scale)
            .saturating_add(topk.saturating_mul(self.topk_scale + self.index))
    }

    /// Whether top-k blocks are restored more exactly than the others.
    fn tells_topk(self) -> bool {
        self.scale == 2 && self.topk_scale > 0
    }
}

/// A point of the grid, as an index into each axis.
#[derive(Clone, Copy, Debug)]
struct Combo {
    size: usize,
    ratio: usize,
    bits: usize,
}

/// Every combination of block size, top-k ratio and bits, each of which is a variant.
pub struct Grid {
    sizes: Vec<usize>,
    ratios: Vec<f64>,
    bits: Vec<u32>,
    combos: Vec<Combo>,
    variants: Vec<Arc<Variant>>,
    storage: Storage,
    shared: SharedSettings,
}

impl Grid {
    /// Builds all combinations, ordered by block size, then top-k ratio, then bits.
    pub fn new(
        sizes: Vec<usize>,
        ratios: Vec<f64>,
        bits: Vec<u32>,
        storage: Storage,
        shared: SharedSettings,
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
                        bits: i64::from(bits),
                        block_size: Some(block_size as u64),
                        topk_ratio: Some(topk_ratio),
                    }));
                }
            }
        }
        Self {
            sizes,
            ratios,
            bits,
            combos,
            variants,
            storage,
            shared,
        }
    }

    /// The variants, one for each combination.
    pub fn variants(&self) -> impl Iterator<Item = Variant> {
        self.variants.iter().map(|variant| (**variant).clone())
    }

    /// Whether a capture has rows; captures of lossless layers have none.
    pub fn selects(&self, capture: &CaptureInfo) -> bool {
        !self.shared.keeps(capture.layer_id)
    }

    /// Measures every combination: one row each.
    pub fn measure(&self, unit: &Unit) -> Result<Vec<Row>, MeasureError> {
        lossy_rows(unit, &self.variants, |captured| self.tensor(captured))
    }

    /// The tensors that are compressed for `tensor`: its quantized blocks, for every block size and bit width.
    pub fn compressed(&self, tensor: &Tensor) -> Vec<Tensor> {
        let blocks = self.sizes.iter().map(|&size| Blocks::new(tensor, size));
        let stored = |blocks: Blocks| {
            self.bits
                .iter()
                .map(move |&bits| blocks.store(tensor, bits))
        };
        blocks.flat_map(stored).collect()
    }

    /// Measures one tensor: its part of every row.
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
            let beside = self.storage.bytes(layout.blocks, topk);
            let codes = packed_size::codes(captured.tensor, self.bits[combo.bits]);
            let packed = codes.saturating_add(beside);
            captured.row(*streams, beside, Some(errors[way]), Some(packed))
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
                || self.shared.compression.lossy(captured, &values),
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

    /// For each ratio, the number of top-k blocks and the index of its set of scales; then the distinct sets of scales.
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
            .map(|&count| blocks.stored_scales(fp16, &top_k_blocks(&energies, count)));
        (topk, scales.collect())
    }
}

/// Results for one block size, shared by all ratios and bit widths.
struct Layout {
    block_size: usize,
    blocks: usize,
    /// For each ratio: the number of top-k blocks, and the index of its errors.
    topk: Vec<(usize, usize)>,
    /// For each bit width: the compressed sizes, and the errors of each set of scales.
    stored: Vec<(Compressed, Vec<Errors>)>,
}

impl Layout {
    /// Whether another block size gives identical results: both make one block of each vector, and add up its energy in the same order.
    fn serves(&self, tensor: &Tensor, block_size: usize) -> bool {
        let head_dim = tensor.shape().head_dim;
        let alike = |size: usize| (head_dim.min(size), Blocks::energy_order(head_dim, size));
        alike(self.block_size) == alike(block_size)
    }
}

/// Restores the same stored values with each set of scales.
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
