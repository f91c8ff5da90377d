//! The bytes of a part: those of a scheme, or zstd frames of a tensor.

use super::method::{LOSSLESS, Method};
use crate::codec::{self, Mode, Planes};
use crate::kvz::{PartDecoder, PartInfo, StoredScheme};
use crate::scheme::{About, Kv, Recipe, Scheme, Unfit};
use crate::tensor::Tensor;

/// The level of zstd: higher ones gain a percent on such values.
const LEVEL: i32 = 3;

/// Layouts that are tried, by the number that tells them.
const MODES: [Mode; 3] = [Mode::Zstd, Mode::Gear, Mode::GearDelta];

/// The number of bytes that are stored as they are.
const PLAIN: u8 = 255;

/// The recipe that a scheme stands for.
pub(super) fn recipe(scheme: &Scheme, sinks: u64, recent: u64) -> Recipe {
    Recipe {
        scheme: scheme.clone(),
        sinks,
        recent,
    }
}

/// The stored bytes.
pub(super) fn encode(
    method: &Method,
    stored: &StoredScheme,
    tensor: &Tensor,
    about: &About,
) -> Result<Vec<u8>, Unfit> {
    match method {
        Method::Lossless => Ok(lossless(tensor)),
        Method::Scheme(scheme) => match scheme.unfit(about) {
            Some(unfit) => Err(unfit),
            None => Ok(recipe(scheme, stored.sinks, stored.recent).encode(tensor, about)),
        },
    }
}

/// Whether a method keeps NaN and infinite values.
pub(super) fn keeps_non_finite(method: &Method) -> bool {
    matches!(
        method,
        Method::Lossless | Method::Scheme(Scheme::Raw | Scheme::Tkc(_))
    )
}

fn lossless(tensor: &Tensor) -> Vec<u8> {
    let packed = MODES.iter().zip(0..).map(|(&mode, number)| {
        let mut out = vec![number];
        match codec::encode(tensor, mode, LEVEL) {
            Planes::Whole(frame) => out.extend(frame),
            Planes::Split { hi, lo } => {
                out.extend((hi.len() as u64).to_le_bytes());
                out.extend(hi);
                out.extend(lo);
            }
        }
        out
    });
    let plain = std::iter::once_with(|| [&[PLAIN], tensor.bytes()].concat());
    packed.chain(plain).min_by_key(Vec::len).unwrap_or_default()
}

fn decode_lossless(bytes: &[u8], info: &PartInfo) -> Result<Vec<u8>, String> {
    let (number, rest) = bytes.split_first().ok_or("no byte")?;
    if *number == PLAIN {
        return Ok(rest.to_vec());
    }
    let mode = *MODES
        .get(usize::from(*number))
        .ok_or("a layout of bytes that is not known")?;
    let frames = if mode == Mode::Zstd {
        Planes::Whole(rest.to_vec())
    } else {
        let (len, rest) = rest.split_first_chunk().ok_or("it ends in its lengths")?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok();
        let (hi, lo) = len
            .and_then(|len| rest.split_at_checked(len))
            .ok_or("it ends in its frames")?;
        Planes::Split {
            hi: hi.to_vec(),
            lo: lo.to_vec(),
        }
    };
    codec::decode(&frames, mode, info.dtype, info.shape).map_err(|error| error.to_string())
}

fn decode(info: &PartInfo, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let elements = if info.scheme.name == LOSSLESS {
        decode_lossless(bytes, info)?
    } else {
        let scheme: Scheme = info
            .scheme
            .name
            .parse()
            .map_err(|error| format!("{error}"))?;
        let about = About {
            kv: if info.is_k { Kv::K } else { Kv::V },
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
            "{} bytes of elements, which its shape does not ask for",
            elements.len()
        )),
    }
}

/// What decodes the parts of a `.kvz`, for [`crate::dump::ScanOptions::part_decoder`].
pub fn decoder() -> PartDecoder {
    PartDecoder::new(decode)
}
