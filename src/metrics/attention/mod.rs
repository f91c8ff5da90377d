//! Attention error: how far the outputs of attention move when K or V are stored with loss, for queries that were captured.
//!
//! o = softmax(scale * q.K) V over the positions that a query sees; the error is the sum of |o - o'|^2 by that of |o|^2. The weights of
//! the captured K are computed once. A changed K is taken as its difference: with e = exp(scale * q.(K' - K)) - 1 and r = the weighted
//! mean of e, the weights change by w * (e - r) / (1 + r). So small errors are not lost in the rounding of f32, in which all this is done,
//! in one order of additions on every machine.

mod cache;
mod exp;
mod kernel;

pub use cache::{Cache, Changed};
use kernel::Block;

/// Captured queries of one layer, in the run's positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Queries {
    /// Position of each query.
    pub positions: Vec<u64>,
    /// Query heads: a multiple of the KV heads.
    pub heads: usize,
    /// `[positions, heads, head_dim]`, after RoPE, before the scale.
    pub values: Vec<f32>,
    /// What a dot product is multiplied with.
    pub scale: f32,
    /// How many positions a query sees, itself included; all before it where absent.
    pub window: Option<u64>,
    /// A logit s becomes cap * tanh(s / cap).
    pub softcap: Option<f32>,
}

/// Squared outputs and squared errors of them, summed over queries, for each query head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputErrors {
    /// Sum of |o - o'|^2.
    pub error: Vec<f64>,
    /// Sum of |o|^2.
    pub square: Vec<f64>,
}

impl OutputErrors {
    /// The attention error over all heads; 0 where the outputs are.
    pub fn total(&self) -> f64 {
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let square = sum(&self.square);
        if square > 0.0 {
            sum(&self.error) / square
        } else {
            0.0
        }
    }

    /// Takes in the sums over other queries.
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

/// The attention of some queries over a cache as it was captured, against which changed ones are held.
pub struct Attention<'a> {
    cache: Cache<'a>,
    group: usize,
    blocks: Vec<Block>,
    softcap: Option<f32>,
}

impl<'a> Attention<'a> {
    /// The attention of the queries of these places in `queries`, those that see at least one token of the cache. `None` where no query
    /// does, or heads do not fit. Holds a weight for each token, query and query head.
    pub fn new(cache: Cache<'a>, queries: &Queries, places: &[usize]) -> Option<Self> {
        let (dim, heads) = (cache.head_dim, cache.kv_heads);
        let tokens = cache.k.len().checked_div(heads * dim)?;
        if heads == 0 || queries.heads == 0 || !queries.heads.is_multiple_of(heads) {
            return None;
        }
        let group = queries.heads / heads;
        let seen: Vec<(usize, usize, usize)> = places
            .iter()
            .filter_map(|&place| {
                let position = *queries.positions.get(place)?;
                let end = usize::try_from(position.checked_sub(cache.position)?)
                    .ok()?
                    .checked_add(1)?;
                let window = queries
                    .window
                    .map_or(end, |window| usize::try_from(window).unwrap_or(end));
                (end <= tokens && window > 0).then_some((place, end.saturating_sub(window), end))
            })
            .collect();
        if seen.is_empty() {
            return None;
        }
        let block = |head: usize| {
            let mut block = Block::new(dim, seen.len() * group);
            for (lane, (&(place, first, end), q_head)) in seen
                .iter()
                .flat_map(|seen| (0..group).map(move |q_head| (seen, q_head)))
                .enumerate()
            {
                let start = (place * queries.heads + head * group + q_head) * dim;
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
        let places: Vec<usize> = (0..heads).collect();
        Some(Self {
            cache,
            group,
            blocks: crate::par::map(&places, &|&head| block(head)),
            softcap: queries.softcap,
        })
    }

    /// What [`Attention::errors`] gives where nothing is changed.
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

    /// The mean weight that each token of the cache has over all queries and query heads; the weights of a query sum to 1.
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

    /// How far the outputs move.
    ///
    /// # Panics
    /// When what is changed has not as many values as the cache.
    pub fn errors(&self, changed: Changed) -> OutputErrors {
        let places: Vec<usize> = (0..self.blocks.len()).collect();
        let sums = crate::par::map(&places, &|&head| {
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
