//! One vector of a tensor as values and bits, what a lossy setting makes of it, and what that does to the tensor's planes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{PlanePicture, plane_pictures};
use crate::codec::{delta, split, zstd};
use crate::lossy;
use crate::metrics::{Errors, errors};
use crate::tensor::{Dtype, Tensor};

/// Tokens that a [`Window`] shows at most.
const WINDOW: usize = 64;

/// What a lesson makes of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// Nothing: lossless.
    None,
    /// Keep so many mantissa bits.
    Truncate,
    /// Round to so many mantissa bits, to nearest.
    Round,
    /// Symmetric quantization with so many bits, one scale for the tensor.
    Quant,
}

/// Which vector to look at, and under which setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LessonRequest {
    /// Index of the token.
    pub token: usize,
    /// Index of the head.
    pub head: usize,
    /// What is done to the values.
    pub method: Method,
    /// Mantissa bits (0 to 23) or quantizer bits (2 to 16).
    pub bits: u32,
    /// Of zstd.
    pub level: i32,
}

/// Why there is no such lesson.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LessonError {
    /// No such token or head.
    #[error("{what} {index} of a tensor with {count}")]
    OutOfRange {
        /// `token` or `head`.
        what: &'static str,
        /// Asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Attention over values that are not finite is not finite.
    #[error("{0} NaN or infinite values, over which there is no attention")]
    NonFinite(u64),
    /// Not that many bits.
    #[error("{bits} bits, where {min} to {max} are possible")]
    Bits {
        /// Asked for.
        bits: u32,
        /// Least.
        min: u32,
        /// Greatest.
        max: u32,
    },
}

/// One vector under one setting, and the planes of its tensor before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Lesson {
    /// `fp16`, `bf16` or `fp32`.
    pub dtype: &'static str,
    /// Sign, exponent and mantissa bits of an element.
    pub layout: [u32; 3],
    /// Tokens of the tensor.
    pub seq_len: usize,
    /// Heads of the tensor.
    pub kv_heads: usize,
    /// Elements of one head's vector.
    pub head_dim: usize,
    /// Bytes of the tensor.
    pub raw_bytes: usize,
    /// Length of the zstd frame of all raw bytes, planes not apart.
    pub whole: usize,
    /// The vector.
    pub values: Vec<LessonValue>,
    /// The tensor's planes as captured.
    pub before: [PlanePicture; 2],
    /// Its planes under the setting.
    pub after: [PlanePicture; 2],
    /// Error of the whole tensor under the setting.
    pub errors: Errors,
    /// High bytes of the head around the token.
    pub window: Window,
}

/// A value before and after.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LessonValue {
    /// As captured; it may be NaN or infinite.
    pub value: f32,
    /// Its bits, in the low `dtype` bits.
    pub bits: u32,
    /// Under the setting.
    pub restored: f32,
    /// Bits of `restored`.
    pub restored_bits: u32,
}

/// The top byte of each element of one head, token by token, before and after the delta along the tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Index of the first token shown.
    pub first_token: usize,
    /// A row a token, `head_dim` bytes each.
    pub plain: Vec<Vec<u8>>,
    /// The same after the delta.
    pub delta: Vec<Vec<u8>>,
}

impl Lesson {
    /// The lesson on `tensor`.
    ///
    /// # Errors
    /// When there is no such token, head or number of bits.
    pub fn of(tensor: &Tensor, request: LessonRequest) -> Result<Self, LessonError> {
        let shape = tensor.shape();
        within("token", request.token, shape.seq_len)?;
        within("head", request.head, shape.kv_heads)?;
        let restored = changed(tensor, request.method, request.bits)?;
        let before = plane_pictures(tensor, request.level);
        Ok(Self {
            dtype: tensor.dtype().name(),
            layout: layout(tensor.dtype()),
            seq_len: shape.seq_len,
            kv_heads: shape.kv_heads,
            head_dim: shape.head_dim,
            raw_bytes: tensor.bytes().len(),
            whole: zstd::compressed_size(tensor.bytes(), request.level),
            values: vector(tensor, &restored, request),
            after: match request.method {
                Method::None => before.clone(),
                _ => plane_pictures(&restored, request.level),
            },
            before,
            errors: errors(tensor, &[&restored][..])[0],
            window: window(tensor, request),
        })
    }
}

fn within(what: &'static str, index: usize, count: usize) -> Result<(), LessonError> {
    if index < count {
        Ok(())
    } else {
        Err(LessonError::OutOfRange { what, index, count })
    }
}

/// What a method makes of a tensor.
pub(super) fn changed(tensor: &Tensor, method: Method, bits: u32) -> Result<Tensor, LessonError> {
    let asked = bits;
    let bits = |min, max| {
        if (min..=max).contains(&asked) {
            Ok(asked)
        } else {
            Err(LessonError::Bits {
                bits: asked,
                min,
                max,
            })
        }
    };
    Ok(match method {
        Method::None => tensor.clone(),
        Method::Truncate => lossy::truncate(tensor, bits(0, 23)?),
        Method::Round => lossy::round_mantissa(tensor, bits(0, 23)?),
        Method::Quant => lossy::quantize(tensor, bits(2, 16)?),
    })
}

const fn layout(dtype: Dtype) -> [u32; 3] {
    match dtype {
        Dtype::F16 => [1, 5, 10],
        Dtype::Bf16 => [1, 8, 7],
        Dtype::F32 => [1, 8, 23],
        Dtype::E4m3 => [1, 4, 3],
        Dtype::E5m2 => [1, 5, 2],
    }
}

fn vector(tensor: &Tensor, restored: &Tensor, request: LessonRequest) -> Vec<LessonValue> {
    let head_dim = tensor.shape().head_dim;
    let start = request.token * tensor.shape().token_elements() + request.head * head_dim;
    let read = |tensor: &Tensor| {
        let mut values = vec![0.0; head_dim];
        tensor.read_values(start, &mut values);
        let size = tensor.dtype().size();
        let bytes = &tensor.bytes()[start * size..][..head_dim * size];
        let bits = bytes
            .chunks_exact(size)
            .map(|element| {
                element
                    .iter()
                    .rev()
                    .fold(0, |bits, &byte| bits << 8 | u32::from(byte))
            })
            .collect::<Vec<u32>>();
        values.into_iter().zip(bits)
    };
    read(tensor)
        .zip(read(restored))
        .map(|((value, bits), (restored, restored_bits))| LessonValue {
            value,
            bits,
            restored,
            restored_bits,
        })
        .collect()
}

fn window(tensor: &Tensor, request: LessonRequest) -> Window {
    let shape = tensor.shape();
    let (mut hi, _) = split(tensor);
    // An fp32 half has two bytes: the upper one is shown.
    let half = tensor.dtype().size().div_ceil(2);
    let first_token = request
        .token
        .saturating_sub(WINDOW / 2)
        .min(shape.seq_len.saturating_sub(WINDOW));
    let rows = |plane: &[u8]| -> Vec<Vec<u8>> {
        plane
            .chunks_exact(shape.token_elements() * half)
            .skip(first_token)
            .take(WINDOW)
            .map(|token| {
                token[request.head * shape.head_dim * half..][..shape.head_dim * half]
                    .chunks_exact(half)
                    .map(|element| element[half - 1])
                    .collect()
            })
            .collect()
    };
    let plain = rows(&hi);
    delta(&mut hi, tensor.dtype(), shape);
    Window {
        first_token,
        plain,
        delta: rows(&hi),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::tests::ramp;
    use crate::tensor::f16_to_f32;

    fn request(method: Method, bits: u32) -> LessonRequest {
        LessonRequest {
            token: 3,
            head: 1,
            method,
            bits,
            level: 3,
        }
    }

    #[test]
    fn the_vector_is_the_token_and_head_asked_for() {
        let tensor = ramp(40);
        let lesson = Lesson::of(&tensor, request(Method::None, 0)).unwrap();
        assert_eq!(lesson.values.len(), 8);
        let all = tensor.values();
        for (i, shown) in lesson.values.iter().enumerate() {
            assert_eq!(shown.value, all[3 * 16 + 8 + i]);
            assert_eq!(f16_to_f32(shown.bits as u16), shown.value);
            assert_eq!(shown.restored_bits, shown.bits);
        }
        assert_eq!(lesson.before, lesson.after);
        assert_eq!(lesson.errors.max_abs, 0.0);
    }

    #[test]
    fn truncation_clears_the_low_mantissa_bits() {
        let lesson = Lesson::of(&ramp(40), request(Method::Truncate, 4)).unwrap();
        for shown in &lesson.values {
            assert_eq!(shown.restored_bits, shown.bits & 0xffc0);
        }
        assert!(lesson.after[1].plain.zstd < lesson.before[1].plain.zstd);
        assert!(lesson.errors.mae > 0.0);
    }

    #[test]
    fn the_window_shows_the_head_before_and_after_the_delta() {
        let tensor = ramp(100);
        let asked = LessonRequest {
            token: 90,
            ..request(Method::None, 0)
        };
        let window = Lesson::of(&tensor, asked).unwrap().window;
        assert_eq!((window.first_token, window.plain.len()), (36, WINDOW));
        let high =
            |token: usize, channel: usize| tensor.bytes()[((token * 16 + 8 + channel) * 2) + 1];
        assert_eq!(window.plain[5][2], high(41, 2));
        assert_eq!(window.delta[5][2], high(41, 2).wrapping_sub(high(40, 2)));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let refused = |request| Lesson::of(&ramp(2), request).unwrap_err();
        assert_eq!(
            refused(request(Method::None, 0)).to_string(),
            "token 3 of a tensor with 2"
        );
        let bits = LessonRequest {
            token: 0,
            ..request(Method::Quant, 1)
        };
        assert_eq!(
            refused(bits).to_string(),
            "1 bits, where 2 to 16 are possible"
        );
    }
}
