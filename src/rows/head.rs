//! The description of a rows file, stored as text in the metadata of its schema, where any Arrow reader can show it.

use super::error::RowsError;
use crate::analysis::{Job, JobError, Part, Plan};
use crate::dump::Dump;
use arrow_schema::Metadata;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Key of the metadata.
const KEY: &str = "kvlens";

/// Version of the format; it increases when the meaning of columns or footer changes.
const FORMAT: u32 = 1;

/// What the rows of a file were measured from, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the file format.
    format: u32,
    /// Version of kvlens that measured.
    pub version: String,
    /// Name of the analysis.
    pub analysis: String,
    /// All settings, as flag and text of the command line.
    pub settings: BTreeMap<String, String>,
    /// Whether compressed streams were decoded again and compared.
    pub verify: bool,
    /// The part that was measured, as `3/16`.
    #[serde(with = "part_text")]
    pub part: Part,
    /// Number of captures in the part.
    pub part_captures: u64,
    /// Number of captures in the dump.
    pub dump_captures: u64,
    /// Bytes of K and V in the dump.
    pub dump_bytes: u64,
    /// [`digest`] of the dump, which identifies it.
    pub dump_digest: String,
}

impl Head {
    /// Describes a job on a part of a dump; `plan` covers the captures of that part.
    pub fn new(job: &Job, dump: &Dump, plan: &Plan) -> Self {
        let texts = job.settings().texts();
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            analysis: job.spec().name.to_owned(),
            settings: texts.map(|(flag, text)| (flag.to_owned(), text)).collect(),
            verify: job.verifies(),
            part: job.which_part(),
            part_captures: plan.captures() as u64,
            dump_captures: dump.captures.len() as u64,
            dump_bytes: dump.captures.iter().map(|capture| capture.bytes()).sum(),
            dump_digest: digest(dump),
        }
    }

    /// The job that measured the rows, with reports in `folder`.
    ///
    /// # Errors
    /// When this version has no such analysis or setting.
    pub fn job(&self, folder: &str) -> Result<Job, JobError> {
        let job = Job::new(&self.analysis, &self.settings)?;
        Ok(job.verify(self.verify).folder(folder))
    }

    /// The first difference from another head, as `what: here, there`, among the fields that must agree in all parts of a run.
    pub(super) fn differs(&self, other: &Self) -> Option<String> {
        let pair = |what: &str, here: &dyn ToString, there: &dyn ToString| {
            let (here, there) = (here.to_string(), there.to_string());
            (here != there).then(|| format!("{what} {here}, not {there}"))
        };
        let settings = || {
            let flags = self.settings.keys().chain(other.settings.keys());
            let of = |head: &Self, flag: &String| head.settings.get(flag).cloned();
            flags.into_iter().find_map(|flag| {
                let [here, there] = [self, other].map(|head| of(head, flag).unwrap_or_default());
                pair(&format!("--{flag}"), &here, &there)
            })
        };
        pair("kvlens", &self.version, &other.version)
            .or_else(|| pair("analysis", &self.analysis, &other.analysis))
            .or_else(settings)
            .or_else(|| pair("--verify", &self.verify, &other.verify))
            .or_else(|| {
                let [here, there] =
                    [self, other].map(|head| format!("of {} captures", head.dump_captures));
                pair("a dump", &here, &there)
            })
            .or_else(|| {
                let [here, there] =
                    [self, other].map(|head| format!("of {} bytes", head.dump_bytes));
                pair("a dump", &here, &there)
            })
            .or_else(|| {
                (self.dump_digest != other.dump_digest)
                    .then(|| "a dump whose captures have other paths, shapes or types".to_owned())
            })
            .or_else(|| {
                let [here, there] = [self, other].map(|head| format!("of {}", head.part.of()));
                pair("a part", &here, &there)
            })
    }

    pub(super) fn metadata(&self) -> Metadata {
        // All fields are text, numbers and a map of text, which JSON can always represent.
        let text = serde_json::to_string(self).unwrap_or_default();
        Metadata::from([(KEY, text)])
    }

    pub(super) fn read(metadata: &Metadata) -> Result<Self, RowsError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let text = metadata.get(KEY).ok_or(RowsError::NotRows)?;
        let wrong = |error: serde_json::Error| RowsError::Head(error.to_string());
        let Format { format } = serde_json::from_str(text).map_err(wrong)?;
        if format != FORMAT {
            return Err(RowsError::Format(format));
        }
        serde_json::from_str(text).map_err(wrong)
    }
}

/// A digest of a dump's captures: paths, runs, layers, positions, shapes and types. Values are not read.
pub fn digest(dump: &Dump) -> String {
    let mut hash = Sha256::new();
    for capture in &dump.captures {
        let (k, v) = (capture.shape, capture.v_shape);
        let texts = [
            &capture.path,
            &capture.run,
            &capture.stage,
            capture.dtype.name(),
        ];
        for text in texts {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.update(capture.layer_id.to_le_bytes());
        hash.update(capture.seq_start.to_le_bytes());
        for number in [k.seq_len, k.kv_heads, k.head_dim, v.kv_heads, v.head_dim] {
            hash.update((number as u64).to_le_bytes());
        }
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

mod part_text {
    use crate::analysis::Part;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(part: &Part, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(part)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Part, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
