//! Writes a `.kvz` part by part. The length of its head is known from the start ([`Packer::head_bytes`]), its contents after the last part:
//! a file leaves room for it, a page puts it before the parts.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use super::batch::{Batch, Job, LayerJob};
use super::error::PackError;
use super::layers::{BATCH, Layer, layers};
use super::method::{Method, PackOptions};
use super::part;
use crate::dump::{Dump, Queries};
use crate::kvz::{Head, StoredCapture, StoredIndex, StoredLayer, StoredQueries, StoredScheme};
use crate::scheme::Scheme;
use crate::tensor::Kv;

/// The parts of a `.kvz`, in order. As an iterator it gives one after the other; a caller whose thread must not wait takes them apart:
/// [`Packer::read`], [`Batch::store`] on any thread, [`Packer::add`], [`Packer::ready`].
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
    cancel: Arc<AtomicBool>,
}

/// Index of the lossless scheme.
const LOSSLESS_PLACE: usize = 0;
/// Index of K's scheme, which V's follows, for a layer's last tokens.
const LAST_PLACE: usize = 1;
/// The same for tokens that later ones follow: none of them are recent.
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
            for kv in Kv::BOTH {
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
            cancel: Arc::default(),
        })
    }

    /// Stops between two tensors once the flag is set, with [`PackError::Cancelled`].
    #[must_use]
    pub fn cancel(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = flag;
        self
    }

    /// Length of the head in bytes.
    ///
    /// # Errors
    /// When the index can't be written as JSON.
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
        (self.parts.len() / 2).min(self.layers.len())
    }

    /// Whether all parts were taken in and given out.
    pub fn is_done(&self) -> bool {
        self.ready.is_empty() && self.parts.len() == 2 * self.layers.len() + self.queries().len()
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

    /// Reads what is next: at most so many layers, or the queries of one; nothing once everything was read.
    ///
    /// # Errors
    /// When a capture or queries can't be read.
    pub fn read(&mut self, most: usize) -> Result<Option<Batch>, PackError> {
        let end = (self.next_layer + most.max(1)).min(self.layers.len());
        let mut jobs = Vec::new();
        for number in self.next_layer..end {
            let tensors = self.layers[number].load(&self.dump)?;
            for (kv, tensor) in Kv::BOTH.into_iter().zip(tensors) {
                if tensor.non_finite() > 0 && part::needs_finite(self.options.method(kv)) {
                    self.note_lossless(number, kv);
                }
                jobs.push((tensor, Job::Layer(self.job(number, kv))));
            }
        }
        self.next_layer = end;
        if jobs.is_empty()
            && let Some(queries) = self.queries().get(self.next_queries)
        {
            jobs.push((queries.load()?, Job::Queries));
            self.next_queries += 1;
        }
        let batch = Batch {
            jobs,
            cancel: Arc::clone(&self.cancel),
        };
        Ok((!batch.jobs.is_empty()).then_some(batch))
    }

    /// Takes in the parts of a batch, in the order in which batches were read.
    pub fn add(&mut self, parts: Vec<Vec<u8>>) {
        for bytes in parts {
            self.parts
                .push((bytes.len() as u64, crc32fast::hash(&bytes)));
            self.ready.push_back(bytes);
        }
    }

    /// The next part of those that were taken in.
    pub fn ready(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// Stores K or V of a layer losslessly, since packed formats have no place for NaN and infinite values, and says so.
    fn note_lossless(&mut self, number: usize, kv: Kv) {
        let (layer, stored) = (&self.layers[number], &mut self.index.layers[number]);
        self.notes.push(format!(
            "run {:?}, layer {}: {} holds NaN or infinite values and is stored losslessly",
            layer.run,
            layer.id,
            kv.name()
        ));
        match kv {
            Kv::K => stored.k_scheme = LOSSLESS_PLACE,
            Kv::V => stored.v_scheme = LOSSLESS_PLACE,
        }
    }

    /// How K or V of a layer is stored.
    fn job(&self, number: usize, kv: Kv) -> LayerJob {
        let (layer, stored) = (&self.layers[number], &self.index.layers[number]);
        let place = stored.scheme(kv);
        let method = match (place, self.options.method(kv)) {
            (LOSSLESS_PLACE, _) => Method::Lossless,
            (_, Method::Scheme(Scheme::Tkc(tkc))) => Method::Scheme(Scheme::Tkc(layer.told(*tkc))),
            (_, method) => method.clone(),
        };
        LayerJob {
            run: layer.run.clone(),
            layer: layer.id,
            about: layer.about(kv),
            stored: self.index.schemes[place].clone(),
            method,
        }
    }

    /// Stores the next batch.
    fn store(&mut self) -> Result<bool, PackError> {
        let Some(batch) = self.read(BATCH)? else {
            return Ok(false);
        };
        self.add(batch.store()?);
        Ok(true)
    }
}

impl Iterator for Packer {
    type Item = Result<Vec<u8>, PackError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            match self.store() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        self.ready().map(Ok)
    }
}

fn kept_queries<'a>(dump: &'a Dump, options: &PackOptions) -> &'a [Arc<Queries>] {
    if options.queries { &dump.queries } else { &[] }
}

fn index(dump: &Dump, layers: &[Layer], options: &PackOptions) -> StoredIndex {
    let mut paths = Paths::default();
    StoredIndex {
        writer: format!("kvlens {}", env!("CARGO_PKG_VERSION")),
        schemes: schemes(options),
        layers: layers
            .iter()
            .map(|layer| stored_layer(dump, layer, &mut paths))
            .collect(),
        queries: kept_queries(dump, options)
            .iter()
            .map(|queries| StoredQueries {
                path: paths.of(queries.meta_path(), || {
                    format!("{}queries_q", folder(&queries.run, queries.layer_id))
                }),
                fields: query_fields(queries),
            })
            .collect(),
    }
}

/// The schemes that layers refer to, at [`LOSSLESS_PLACE`], [`LAST_PLACE`] and [`EARLIER_PLACE`].
fn schemes(options: &PackOptions) -> Vec<StoredScheme> {
    let mut schemes = vec![StoredScheme::lossless()];
    for recent in [options.recent, 0] {
        schemes.extend(Kv::BOTH.map(|kv| StoredScheme {
            name: options.method(kv).to_string(),
            sinks: options.sinks,
            recent,
        }));
    }
    schemes
}

fn stored_layer(dump: &Dump, layer: &Layer, paths: &mut Paths) -> StoredLayer {
    let place = if layer.is_last {
        LAST_PLACE
    } else {
        EARLIER_PLACE
    };
    let captures = layer.captures.iter().map(|&index| {
        let capture = &dump.captures[index];
        let (start, tokens) = (capture.seq_start, capture.shape.seq_len);
        let end = start.saturating_add(tokens as u64);
        StoredCapture {
            path: paths.of(capture.meta_path(), || {
                let folder = folder(&capture.run, capture.layer_id);
                format!("{folder}meta_t{start}_{end}")
            }),
            stage: capture.stage.clone(),
            tokens,
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
}

/// The paths that are taken: meta files of two archives may have the same one.
#[derive(Default)]
struct Paths(HashSet<String>);

impl Paths {
    /// The path of a meta file, or a new one for what had none; with a number where it is taken.
    fn of(&mut self, meta: Option<&str>, new: impl FnOnce() -> String) -> String {
        let stem = meta.map_or_else(new, |path| {
            path.strip_suffix(".json").unwrap_or(path).to_owned()
        });
        let mut path = format!("{stem}.json");
        let mut copy = 1;
        while !self.0.insert(path.clone()) {
            copy += 1;
            path = format!("{stem}_{copy}.json");
        }
        path
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
