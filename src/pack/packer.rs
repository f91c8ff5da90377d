//! Writes a `.kvz` part by part. The length of its head is known from the start ([`Packer::head_bytes`]), its contents after the last part:
//! a file leaves room for it, a page puts it before the parts.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::PackError;
use super::layers::{BATCH, Layer, layers};
use super::method::{Method, PackOptions};
use super::part;
use crate::codec::encode_smallest;
use crate::dump::{Dump, Queries};
use crate::kvz::{Head, StoredCapture, StoredIndex, StoredLayer, StoredQueries, StoredScheme};
use crate::par;
use crate::scheme::{Kv, Scheme};
use crate::tensor::Tensor;

/// The parts of a `.kvz`, in order.
pub struct Packer {
    dump: Dump,
    options: PackOptions,
    layers: Vec<Layer>,
    index: StoredIndex,
    next_layer: usize,
    next_queries: usize,
    ready: VecDeque<Vec<u8>>,
    parts: Vec<(u64, u32)>,
    notes: Vec<String>,
}

/// Index of the lossless scheme. `recent` is 0 for a layer that has later tokens.
const LOSSLESS_PLACE: usize = 0;
const LAST_PLACE: usize = 1;
const EARLIER_PLACE: usize = 3;

impl Packer {
    /// Plans the file.
    ///
    /// # Errors
    /// When the dump has no captures, or a scheme can't store one of its layers.
    pub fn new(dump: &Dump, options: &PackOptions) -> Result<Self, PackError> {
        let layers = layers(dump);
        if layers.is_empty() {
            return Err(PackError::Nothing);
        }
        for layer in &layers {
            for kv in [Kv::K, Kv::V] {
                let method = options.method(kv);
                if let Method::Scheme(scheme) = method
                    && let Some(unfit) = scheme.unfit(&layer.about(kv))
                {
                    return Err(PackError::Unfit {
                        run: layer.run.clone(),
                        layer: layer.id,
                        scheme: method.to_string(),
                        why: unfit.to_string(),
                    });
                }
            }
        }
        Ok(Self {
            index: index(dump, &layers, options),
            dump: dump.clone(),
            options: options.clone(),
            layers,
            next_layer: 0,
            next_queries: 0,
            ready: VecDeque::new(),
            parts: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Length of the head in bytes.
    ///
    /// # Errors
    /// When the index is too large for the format.
    pub fn head_bytes(&self) -> Result<u64, PackError> {
        Ok(Head::len_of(&self.index)?)
    }

    /// The head; its contents are final once all parts were returned.
    ///
    /// # Errors
    /// When the index is too large for the format.
    pub fn head(&self) -> Result<Vec<u8>, PackError> {
        Ok(Head::write(&self.index, &self.parts)?)
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Number of layers that are stored.
    pub fn layers_done(&self) -> usize {
        self.next_layer
    }

    /// Bytes of K and of V that are stored so far.
    pub fn bytes(&self) -> [u64; 2] {
        let of = |first: usize| {
            let parts = self.parts.iter().take(2 * self.layers.len());
            parts.skip(first).step_by(2).map(|(len, _)| len).sum()
        };
        [of(0), of(1)]
    }

    /// Bytes of queries that are stored so far.
    pub fn query_bytes(&self) -> u64 {
        let parts = self.parts.iter().skip(2 * self.layers.len());
        parts.map(|(len, _)| len).sum()
    }

    /// Layers that are stored otherwise than requested, and why.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn queries(&self) -> &[Arc<Queries>] {
        kept_queries(&self.dump, &self.options)
    }

    /// Stores a batch of layers.
    fn store_layers(&mut self) -> Result<(), PackError> {
        let end = (self.next_layer + BATCH).min(self.layers.len());
        let mut jobs: Vec<(usize, Kv, Tensor)> = Vec::new();
        for number in self.next_layer..end {
            let [k, v] = self.layers[number].load(&self.dump)?;
            jobs.push((number, Kv::K, k));
            jobs.push((number, Kv::V, v));
        }
        for (number, kv, tensor) in &jobs {
            if tensor.non_finite() > 0 && !part::keeps_non_finite(self.options.method(*kv)) {
                let layer = &self.layers[*number];
                self.notes.push(format!(
                    "run {:?}, layer {}: {} holds NaN or infinite values and is stored losslessly",
                    layer.run,
                    layer.id,
                    kv.name()
                ));
                let stored = &mut self.index.layers[*number];
                match kv {
                    Kv::K => stored.k_scheme = LOSSLESS_PLACE,
                    Kv::V => stored.v_scheme = LOSSLESS_PLACE,
                }
            }
        }
        let (layers, index, options) = (&self.layers, &self.index, &self.options);
        let stored = par::map(&jobs, &|(number, kv, tensor)| {
            let layer = &layers[*number];
            let place = match kv {
                Kv::K => index.layers[*number].k_scheme,
                Kv::V => index.layers[*number].v_scheme,
            };
            let method = match place {
                LOSSLESS_PLACE => &Method::Lossless,
                _ => options.method(*kv),
            };
            let about = layer.about(*kv);
            let told;
            let method = match method {
                Method::Scheme(Scheme::Tkc(tkc)) => {
                    told = Method::Scheme(Scheme::Tkc(layer.told(*tkc)));
                    &told
                }
                method => method,
            };
            let bytes = part::encode(method, &index.schemes[place], tensor, &about);
            bytes.map_err(|unfit| PackError::Unfit {
                run: layer.run.clone(),
                layer: layer.id,
                scheme: method.to_string(),
                why: unfit.to_string(),
            })
        });
        for bytes in stored {
            let bytes = bytes?;
            self.note_part(&bytes);
            self.ready.push_back(bytes);
        }
        self.next_layer = end;
        Ok(())
    }

    fn note_part(&mut self, bytes: &[u8]) {
        self.parts
            .push((bytes.len() as u64, crc32fast::hash(bytes)));
    }
}

impl Iterator for Packer {
    type Item = Result<Vec<u8>, PackError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(part) = self.ready.pop_front() {
            return Some(Ok(part));
        }
        if self.next_layer < self.layers.len() {
            return match self.store_layers() {
                Ok(()) => self.ready.pop_front().map(Ok),
                Err(error) => Some(Err(error)),
            };
        }
        let queries = Arc::clone(self.queries().get(self.next_queries)?);
        self.next_queries += 1;
        let loaded = queries.load().map(|tensor| encode_smallest(&tensor));
        if let Ok(bytes) = &loaded {
            self.note_part(bytes);
        }
        Some(loaded.map_err(PackError::from))
    }
}

fn kept_queries<'a>(dump: &'a Dump, options: &PackOptions) -> &'a [Arc<Queries>] {
    if options.queries { &dump.queries } else { &[] }
}

fn index(dump: &Dump, layers: &[Layer], options: &PackOptions) -> StoredIndex {
    let scheme = |method: &Method, recent: u64| StoredScheme {
        name: method.to_string(),
        sinks: options.sinks,
        recent,
    };
    let mut schemes = vec![StoredScheme::lossless()];
    for recent in [options.recent, 0] {
        schemes.push(scheme(&options.k, recent));
        schemes.push(scheme(&options.v, recent));
    }
    let mut names = HashSet::new();
    let mut unique = |folder: &str, start: &str, stem: String| {
        let path = |stem: &str| format!("{folder}{start}{stem}.json");
        let mut name = path(&stem);
        let mut copy = 1;
        while !names.insert(name.clone()) {
            copy += 1;
            name = path(&format!("{stem}_{copy}"));
        }
        name
    };
    let stored = layers.iter().map(|layer| {
        let place = if layer.is_last {
            LAST_PLACE
        } else {
            EARLIER_PLACE
        };
        let captures = layer.captures.iter().map(|&index| {
            let capture = &dump.captures[index];
            let end = capture
                .seq_start
                .saturating_add(capture.shape.seq_len as u64);
            let stem = format!("t{}_{end}", capture.seq_start);
            let path = match capture.meta_path() {
                Some(path) => {
                    let path = path.strip_suffix(".json").unwrap_or(path);
                    unique("", "", path.to_owned())
                }
                None => unique(&folder(&capture.run, capture.layer_id), "meta_", stem),
            };
            StoredCapture {
                path,
                stage: capture.stage.clone(),
                tokens: capture.shape.seq_len,
            }
        });
        StoredLayer {
            run: layer.run.clone(),
            layer_id: layer.id,
            position: layer.position,
            kv_heads: layer.shape.kv_heads,
            head_dim: layer.shape.head_dim,
            v_kv_heads: Some(layer.v_shape.kv_heads).filter(|heads| *heads != layer.shape.kv_heads),
            v_head_dim: Some(layer.v_shape.head_dim).filter(|dim| *dim != layer.shape.head_dim),
            dtype: layer.dtype.name().to_owned(),
            k_scheme: place,
            v_scheme: place + 1,
            captures: captures.collect(),
        }
    });
    let stored: Vec<StoredLayer> = stored.collect();
    let queries = kept_queries(dump, options).iter().map(|queries| {
        let path = match queries.meta_path() {
            Some(path) => unique(
                "",
                "",
                path.strip_suffix(".json").unwrap_or(path).to_owned(),
            ),
            None => unique(
                &folder(&queries.run, queries.layer_id),
                "queries_",
                "q".to_owned(),
            ),
        };
        StoredQueries {
            path,
            fields: query_fields(queries),
        }
    });
    StoredIndex {
        writer: format!("kvlens {}", env!("CARGO_PKG_VERSION")),
        schemes,
        layers: stored,
        queries: queries.collect(),
    }
}

/// A folder for captures that had none; components of the run's name that a path can't have are left out.
fn folder(run: &str, layer: i64) -> String {
    let parts = run.split(['/', '\\', ':', '\0']);
    let parts = parts.filter(|part| !part.chars().all(|c| c == '.'));
    let run: Vec<&str> = parts.collect();
    let run = if run.is_empty() {
        "run".to_owned()
    } else {
        run.join("/")
    };
    format!("{run}/layer_{layer}/")
}

fn query_fields(queries: &Queries) -> Map<String, Value> {
    let mut fields = match serde_json::json!({
        "layer_id": queries.layer_id,
        "run_id": queries.run,
        "positions": queries.positions,
        "q_heads": queries.heads,
        "head_dim": queries.head_dim,
        "bytes_per_elem": queries.dtype.size(),
        "dtype": queries.dtype.name(),
        "scale": queries.attention.scale,
    }) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let attention = &queries.attention;
    let optional = [
        ("rope_theta", attention.rope_theta.map(Value::from)),
        ("sliding_window", attention.sliding_window.map(Value::from)),
        ("logit_softcap", attention.logit_softcap.map(Value::from)),
    ];
    for (name, value) in optional {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    fields
}
