//! The packed formats: what is stored for a group, and which values form one.

use super::number::Fp8;

/// Which values form a group, that is share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Per {
    /// All values of the tensor.
    Tensor,
    /// The values of one head over all tokens.
    Head,
    /// The values of one token over all heads.
    Token,
    /// The values of one channel (an index along head_dim of one head) over all tokens.
    Channel,
    /// This many neighbours along head_dim.
    Group(usize),
    /// The values of one head of one token.
    TokenHead,
    /// The values of one channel over this many tokens.
    ChannelGroup(usize),
}

/// What is stored for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// llama.cpp's `q8_0`.
    Q8,
    /// llama.cpp's `q4_0` and `q5_0`; holds the bits of a code.
    Signed(u32),
    /// llama.cpp's `q4_1` and `q5_1`; holds the bits of a code.
    Spanned(u32),
    /// mlx's affine format; holds the bits of a code.
    Mlx(u32),
    /// fp8 of vLLM and TensorRT-LLM, with or without a scale.
    Fp8 { format: Fp8, scaled: bool },
    /// NVFP4; `global` adds a scale of the whole tensor.
    NvFp4 { global: bool },
    /// MXFP8 where `eight`, else MXFP4.
    Mx { eight: bool },
    /// Integers with fp16 scales.
    Int { bits: u32, symmetric: bool },
    /// TurboQuant: levels for normally distributed values; holds the bits of a code.
    Turbo(u32),
}

/// A packed format for a whole tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    pub(super) format: Format,
    /// Which values share a scale: for keys, and for values.
    pub(super) per: [Per; 2],
    /// Whether a Hadamard transform is applied first.
    pub(super) hadamard: bool,
}
