//! Alternatives to the coded scheme that may be smaller within the limit: lossless, and packed formats. With few tokens, means and norms
//! weigh more than scales; under a very tight limit, lossless may be smallest.

use super::error::PackError;
use super::layers::{BATCH, Layer};
use super::limit::Limit;
use super::measure::{self, OfSide};
use super::method::Method;
use super::part;
use super::search::{Progress, Search};
use crate::codec::smallest_size;
use crate::par;
use crate::scheme::Scheme;
use crate::tensor::{Kv, Tensor};

/// Packed formats of every width.
const PACKED: [&str; 13] = [
    "q8_0",
    "q5_1",
    "q5_0",
    "q4_1",
    "q4_0",
    "int:b=8,per=channel,sym",
    "int:b=6,per=channel,asym",
    "int:b=4,per=channel,asym",
    "int:b=4,per=g32,asym",
    "nvfp4",
    "turbo4",
    "turbo3",
    "turbo2",
];

/// Results of a method on K or on V of some layers.
struct Tried {
    bytes: u64,
    sides: Vec<OfSide>,
}

impl Search<'_> {
    /// For K and for V, a method that takes fewer bytes on some layers than that of `methods`, at an error that the limit allows.
    pub(super) fn smaller(
        &self,
        layers: &[&Layer],
        methods: &[Method; 2],
        progress: &mut Progress,
    ) -> Result<[Option<Method>; 2], PackError> {
        let all = Kv::BOTH.map(|kv| {
            let packed = PACKED.iter().filter_map(|name| name.parse::<Scheme>().ok());
            let fits = |scheme: &Scheme| {
                let mut layers = self.layers.iter();
                layers.all(|layer| scheme.unfit(&layer.about(kv)).is_none())
            };
            let own = methods[kv].clone();
            let mut all = vec![own, Method::Lossless];
            all.extend(packed.filter(fits).map(Method::Scheme));
            all
        });
        let mut tried = all
            .each_ref()
            .map(|all| all.iter().map(|_| Tried::new()).collect::<Vec<_>>());
        for batch in layers.chunks(BATCH) {
            progress.layers(batch.len())?;
            let found = par::map(batch, &|layer: &&Layer| self.try_methods(layer, &all));
            for layer in found {
                for (tried, found) in tried.iter_mut().zip(layer?) {
                    for (tried, (of, bytes)) in tried.iter_mut().zip(found) {
                        tried.bytes += bytes;
                        tried.sides.push(of);
                    }
                }
            }
        }
        let mut best = [None, None];
        for kv in Kv::BOTH {
            let share = |tried: &Tried| {
                let sides = tried.sides.iter().copied();
                self.limit.share_of(&measure::mean_of_sides(sides))
            };
            let own = &tried[kv][0];
            let most = match self.limit {
                Limit::MinCosine(_) => 1.0,
                _ => share(own)?,
            };
            let mut least = own.bytes;
            for (method, tried) in all[kv].iter().zip(&tried[kv]).skip(1) {
                if tried.bytes < least && share(tried)? <= most {
                    least = tried.bytes;
                    best[kv] = Some(method.clone());
                }
            }
        }
        Ok(best)
    }

    /// Errors and bytes of each method, on K and on V of a layer.
    fn try_methods(
        &self,
        layer: &Layer,
        methods: &[Vec<Method>; 2],
    ) -> Result<[Vec<(OfSide, u64)>; 2], PackError> {
        self.each_alone(layer, &|kv, tensor, values, errors| {
            let methods = methods[kv].iter();
            methods
                .map(|method| {
                    let (restored, bytes) = self.treated(layer, kv, (tensor, values), method);
                    (errors(&restored), bytes)
                })
                .collect()
        })
    }

    /// The values after decoding, and the stored bytes.
    fn treated(
        &self,
        layer: &Layer,
        kv: Kv,
        (tensor, values): (&Tensor, &[f32]),
        method: &Method,
    ) -> (Vec<f32>, u64) {
        match method {
            Method::Lossless => (values.to_vec(), smallest_size(tensor)),
            Method::Scheme(scheme) => {
                let scheme = match scheme {
                    Scheme::Tkc(tkc) => Scheme::Tkc(layer.told(*tkc)),
                    scheme => scheme.clone(),
                };
                let recipe = part::recipe(&scheme, self.options.sinks, self.recent(layer));
                let restored = recipe.restore(values, &layer.about(kv));
                (restored.values, restored.bytes)
            }
        }
    }
}

impl Tried {
    fn new() -> Self {
        Self {
            bytes: 0,
            sides: Vec::new(),
        }
    }
}
