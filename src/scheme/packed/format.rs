//! What packed formats there are: what is stored of a group, and which values make one.

use super::number::Fp8;

/// Which values share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Per {
    /// All values.
    Tensor,
    /// The values of a head, of all tokens.
    Head,
    /// The values of a token, of all heads.
    Token,
    /// The values of a channel (a head's place along head_dim), of all tokens.
    Channel,
    /// So many values along head_dim.
    Group(usize),
    /// The values of a head of a token.
    TokenHead,
    /// A channel's values of so many tokens.
    ChannelGroup(usize),
}

/// What is stored of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// llama.cpp: `q8_0`.
    Q8,
    /// llama.cpp: `q4_0`, `q5_0`.
    Signed(u32),
    /// llama.cpp: `q4_1`, `q5_1`.
    Spanned(u32),
    /// mlx: bits.
    Mlx(u32),
    /// vLLM, TensorRT-LLM.
    Fp8 { format: Fp8, scaled: bool },
    /// NVFP4; with a scale of the whole tensor too.
    NvFp4 { global: bool },
    /// MXFP4, or MXFP8.
    Mx { eight: bool },
    /// Integers with fp16 scales.
    Int { bits: u32, symmetric: bool },
    /// Levels for normal values.
    Turbo(u32),
}

/// A packed format, for all of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    pub(super) format: Format,
    /// Which values share a scale: of keys, and of values.
    pub(super) per: [Per; 2],
    /// Whether a Hadamard transform goes before.
    pub(super) hadamard: bool,
}
