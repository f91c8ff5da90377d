//! The bytes of a part: those of a scheme, or zstd frames of a tensor.

use super::method::Method;
use crate::codec::{decode_smallest, encode_smallest};
use crate::kvz::{LOSSLESS, PartDecoder, PartInfo, StoredScheme};
use crate::scheme::{About, Recipe, Scheme, Unfit};
use crate::tensor::Tensor;

/// A scheme, combined with the tokens that stay raw.
pub(super) fn recipe(scheme: &Scheme, sinks: u64, recent: u64) -> Recipe {
    Recipe {
        scheme: scheme.clone(),
        sinks,
        recent,
    }
}

/// Encodes a tensor.
pub(super) fn encode(
    method: &Method,
    stored: &StoredScheme,
    tensor: &Tensor,
    about: &About,
) -> Result<Vec<u8>, Unfit> {
    match method {
        Method::Lossless => Ok(encode_smallest(tensor)),
        Method::Scheme(scheme) => match scheme.unfit(about) {
            Some(unfit) => Err(unfit),
            None => Ok(recipe(scheme, stored.sinks, stored.recent).encode(tensor, about)),
        },
    }
}

/// Whether a method has no place for NaN and infinite values; tensors that have some are stored losslessly then.
pub(super) fn needs_finite(method: &Method) -> bool {
    matches!(method, Method::Scheme(Scheme::Packed(_)))
}

fn decode(info: &PartInfo, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let elements = if info.scheme.name == LOSSLESS {
        decode_smallest(bytes, info.dtype, info.shape).map_err(|error| error.to_string())?
    } else {
        let scheme: Scheme = info
            .scheme
            .name
            .parse()
            .map_err(|error| format!("{error}"))?;
        let about = About {
            kv: info.kv,
            position: info.position,
            shape: info.shape,
            dtype: info.dtype,
        };
        if let Some(unfit) = scheme.unfit(&about) {
            return Err(unfit.to_string());
        }
        let recipe = recipe(&scheme, info.scheme.sinks, info.scheme.recent);
        let tensor = recipe
            .decode(bytes, &about)
            .map_err(|error| error.to_string())?;
        tensor.into_bytes()
    };
    match info.shape.bytes(info.dtype) {
        Some(expected) if expected == elements.len() => Ok(elements),
        _ => Err(format!(
            "{} bytes of elements, which does not match its shape",
            elements.len()
        )),
    }
}

/// The decoder of a `.kvz`'s parts, for [`crate::dump::ScanOptions::part_decoder`].
pub fn decoder() -> PartDecoder {
    PartDecoder::new(decode)
}
