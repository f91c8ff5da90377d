//! Reads a packed dump back and compares it with the original.

use std::collections::HashMap;

use super::error::PackError;
use super::layers::{BATCH, Layer, layers};
use super::measure::{self, Measured};
use super::method::{Method, PackOptions};
use super::part;
use crate::dump::Dump;
use crate::par;
use crate::tensor::Kv;

/// Errors of `packed` against `dump`. `go_on` is called with the number of layers done, and returns whether to continue.
///
/// # Errors
/// When a layer is missing or can't be read, one that is stored losslessly differs by a bit, finite values came back as others, or `go_on`
/// returned false.
pub fn check(
    dump: &Dump,
    packed: &Dump,
    options: &PackOptions,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Result<Measured, PackError> {
    Ok(checked(dump, packed, options, go_on)?.0)
}

/// Like [`check`]; also returns which queries could not be used for the attention error, and why.
pub(super) fn checked(
    dump: &Dump,
    packed: &Dump,
    options: &PackOptions,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Result<(Measured, Vec<String>), PackError> {
    let key = |layer: &Layer| {
        (
            layer.run.clone(),
            layer.id,
            layer.position,
            layer.shape,
            layer.v_shape,
            layer.dtype,
        )
    };
    let mut found: HashMap<_, Vec<Layer>> = HashMap::new();
    for layer in layers(packed).into_iter().rev() {
        found.entry(key(&layer)).or_default().push(layer);
    }
    let mut pairs = Vec::new();
    for layer in layers(dump) {
        let Some(back) = found.get_mut(&key(&layer)).and_then(Vec::pop) else {
            return Err(differs(&layer));
        };
        pairs.push((layer, back));
    }
    let (mut measured, mut unused) = (Vec::new(), Vec::new());
    for batch in pairs.chunks(BATCH) {
        if !go_on(measured.len()) {
            return Err(PackError::Cancelled);
        }
        let batch = par::map(batch, &|(layer, back)| {
            let (tensors, restored) = (layer.load(dump)?, back.load(packed)?);
            for (kv, (tensor, restored)) in Kv::BOTH.into_iter().zip(tensors.iter().zip(&restored))
            {
                let (method, is_finite) = (options.method(kv), tensor.non_finite() == 0);
                let exact =
                    *method == Method::Lossless || (part::needs_finite(method) && !is_finite);
                if exact && tensor != restored {
                    return Err(differs(layer));
                }
                if is_finite && restored.non_finite() > 0 {
                    return Err(PackError::NotFinite {
                        run: layer.run.clone(),
                        layer: layer.id,
                        kv: kv.name(),
                        scheme: method.to_string(),
                    });
                }
            }
            let (queries, unused) = measure::queries(dump, layer)?;
            let values = tensors.each_ref().map(|tensor| tensor.values());
            let restored = restored.each_ref().map(|tensor| tensor.values());
            let errors = measure::layer(dump, layer, &values, &restored, &queries);
            Ok((errors, unused))
        });
        for layer in batch {
            let (errors, of_layer) = layer?;
            measured.push(errors);
            unused.extend(of_layer);
        }
    }
    Ok((measure::means(&measured), unused))
}

fn differs(layer: &Layer) -> PackError {
    PackError::Differs {
        run: layer.run.clone(),
        layer: layer.id,
    }
}
