//! Attention error: how far the outputs of attention move when K or V are stored with loss, for captured queries.
//!
//! o = softmax(scale * q.K) V over the positions that a query attends to; the error is the sum of |o - o'|^2 divided by
//! that of |o|^2. The weights of the captured K are computed once. A changed K enters as its difference: with e =
//! exp(scale * q.(K' - K)) - 1 and r = the weighted mean of e, the weights change by w * (e - r) / (1 + r). So small
//! errors are not lost in f32 rounding. All of this is f32, in the same order of additions on every machine.

mod cache;
mod exp;
mod kernel;

use crate::tensor::Shape;
pub use cache::{Cache, Changed};
use kernel::Block;

/// Captured queries of one layer. Positions count from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Queries {
    /// Token position of each query.
    pub positions: Vec<u64>,
    /// Number of query heads, a multiple of the number of KV heads.
    pub heads: usize,
    /// Head dimension, which must be that of K.
    pub head_dim: usize,
    /// Query vectors, `[positions, heads, head_dim]`, after RoPE, before scaling.
    pub values: Vec<f32>,
    /// Factor that the dot product of query and key is multiplied with.
    pub scale: f32,
    /// Number of positions that a query attends to, its own included; `None` means all up to its own.
    pub window: Option<u64>,
    /// Softcap of the logits: a logit s becomes cap * tanh(s / cap). `None` without softcapping.
    pub softcap: Option<f32>,
}

/// Largest number of attention weights that are held at a time: of queries, their heads and tokens.
const MAX_WEIGHTS: usize = 4 << 20;

/// Why queries can't be used to measure a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unused {
    /// Their heads are not those of K, or not a multiple of their number.
    #[error("it is not used for captures whose heads its own do not fit")]
    Heads,
    /// V has another number of heads than K.
    #[error("V has other heads than K, so it is not used")]
    OtherHeads,
    /// They attend to tokens before the first one.
    #[error("the captures start at position {0}, and queries look back to 0: it is not used")]
    LookBack(u64),
    /// Their attention outputs would not be finite.
    #[error("holds NaN or infinite values, so it is not used")]
    NotFinite,
}

impl Queries {
    /// The queries that attend only to tokens of K and V, which have these shapes and start at `position`; possibly none.
    ///
    /// # Errors
    /// When the heads do not fit those of K, or V has another number of heads than K; when every query attends to earlier tokens too; or when a
    /// remaining one holds NaN or infinite values.
    pub fn seeing_only(self, position: u64, [k, v]: [Shape; 2]) -> Result<Self, Unused> {
        if !self.fits(k.kv_heads, k.head_dim) {
            return Err(Unused::Heads);
        }
        if v.kv_heads != k.kv_heads {
            return Err(Unused::OtherHeads);
        }
        let first = match self.window {
            _ if position == 0 => 0,
            None => return Err(Unused::LookBack(position)),
            Some(window) => position.saturating_add(window).saturating_sub(1),
        };
        let seen = first..position.saturating_add(k.seq_len as u64);
        let size = self.heads * self.head_dim;
        let all = self.positions.iter().zip(self.values.chunks(size.max(1)));
        let (positions, values): (Vec<u64>, Vec<&[f32]>) =
            all.filter(|(position, _)| seen.contains(position)).unzip();
        let values = values.concat();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Unused::NotFinite);
        }
        Ok(Self {
            positions,
            values,
            ..self
        })
    }

    fn fits(&self, kv_heads: usize, head_dim: usize) -> bool {
        let groups = self.heads > 0 && kv_heads > 0 && self.heads.is_multiple_of(kv_heads);
        groups && self.head_dim == head_dim
    }

    /// Number of queries whose weights over so many tokens take bounded memory; at least 1.
    pub fn at_a_time(&self, tokens: usize) -> usize {
        (MAX_WEIGHTS / (tokens * self.heads).max(1)).max(1)
    }

    /// Indices of at most `most` of the queries, evenly spread, in portions of [`Queries::at_a_time`].
    pub fn portions(&self, most: usize, tokens: usize) -> Vec<Vec<usize>> {
        let count = self.positions.len();
        let taken = most.min(count);
        let places: Vec<usize> = (0..taken)
            .map(|index| (2 * index + 1) * count / (2 * taken))
            .collect();
        let portions = places.chunks(self.at_a_time(tokens));
        portions.map(<[usize]>::to_vec).collect()
    }
}

/// Squared attention outputs and their squared errors, summed over queries, for each query head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputErrors {
    /// Sum of |o - o'|^2 for each query head.
    pub error: Vec<f64>,
    /// Sum of |o|^2 for each query head.
    pub square: Vec<f64>,
}

impl OutputErrors {
    /// Attention error over all heads, `sum error / sum square`; 0 if no output moved, also where all are 0. Infinite
    /// where outputs of 0 moved, NaN where outputs are not finite.
    pub fn total(&self) -> f64 {
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        match sum(&self.error) {
            0.0 => 0.0,
            error => error / sum(&self.square),
        }
    }

    /// Adds the sums over other queries.
    pub fn add(&mut self, other: &Self) {
        let add = |all: &mut Vec<f64>, more: &[f64]| {
            all.resize(all.len().max(more.len()), 0.0);
            for (all, more) in all.iter_mut().zip(more) {
                *all += more;
            }
        };
        add(&mut self.error, &other.error);
        add(&mut self.square, &other.square);
    }
}

/// Attention of captured queries over a captured cache: the baseline that changed caches are compared with.
pub struct Attention<'a> {
    cache: Cache<'a>,
    group: usize,
    blocks: Vec<Block>,
    softcap: Option<f32>,
}

impl<'a> Attention<'a> {
    /// Computes the attention of the queries with the given `indices`, as far as they attend to at least one token of
    /// the cache. `None` if no query does, or the heads do not fit, or V has other heads than K. Holds one weight per token, query and query head in
    /// memory.
    pub fn new(cache: Cache<'a>, queries: &Queries, indices: &[usize]) -> Option<Self> {
        let (dim, v_dim, heads) = (cache.head_dim, cache.v_head_dim, cache.kv_heads);
        let tokens = cache.k.len().checked_div(heads * dim)?;
        if !queries.fits(heads, dim) || v_dim == 0 || cache.v.len() != tokens * heads * v_dim {
            return None;
        }
        let group = queries.heads / heads;
        let seen: Vec<(usize, usize, usize)> = indices
            .iter()
            .filter_map(|&index| {
                let position = *queries.positions.get(index)?;
                let end = usize::try_from(position.checked_sub(cache.position)?)
                    .ok()?
                    .checked_add(1)?;
                let window = queries
                    .window
                    .map_or(end, |window| usize::try_from(window).unwrap_or(end));
                (end <= tokens && window > 0).then_some((index, end.saturating_sub(window), end))
            })
            .collect();
        if seen.is_empty() {
            return None;
        }
        let block = |head: usize| {
            let mut block = Block::new(dim, v_dim, seen.len() * group);
            for (lane, (&(index, first, end), q_head)) in seen
                .iter()
                .flat_map(|seen| (0..group).map(move |q_head| (seen, q_head)))
                .enumerate()
            {
                let start = (index * queries.heads + head * group + q_head) * dim;
                block.set_query(
                    lane,
                    &queries.values[start..start + dim],
                    queries.scale,
                    first..end,
                );
            }
            block.attend(&cache, head, queries.softcap);
            block
        };
        let indices: Vec<usize> = (0..heads).collect();
        Some(Self {
            cache,
            group,
            blocks: crate::par::map(&indices, &|&head| block(head)),
            softcap: queries.softcap,
        })
    }

    /// Result of [`Attention::errors`] for an unchanged cache.
    pub fn unchanged(&self) -> OutputErrors {
        let squares = self
            .blocks
            .iter()
            .map(|block| block.squares(block.outputs(), self.group));
        let square: Vec<f64> = squares.flatten().collect();
        OutputErrors {
            error: vec![0.0; square.len()],
            square,
        }
    }

    /// Mean weight of each token of the cache over all queries and query heads; the weights of a query sum to 1.
    pub fn mean_weights(&self) -> Vec<f64> {
        let (dim, heads) = (self.cache.head_dim, self.cache.kv_heads);
        let tokens = self.cache.k.len() / (dim * heads).max(1);
        let mut means = vec![0.0; tokens];
        for block in &self.blocks {
            block.add_weights(&mut means);
        }
        let queries: usize = self.blocks.iter().map(Block::queries).sum();
        for mean in &mut means {
            *mean /= queries.max(1) as f64;
        }
        means
    }

    /// Computes how far the attention outputs move when `changed` replaces captured values.
    ///
    /// # Panics
    /// When a replacement does not have as many values as the cache.
    pub fn errors(&self, changed: Changed) -> OutputErrors {
        let indices: Vec<usize> = (0..self.blocks.len()).collect();
        let sums = crate::par::map(&indices, &|&head| {
            let block = &self.blocks[head];
            let moved = block.moved(&self.cache, head, changed, self.softcap);
            (
                block.squares(&moved, self.group),
                block.squares(block.outputs(), self.group),
            )
        });
        let mut errors = OutputErrors::default();
        for (error, square) in sums {
            errors.error.extend(error);
            errors.square.extend(square);
        }
        errors
    }
}
