//! Applies a candidate to a tensor: the values after decoding, and the size. The only place that knows how each method is applied.

use super::candidate::{BLOCK, Candidate, Method};
use super::known::{Key, Known};
use super::layer::Piece;
use super::settings::ExploreSettings;
use crate::analysis::packed_size;
use crate::codec::{Mode, compressed_sizes, decode_smallest, encode_smallest, smallest_size};
use crate::lossy::{Blocks, quantize, round_mantissa, truncate};
use crate::scheme::{About, Prepared, Recipe, RopeChoice, Scheme, Tkc};
use crate::tensor::{Kv, Tensor};
use std::ops::Range;

/// Zstd level of the reference's streams.
const LEVEL: i32 = 3;

/// Step for which the coded scheme chooses RoPE and basis, once for all steps of a grid.
pub const MIDDLE_STEP: f64 = 0.155;

/// A tensor after a candidate was applied.
pub struct Treated {
    pub values: Vec<f32>,
    pub bytes: u64,
    /// For the reference's methods, bytes of the same values as packed codes.
    pub packed_bytes: Option<u64>,
}

/// K or V of a piece, with the work that candidates share.
pub struct Side<'a> {
    pub kv: Kv,
    pub about: About,
    tensor: &'a Tensor,
    pub values: &'a [f32],
    members: Vec<&'a Tensor>,
    sinks: u64,
    recent: u64,
    rope: RopeChoice,
    /// The layer, by run and number, and what is known of it.
    layer: (&'a str, i64),
    known: &'a Known,
    prepared: Option<(Recipe, Prepared)>,
}

impl<'a> Side<'a> {
    /// K or V of a piece of a layer, without shared work; `layer` is its run and number.
    pub fn new(
        (piece, layer): (&'a Piece<'a>, (&'a str, i64)),
        kv: Kv,
        settings: &ExploreSettings,
        rope: RopeChoice,
        known: &'a Known,
    ) -> Self {
        let members = piece.members.iter();
        Self {
            kv,
            about: About {
                kv,
                position: piece.position,
                shape: piece.tensors[kv].shape(),
                dtype: piece.tensors[kv].dtype(),
            },
            tensor: &piece.tensors[kv],
            values: &piece.values[kv],
            members: members.map(|member| kv.of(&member.k, &member.v)).collect(),
            sinks: settings.sinks,
            recent: if piece.is_last { settings.recent } else { 0 },
            rope,
            layer,
            known,
            prepared: None,
        }
    }

    /// Does the coded scheme's work before rounding once, to be shared by all its steps.
    pub fn prepare(&mut self) {
        self.prepared = Some(self.prepared_near(MIDDLE_STEP));
    }

    /// The tokens that the coded scheme stores, prepared for steps near this one. What was chosen for them is remembered for later passes.
    pub fn prepared_near(&self, step: f64) -> (Recipe, Prepared) {
        let tkc = self.coded(step);
        let key = Key::new(self.layer, self.kv, &tkc);
        let Some(transforms) = self.known.get(&key) else {
            let prepared = self.prepared(tkc, true);
            self.known.add(key, prepared.1.transforms());
            return prepared;
        };
        let recipe = self.recipe(Scheme::Tkc(tkc), true);
        let (body, inner) = recipe.about_values(&self.about);
        let prepared = Prepared::with(&self.values[body], &inner, &tkc, transforms);
        (recipe, prepared)
    }

    /// The tokens that the coded scheme stores, prepared for any step.
    pub fn prepared(&self, tkc: Tkc, keeps_tokens: bool) -> (Recipe, Prepared) {
        let recipe = self.recipe(Scheme::Tkc(tkc), keeps_tokens);
        let (body, inner) = recipe.about_values(&self.about);
        let prepared = Prepared::new(&self.values[body], &inner, &tkc);
        (recipe, prepared)
    }

    /// The coded scheme at a step.
    pub fn coded(&self, step: f64) -> Tkc {
        Tkc {
            rope: if self.kv == Kv::K {
                self.rope
            } else {
                RopeChoice::None
            },
            ..Tkc::new(step)
        }
    }

    /// A scheme, combined with the tokens that stay raw.
    pub fn recipe(&self, scheme: Scheme, keeps_tokens: bool) -> Recipe {
        Recipe {
            scheme,
            sinks: if keeps_tokens { self.sinks } else { 0 },
            recent: if keeps_tokens { self.recent } else { 0 },
        }
    }

    /// Applies a candidate, or returns the reason why it can't store this tensor.
    pub fn treat(&self, candidate: &Candidate) -> Result<Treated, String> {
        if let Some(why) = candidate.unfit(&self.about) {
            return Err(why);
        }
        match &candidate.method {
            Method::Scheme(scheme) => {
                let restored = self
                    .recipe(scheme.clone(), candidate.keeps_tokens)
                    .restore(self.values, &self.about);
                Ok(Treated {
                    values: restored.values,
                    bytes: restored.bytes,
                    packed_bytes: None,
                })
            }
            Method::Lossless => Ok(Treated {
                values: self.values.to_vec(),
                bytes: smallest_size(self.tensor),
                packed_bytes: None,
            }),
            Method::Coded(step) => match &self.prepared {
                Some(prepared) => Ok(self.counted(prepared, *step)),
                None => Ok(self.counted(&self.prepared_near(*step), *step)),
            },
            Method::Truncate(bits) => Ok(self.by_capture(candidate, &|tensor| {
                Stored::of(
                    &truncate(tensor, *bits),
                    packed_size::truncated(tensor, *bits),
                )
            })),
            Method::Round(bits) => Ok(self.by_capture(candidate, &|tensor| {
                Stored::of(
                    &round_mantissa(tensor, *bits),
                    packed_size::truncated(tensor, *bits),
                )
            })),
            Method::Quantize(bits) => Ok(self.by_capture(candidate, &|tensor| {
                Stored::of(
                    &quantize(tensor, *bits),
                    packed_size::codes(tensor, *bits) + 4,
                )
            })),
            Method::BlockNorm(bits) => {
                Ok(self.by_capture(candidate, &|tensor| block_norm(tensor, *bits)))
            }
        }
    }

    /// The coded scheme at a step; its bytes are counted, not written.
    pub fn counted(&self, (recipe, prepared): &(Recipe, Prepared), step: f64) -> Treated {
        let mut values = self.values.to_vec();
        let (body, _) = recipe.about_values(&self.about);
        let raw = (values.len() - body.len()) * self.about.dtype.size();
        let mut bytes = raw as u64;
        // Where all tokens stay raw, nothing else is written.
        if !body.is_empty() {
            bytes += prepared.restore_and_count(step, &mut values[body]);
        }
        Treated {
            values,
            bytes,
            packed_bytes: None,
        }
    }

    /// Values that the coded scheme decodes to, at a step.
    pub fn restored(&self, (recipe, prepared): &(Recipe, Prepared), step: f64) -> Vec<f32> {
        let mut values = self.values.to_vec();
        let (body, _) = recipe.about_values(&self.about);
        prepared.restore(step, &mut values[body]);
        values
    }

    /// Applies a method of the reference capture by capture, to the tokens that do not stay raw.
    fn by_capture(&self, candidate: &Candidate, store: &dyn Fn(&Tensor) -> Stored) -> Treated {
        let recipe = self.recipe(Scheme::Raw, candidate.keeps_tokens);
        let body = recipe.body(&self.about);
        let columns = self.about.shape.token_elements();
        let kept =
            |tokens: Range<usize>| &self.values[tokens.start * columns..tokens.end * columns];
        let (mut values, mut bytes, mut packed_bytes) = (Vec::new(), 0, 0);
        let mut start = 0;
        for tensor in &self.members {
            let end = start + tensor.shape().seq_len;
            let part = body.start.clamp(start, end)..body.end.clamp(start, end);
            let stored = if part.len() == tensor.shape().seq_len {
                store(tensor)
            } else {
                store(&tensor.tokens(part.start - start..part.end - start))
            };
            let raw = (tensor.shape().seq_len - part.len()) * columns * tensor.dtype().size();
            bytes += stored.bytes + raw as u64;
            packed_bytes += stored.packed_bytes + raw as u64;
            if part.len() == self.about.shape.seq_len {
                values = stored.values;
            } else {
                values.extend_from_slice(kept(start..part.start));
                values.extend(stored.values);
                values.extend_from_slice(kept(part.end..end));
            }
            start = end;
        }
        Treated {
            values,
            bytes,
            packed_bytes: Some(packed_bytes),
        }
    }

    /// Writes a candidate's bytes and reads values back from them. The reference's methods are not written.
    ///
    /// # Errors
    /// When the bytes can't be decoded; holds the decoder's error message.
    pub fn write(&self, candidate: &Candidate) -> Result<Treated, String> {
        let recipe = |scheme: Scheme| self.recipe(scheme, candidate.keeps_tokens);
        let (recipe, bytes) = match &candidate.method {
            Method::Scheme(scheme) => {
                let recipe = recipe(scheme.clone());
                let bytes = recipe.encode(self.tensor, &self.about);
                (recipe, bytes)
            }
            Method::Coded(step) => {
                let recipe = recipe(Scheme::Tkc(self.coded(*step)));
                let encode = |_: &Tensor, _: &About| self.prepared_near(*step).1.encode(*step);
                let bytes = recipe.encode_by(self.tensor, &self.about, encode);
                (recipe, bytes)
            }
            Method::Lossless => {
                let bytes = encode_smallest(self.tensor);
                let back = decode_smallest(&bytes, self.about.dtype, self.about.shape);
                let back = back.map_err(|error| error.to_string())?;
                if back != self.tensor.bytes() {
                    return Err("what was read back differs from what was stored".to_owned());
                }
                return Ok(Treated {
                    values: self.values.to_vec(),
                    bytes: bytes.len() as u64,
                    packed_bytes: None,
                });
            }
            _ => return self.treat(candidate),
        };
        let back = recipe
            .decode(&bytes, &self.about)
            .map_err(|error| error.to_string())?;
        Ok(Treated {
            values: back.values(),
            bytes: bytes.len() as u64,
            packed_bytes: None,
        })
    }

    /// Bytes of the tensor as captured.
    pub fn raw_bytes(&self) -> u64 {
        self.tensor.bytes().len() as u64
    }
}

/// A tensor after a method of the reference was applied.
struct Stored {
    values: Vec<f32>,
    bytes: u64,
    packed_bytes: u64,
}

impl Stored {
    /// Values that are compressed in the dump's element type.
    fn of(changed: &Tensor, packed_bytes: u64) -> Self {
        Self {
            values: changed.values(),
            bytes: compressed_sizes(changed, Mode::Gear, LEVEL).total(),
            packed_bytes,
        }
    }
}

/// Block-norm with fp16 scales and no top-k blocks.
fn block_norm(tensor: &Tensor, bits: u32) -> Stored {
    let blocks = Blocks::new(tensor, BLOCK);
    let stored = blocks.store(tensor, bits);
    let scales = 2 * blocks.count() as u64;
    let mut values = vec![0.0; tensor.len()];
    blocks.restore(
        &blocks.stored_scales(true, &[]),
        0,
        &stored.values(),
        &mut values,
    );
    Stored {
        values,
        bytes: compressed_sizes(&stored, Mode::Gear, LEVEL).total() + scales,
        packed_bytes: packed_size::codes(tensor, bits) + scales,
    }
}
