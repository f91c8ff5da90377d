//! A cache whose attention is measured, and the changes to it.

/// K and V of consecutive tokens.
#[derive(Clone, Copy, Debug)]
pub struct Cache<'a> {
    /// Keys, `[tokens, kv_heads, head_dim]`.
    pub k: &'a [f32],
    /// Values, `[tokens, kv_heads, v_head_dim]`.
    pub v: &'a [f32],
    /// Position of the first token.
    pub position: u64,
    /// Number of KV heads.
    pub kv_heads: usize,
    /// Head dimension of K.
    pub head_dim: usize,
    /// Head dimension of V.
    pub v_head_dim: usize,
}

/// Replacement values for a cache, of the same shape.
#[derive(Clone, Copy, Debug)]
pub enum Changed<'a> {
    /// K is replaced.
    K(&'a [f32]),
    /// V is replaced; the attention weights stay the same.
    V(&'a [f32]),
    /// K and V are replaced, in this order.
    Both(&'a [f32], &'a [f32]),
}
