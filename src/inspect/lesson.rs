//! One vector of a tensor as values and bits, the effect of a lossy setting on it, and on the tensor's planes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{PlanePicture, plane_pictures};
use crate::codec::{delta, split, zstd};
use crate::lossy;
use crate::metrics::{Errors, errors};
use crate::tensor::{Dtype, Tensor};

/// Maximum number of tokens in a [`Window`].
const WINDOW: usize = 64;

/// Lossy method of a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// No change: lossless.
    None,
    /// Truncation of the mantissa.
    Truncate,
    /// Rounding of the mantissa to nearest.
    Round,
    /// Symmetric quantization with one scale per tensor.
    Quant,
}

/// Which vector to show, and under which setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LessonRequest {
    /// Index of the token.
    pub token: usize,
    /// Index of the head.
    pub head: usize,
    /// Lossy method.
    pub method: Method,
    /// Mantissa bits (0 to 23) or quantizer bits (2 to 16).
    pub bits: u32,
    /// Zstd level, -131072 to 22.
    pub level: i32,
}

/// Reason why a request can't be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LessonError {
    /// The tensor has no such token or head.
    #[error("{what} {index} of a tensor with {count}")]
    OutOfRange {
        /// What the index is of: `token` or `head`.
        what: &'static str,
        /// Requested index.
        index: usize,
        /// Number of tokens or heads of the tensor.
        count: usize,
    },
    /// The captured values hold this many NaN or infinite ones, so attention would not be finite.
    #[error("{0} NaN or infinite values, so attention is not computed")]
    NonFinite(u64),
    /// The method does not take this number of bits.
    #[error("{bits} bits, where {min} to {max} are possible")]
    Bits {
        /// Requested number of bits.
        bits: u32,
        /// Smallest number of bits that the method accepts.
        min: u32,
        /// Largest number of bits that the method accepts.
        max: u32,
    },
}

/// One vector under one setting, and the planes of its tensor before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Lesson {
    /// Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
    pub dtype: &'static str,
    /// Number of sign, exponent and mantissa bits in an element.
    pub layout: [u32; 3],
    /// Number of tokens in the tensor.
    pub seq_len: usize,
    /// Number of KV heads in the tensor.
    pub kv_heads: usize,
    /// Head dimension.
    pub head_dim: usize,
    /// Size of the tensor, in bytes.
    pub raw_bytes: usize,
    /// Size in bytes of one zstd frame of all raw bytes, not split into planes.
    pub whole: usize,
    /// Elements of the vector.
    pub values: Vec<LessonValue>,
    /// High and low plane of the tensor as captured.
    pub before: [PlanePicture; 2],
    /// High and low plane of the tensor under the setting.
    pub after: [PlanePicture; 2],
    /// Error of the whole tensor under the setting.
    pub errors: Errors,
    /// High bytes of the head around the token.
    pub window: Window,
}

/// A value before and after the lossy method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LessonValue {
    /// Captured value; may be NaN or infinite.
    pub value: f32,
    /// Bits of the captured value, in the low bits.
    pub bits: u32,
    /// Value under the setting.
    pub restored: f32,
    /// Bits of `restored`, in the low bits.
    pub restored_bits: u32,
}

/// The top byte of each element of one head, token by token, before and after the delta along the tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Index of the first token shown.
    pub first_token: usize,
    /// One row per token, `head_dim` bytes each.
    pub plain: Vec<Vec<u8>>,
    /// The same rows after the delta.
    pub delta: Vec<Vec<u8>>,
}

impl Lesson {
    /// Computes the lesson on `tensor`.
    ///
    /// # Errors
    /// When there is no such token or head, or the method does not take that number of bits.
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

/// Applies a method to a tensor.
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
    // The high half of an fp32 value has two bytes: the upper one is shown.
    let half = tensor.dtype().size().div_ceil(2);
    let first_token = request
        .token
        .saturating_sub(WINDOW / 2)
        .min(shape.seq_len.saturating_sub(WINDOW));
    let rows = |plane: &[u8]| -> Vec<Vec<u8>> {
        plane
            .chunks_exact((shape.token_elements() * half).max(1))
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
    use crate::tensor::{Shape, f16_to_f32};

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
    fn vectors_without_a_value_have_a_lesson() {
        let shape = Shape {
            seq_len: 5,
            kv_heads: 2,
            head_dim: 0,
        };
        let tensor = Tensor::new(Dtype::F16, shape, Vec::new()).unwrap();
        let lesson = Lesson::of(&tensor, request(Method::Quant, 4)).unwrap();
        assert_eq!((lesson.values.len(), lesson.window.plain.len()), (0, 0));
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
