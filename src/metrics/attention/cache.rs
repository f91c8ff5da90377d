//! A cache whose attention is measured, and what is changed of it.

/// K or V of consecutive tokens.
#[derive(Clone, Copy, Debug)]
pub struct Cache<'a> {
    /// `[tokens, kv_heads, head_dim]`.
    pub k: &'a [f32],
    /// The same of V.
    pub v: &'a [f32],
    /// Position of the first token.
    pub position: u64,
    /// KV heads.
    pub kv_heads: usize,
    /// Elements of a head's vector.
    pub head_dim: usize,
}

/// What is changed of a cache.
#[derive(Clone, Copy, Debug)]
pub enum Changed<'a> {
    /// K alone.
    K(&'a [f32]),
    /// V alone: the weights stay.
    V(&'a [f32]),
    /// Both, K first.
    Both(&'a [f32], &'a [f32]),
}
