//! Attention products for one KV head: many query vectors (lanes) over all tokens. Lanes are queries when computing
//! logits, and elements of the value vector when computing outputs, so every sum has its own lane and a fixed order.

use super::cache::{Cache, Changed};
use super::exp::{exp, exp_m1, tanh};
use crate::numeric::f32x8::{F32x8, LANES};
use multiversion::multiversion;
use std::ops::Range;

/// Number of tokens whose products are in registers together.
const TOKENS: usize = 4;

/// Number of tokens after which partial sums of outputs are set aside: fewer roundings on the way.
const STRETCH: usize = 128;

/// Query vectors with their attention over the tokens of one KV head.
pub(super) struct Block {
    dim: usize,
    v_dim: usize,
    /// Number of query vectors; `lanes` is that number rounded up to a multiple of [`LANES`].
    queries: usize,
    lanes: usize,
    /// Query vectors times the scale, `[dim, lanes]`.
    q: Vec<f32>,
    /// Range of tokens that each query attends to.
    seen: Vec<Range<usize>>,
    /// Range of tokens that any query attends to.
    tokens: Range<usize>,
    /// Attention weights, `[tokens, lanes]`.
    weights: Vec<f32>,
    /// Logits before the softcap, `[tokens, lanes]`; empty without a softcap.
    logits: Vec<f32>,
    /// Attention outputs, `[queries, v_dim]`.
    outputs: Vec<f32>,
}

impl Block {
    /// A block with room for `queries` query vectors of `dim` values, whose outputs have `v_dim` values.
    pub fn new(dim: usize, v_dim: usize, queries: usize) -> Self {
        let lanes = queries.next_multiple_of(LANES);
        Self {
            dim,
            v_dim,
            queries,
            lanes,
            q: vec![0.0; dim * lanes],
            seen: vec![0..0; queries],
            tokens: 0..0,
            weights: Vec::new(),
            logits: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Sets one query vector and the range of tokens that it attends to.
    pub fn set_query(&mut self, lane: usize, values: &[f32], scale: f32, seen: Range<usize>) {
        for (row, value) in self.q.chunks_exact_mut(self.lanes).zip(values) {
            row[lane] = value * scale;
        }
        self.tokens = if self.tokens.is_empty() {
            seen.clone()
        } else {
            self.tokens.start.min(seen.start)..self.tokens.end.max(seen.end)
        };
        self.seen[lane] = seen;
    }

    /// Computes weights and outputs for the captured K and V.
    pub fn attend(&mut self, cache: &Cache, head: usize, softcap: Option<f32>) {
        let (rows, v_rows) = (Rows::of_k(cache, head), Rows::of_v(cache, head));
        self.weights = vec![0.0; self.tokens.len() * self.lanes];
        self.logits(&rows, cache.k, &mut |block, logits| {
            block.copy_from_slice(logits)
        });
        if let Some(cap) = softcap {
            self.logits = self.weights.clone();
            for logit in &mut self.weights {
                *logit = cap * tanh(*logit / cap);
            }
        }
        softmax(&mut self.weights, self.lanes, &self.seen, self.tokens.start);
        self.outputs = self.outputs_of(&self.weights, &v_rows, cache.v);
    }

    /// Number of query vectors.
    pub fn queries(&self) -> usize {
        self.queries
    }

    /// Adds each token's weights, summed over all queries, to its entry in `sums`.
    pub fn add_weights(&self, sums: &mut [f64]) {
        let tokens = self.weights.chunks_exact(self.lanes.max(1));
        for (sum, weights) in sums[self.tokens.clone()].iter_mut().zip(tokens) {
            let weights = weights[..self.queries].iter();
            *sum += weights.copied().map(f64::from).sum::<f64>();
        }
    }

    /// Attention outputs with the captured K and V, `[queries, v_dim]`.
    pub fn outputs(&self) -> &[f32] {
        &self.outputs
    }

    /// Change of the outputs with `changed` in place, `[queries, v_dim]`.
    pub fn moved(
        &self,
        cache: &Cache,
        head: usize,
        changed: Changed,
        softcap: Option<f32>,
    ) -> Vec<f32> {
        let (rows, v_rows) = (Rows::of_k(cache, head), Rows::of_v(cache, head));
        match changed {
            Changed::V(v) => self.outputs_of(&self.weights, &v_rows.differences(cache.v), v),
            Changed::K(k) => self.outputs_of(
                &self.weight_changes(&rows, cache, k, softcap),
                &v_rows,
                cache.v,
            ),
            Changed::Both(k, v) => {
                let mut changes = self.weight_changes(&rows, cache, k, softcap);
                let mut moved = self.outputs_of(&changes, &v_rows, cache.v);
                for (change, weight) in changes.iter_mut().zip(&self.weights) {
                    *change += weight;
                }
                let more = self.outputs_of(&changes, &v_rows.differences(cache.v), v);
                for (moved, more) in moved.iter_mut().zip(&more) {
                    *moved += more;
                }
                moved
            }
        }
    }

    /// Sums of squares of `outputs`, `[queries, v_dim]`, for each query head of the group.
    pub fn squares(&self, outputs: &[f32], group: usize) -> Vec<f64> {
        let mut squares = vec![0.0; group];
        for (query, output) in outputs.chunks_exact(self.v_dim).enumerate() {
            squares[query % group] += output
                .iter()
                .map(|&x| f64::from(x) * f64::from(x))
                .sum::<f64>();
        }
        squares
    }

    /// Passes the dot products of tokens and queries, `[tokens, lanes]`, to `take` in portions, together with the same
    /// portions of the weights.
    fn logits(&mut self, rows: &Rows, values: &[f32], take: &mut dyn FnMut(&mut [f32], &[f32])) {
        let mut portion = vec![0.0; TOKENS * self.lanes];
        let mut buffer = vec![0.0; TOKENS * self.dim];
        for (index, weights) in self.weights.chunks_mut(TOKENS * self.lanes).enumerate() {
            let first = self.tokens.start + index * TOKENS;
            let count = weights.len() / self.lanes;
            rows.read(values, first..first + count, &mut buffer);
            dots(&buffer, &self.q, self.dim, self.lanes, &mut portion);
            take(weights, &portion[..count * self.lanes]);
        }
    }

    /// Change of the weights with another K.
    fn weight_changes(
        &self,
        rows: &Rows,
        cache: &Cache,
        k: &[f32],
        softcap: Option<f32>,
    ) -> Vec<f32> {
        let rows = rows.differences(cache.k);
        let mut changes = vec![0.0; self.weights.len()];
        let mut buffer = vec![0.0; TOKENS * self.dim];
        let mut portion = vec![0.0; TOKENS * self.lanes];
        for (index, changes) in changes.chunks_mut(TOKENS * self.lanes).enumerate() {
            let first = self.tokens.start + index * TOKENS;
            let count = changes.len() / self.lanes;
            rows.read(k, first..first + count, &mut buffer);
            dots(&buffer, &self.q, self.dim, self.lanes, &mut portion);
            changes.copy_from_slice(&portion[..changes.len()]);
        }
        if let Some(cap) = softcap {
            for (change, logit) in changes.iter_mut().zip(&self.logits) {
                *change = cap * (tanh((logit + *change) / cap) - tanh(logit / cap));
            }
        }
        reweight(&self.weights, &mut changes, self.lanes);
        changes
    }

    /// Weights times values, `[queries, v_dim]`.
    fn outputs_of(&self, weights: &[f32], rows: &Rows, values: &[f32]) -> Vec<f32> {
        let width = self.v_dim.next_multiple_of(LANES);
        let mut sums = vec![0.0; self.lanes * width];
        let mut buffer = vec![0.0; STRETCH * width];
        for (index, weights) in weights.chunks(STRETCH * self.lanes).enumerate() {
            let first = self.tokens.start + index * STRETCH;
            let count = weights.len() / self.lanes;
            rows.read_padded(values, first..first + count, width, &mut buffer);
            accumulate(
                weights,
                &buffer[..count * width],
                self.lanes,
                width,
                &mut sums,
            );
        }
        let vectors = sums.chunks_exact(width).take(self.queries);
        vectors
            .flat_map(|vector| &vector[..self.v_dim])
            .copied()
            .collect()
    }
}

/// Vectors of one KV head among those of all heads, optionally as differences from captured ones.
struct Rows<'a> {
    stride: usize,
    offset: usize,
    dim: usize,
    captured: Option<&'a [f32]>,
}

impl<'a> Rows<'a> {
    fn of_k(cache: &Cache, head: usize) -> Self {
        Self::new(cache.kv_heads, cache.head_dim, head)
    }

    fn of_v(cache: &Cache, head: usize) -> Self {
        Self::new(cache.kv_heads, cache.v_head_dim, head)
    }

    fn new(heads: usize, dim: usize, head: usize) -> Self {
        Self {
            stride: heads * dim,
            offset: head * dim,
            dim,
            captured: None,
        }
    }

    fn differences(&self, captured: &'a [f32]) -> Self {
        Self {
            captured: Some(captured),
            ..*self
        }
    }

    /// Writes the vectors of these tokens to `out`, one after the other.
    fn read(&self, values: &[f32], tokens: Range<usize>, out: &mut [f32]) {
        self.read_padded(values, tokens, self.dim, out);
    }

    fn read_padded(&self, values: &[f32], tokens: Range<usize>, width: usize, out: &mut [f32]) {
        let first = tokens.start * self.stride + self.offset;
        let rows = Vectors {
            stride: self.stride,
            dim: self.dim,
            count: tokens.len(),
        };
        if rows.count == 0 {
            return;
        }
        match self.captured {
            None => copy(rows, &values[first..], width, out),
            Some(captured) => differences(rows, &captured[first..], &values[first..], width, out),
        }
    }
}

/// Vectors of `dim` values, `stride` values apart.
#[derive(Clone, Copy)]
struct Vectors {
    stride: usize,
    dim: usize,
    count: usize,
}

fn copy(vectors: Vectors, values: &[f32], width: usize, out: &mut [f32]) {
    let Vectors { stride, dim, count } = vectors;
    for vector in 0..count {
        let values = &values[vector * stride..][..dim];
        out[vector * width..][..dim].copy_from_slice(values);
    }
}

/// Element-wise `b - a`.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn differences(vectors: Vectors, a: &[f32], b: &[f32], width: usize, out: &mut [f32]) {
    let Vectors { stride, dim, count } = vectors;
    for vector in 0..count {
        let (a, b) = (&a[vector * stride..][..dim], &b[vector * stride..][..dim]);
        let out = &mut out[vector * width..][..dim];
        for index in 0..dim {
            out[index] = b[index] - a[index];
        }
    }
}

/// Dot products of [`TOKENS`] vectors with all queries, `[TOKENS, lanes]`.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn dots(vectors: &[f32], q: &[f32], dim: usize, lanes: usize, out: &mut [f32]) {
    let (v0, rest) = vectors.split_at(dim);
    let (v1, rest) = rest.split_at(dim);
    let (v2, v3) = rest.split_at(dim);
    for lane in (0..lanes).step_by(LANES) {
        let mut sums = [F32x8::splat(0.0); TOKENS];
        for index in 0..dim {
            let Some(q) = q[index * lanes + lane..].first_chunk() else {
                continue;
            };
            let q = F32x8::of(q);
            sums[0] = sums[0].add(q.mul(F32x8::splat(v0[index])));
            sums[1] = sums[1].add(q.mul(F32x8::splat(v1[index])));
            sums[2] = sums[2].add(q.mul(F32x8::splat(v2[index])));
            sums[3] = sums[3].add(q.mul(F32x8::splat(v3[index])));
        }
        for (token, sum) in sums.iter().enumerate() {
            out[token * lanes + lane..][..LANES].copy_from_slice(&sum.values());
        }
    }
}

/// Adds weights times values to `sums`, `[lanes, width]`: four queries and one or two vectors of columns at a time.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn accumulate(weights: &[f32], values: &[f32], lanes: usize, width: usize, sums: &mut [f32]) {
    for query in (0..lanes).step_by(4) {
        let mut column = 0;
        while column + 2 * LANES <= width {
            accumulate_tile::<2>(weights, values, (lanes, query), (width, column), sums);
            column += 2 * LANES;
        }
        if column < width {
            accumulate_tile::<1>(weights, values, (lanes, query), (width, column), sums);
        }
    }
}

#[inline(always)]
fn accumulate_tile<const N: usize>(
    weights: &[f32],
    values: &[f32],
    (lanes, query): (usize, usize),
    (width, column): (usize, usize),
    sums: &mut [f32],
) {
    let mut sum = [[F32x8::splat(0.0); N]; 4];
    for token in 0..weights.len() / lanes {
        let weights = &weights[token * lanes + query..][..4];
        let values = &values[token * width + column..][..N * LANES];
        let mut vectors = [F32x8::splat(0.0); N];
        for part in 0..N {
            if let Some(values) = values[part * LANES..].first_chunk() {
                vectors[part] = F32x8::of(values);
            }
        }
        for index in 0..4 {
            let weight = F32x8::splat(weights[index]);
            for part in 0..N {
                sum[index][part] = sum[index][part].add(vectors[part].mul(weight));
            }
        }
    }
    for (index, sum) in sum.iter().enumerate() {
        for (part, sum) in sum.iter().enumerate() {
            let at = (query + index) * width + column + part * LANES;
            if let Some(all) = sums[at..].first_chunk_mut() {
                *all = F32x8::of(all).add(*sum).values();
            }
        }
    }
}

/// Turns logits into weights; 0 for tokens that a query does not attend to.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn softmax(logits: &mut [f32], lanes: usize, seen: &[Range<usize>], first: usize) {
    let mut max = vec![f32::NEG_INFINITY; lanes];
    for (token, row) in logits.chunks_exact_mut(lanes).enumerate() {
        for (lane, logit) in row.iter_mut().enumerate() {
            let sees = seen
                .get(lane)
                .is_some_and(|seen| seen.contains(&(first + token)));
            *logit = if sees { *logit } else { f32::NEG_INFINITY };
            max[lane] = max[lane].max(*logit);
        }
    }
    for max in &mut max {
        // A lane without a query attends to nothing.
        *max = if *max == f32::NEG_INFINITY { 0.0 } else { *max };
    }
    let mut sums = vec![0f64; lanes];
    for row in logits.chunks_exact_mut(lanes) {
        for (index, logits) in row.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let at = index * LANES;
            let mut shifted = [0.0; LANES];
            for lane in 0..LANES {
                shifted[lane] = logits[lane] - max[at + lane];
            }
            let weights = exp(shifted);
            for lane in 0..LANES {
                logits[lane] = if logits[lane] == f32::NEG_INFINITY {
                    0.0
                } else {
                    weights[lane]
                };
                sums[at + lane] += f64::from(logits[lane]);
            }
        }
    }
    let factors: Vec<f32> = sums
        .iter()
        .map(|&sum| if sum > 0.0 { (1.0 / sum) as f32 } else { 0.0 })
        .collect();
    for row in logits.chunks_exact_mut(lanes) {
        for (weight, factor) in row.iter_mut().zip(&factors) {
            *weight *= factor;
        }
    }
}

/// Turns changes of logits into changes of weights: w * (e - r) / (1 + r), with e = exp(change) - 1 and r the weighted
/// sum of e.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn reweight(weights: &[f32], changes: &mut [f32], lanes: usize) {
    let mut means = vec![0f32; lanes];
    let mut part = vec![0f32; lanes];
    for (weights, changes) in weights
        .chunks(STRETCH * lanes)
        .zip(changes.chunks_mut(STRETCH * lanes))
    {
        part.fill(0.0);
        let parts = part.as_chunks_mut::<LANES>().0;
        let weights = weights.as_chunks::<LANES>().0;
        let changes = changes.as_chunks_mut::<LANES>().0;
        let vectors = parts.len();
        for token in 0..weights.len() / vectors {
            for (index, part) in parts.iter_mut().enumerate() {
                let at = token * vectors + index;
                changes[at] = exp_m1(changes[at]);
                let product = F32x8::of(&weights[at]).mul(F32x8::of(&changes[at]));
                *part = F32x8::of(part).add(product).values();
            }
        }
        for (mean, part) in means.iter_mut().zip(&part) {
            *mean += part;
        }
    }
    let factors: Vec<f32> = means.iter().map(|mean| 1.0 / (1.0 + mean)).collect();
    let (means, factors) = (&means[..lanes], &factors[..lanes]);
    for token in 0..weights.len() / lanes {
        let weights = &weights[token * lanes..][..lanes];
        let changes = &mut changes[token * lanes..][..lanes];
        for lane in 0..lanes {
            changes[lane] = weights[lane] * (changes[lane] - means[lane]) * factors[lane];
        }
    }
}
