//! Mixed: the first N layers lossless, the rest truncated or quantized.

use super::common::{QUANT_BITS, choices, method, when};
use super::gather::Gather;
use super::rows::{CaptureInfo, Group, Report, ReportFile, Row, Variant};
use super::settings::{Kind, ParamSpec, Settings, Value};
use super::streams::{Streams, both};
use super::tally::Collected;
use super::{Analysis, Fold, MeasureError};
use crate::lossy::{quantize, truncate};
use crate::metrics::{Errors, errors};
use crate::report::csv::{Csv, boolean};
use crate::report::float::{fixed, text};
use crate::tensor::Tensor;
use std::sync::Arc;

/// The command line's name.
pub const NAME: &str = "mixed";

/// The errors of the lossy rows, where there are any.
pub const ERRORS_FILE: &str = "lossy_error_metrics.csv";

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let methods = choices(&[("truncate", "Truncate"), ("quant", "Quantize")]);
    vec![
        method(
            "lossy-method",
            "Method",
            "What the layers beyond the lossless ones go through: mantissa bits cut off, or uniform steps with one scale a tensor.",
            "",
            Kind::Choice { choices: methods },
            Value::text("truncate"),
        ),
        when(
            method(
                "lossy-mantissa-bits",
                "Mantissa bits",
                "Mantissa bits that are kept; fp16 has 10, bf16 7, fp32 23.",
                "bits",
                Kind::Int { min: 0, max: 23 },
                Value::Int(6),
            ),
            "lossy-method",
            &["truncate"],
        ),
        when(
            method(
                "lossy-bits",
                "Bits",
                "Quantizer bits: values become multiples of max|x| / (2^(bits-1) - 1).",
                "bits",
                QUANT_BITS,
                Value::Int(8),
            ),
            "lossy-method",
            &["quant"],
        ),
    ]
}

#[derive(Clone, Copy)]
enum Method {
    Truncate(u32),
    Quant(u32),
}

/// The mixed analysis.
pub struct Mixed {
    settings: Settings,
    streams: Streams,
    method: Method,
    lossless: Arc<Variant>,
    lossy: Arc<Variant>,
}

impl Mixed {
    /// With these settings.
    pub fn new(settings: Settings, verify: bool) -> Self {
        let bits = |flag| settings.int(flag) as u32;
        let (method, bits) = match settings.text("lossy-method") {
            "quant" => (Method::Quant(bits("lossy-bits")), bits("lossy-bits")),
            _ => (
                Method::Truncate(bits("lossy-mantissa-bits")),
                bits("lossy-mantissa-bits"),
            ),
        };
        let lossy = Variant::new(settings.text("lossy-method"), i64::from(bits));
        Self {
            streams: Streams::new(&settings, verify),
            settings,
            method,
            lossless: Arc::new(Variant::new("lossless", 0)),
            lossy: Arc::new(lossy),
        }
    }
}

impl Analysis for Mixed {
    fn selects(&self, _: &CaptureInfo) -> bool {
        true
    }

    fn combinations(&self) -> usize {
        1
    }

    fn measure(
        &self,
        capture: &Arc<CaptureInfo>,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Vec<Row>, MeasureError> {
        let lossless = self.streams.keeps(capture.layer_id);
        let (k, v) = both(k, v, |captured| {
            if lossless {
                return self.streams.lossless(captured);
            }
            let values = match self.method {
                Method::Truncate(bits) => truncate(captured.tensor, bits),
                Method::Quant(bits) => quantize(captured.tensor, bits),
            };
            let errors = errors(captured.tensor, [&values].as_slice());
            Ok(captured.row(
                self.streams.lossy(captured, &values)?,
                0,
                errors.first().copied(),
            ))
        })?;
        let variant = Arc::clone(if lossless {
            &self.lossless
        } else {
            &self.lossy
        });
        Ok(vec![Row {
            capture: Arc::clone(capture),
            lossless,
            variant,
            k,
            v,
        }])
    }

    fn fold(&self, _: &str) -> Box<dyn Fold> {
        Box::new(Gather::new(&self.settings, [(*self.lossy).clone()], report))
    }
}

fn report(settings: Settings, collected: Collected) -> Report {
    let rows = collected.rows();
    let groups = collected.groups();
    let mut files = vec![ReportFile::new("mixed_layer_metrics.csv", layers(rows))];
    files.extend(lossy_errors(rows).map(|bytes| ReportFile::new(ERRORS_FILE, bytes)));
    files.push(ReportFile::new(
        "mixed_summary.md",
        summary(&settings, &groups[0]).into_bytes(),
    ));
    collected.report(NAME, settings, groups, Some(0), files)
}

fn layers(rows: &[Row]) -> Vec<u8> {
    let mut csv = Csv::new(
        "layer_id,stage,seq_len,kv_heads,head_dim,bytes_per_elem,lossless,k_ratio,v_ratio",
        "\r\n",
    );
    for row in rows {
        let mut fields = row.capture.fields();
        fields.extend([boolean(row.lossless), text(row.k.ratio), text(row.v.ratio)]);
        csv.line(&fields);
    }
    csv.into_bytes()
}

fn lossy_errors(rows: &[Row]) -> Option<Vec<u8>> {
    let header = "layer_id,stage,seq_len,kv_heads,head_dim,bytes_per_elem,\
                      k_mae,k_rmse,k_max_abs,k_cosine,v_mae,v_rmse,v_max_abs,v_cosine";
    let mut csv = Csv::new(header, "\r\n");
    let mut any = false;
    for row in rows {
        let (Some(k), Some(v)) = (row.k.errors, row.v.errors) else {
            continue;
        };
        let mut fields = row.capture.fields();
        fields.extend(
            [k, v]
                .iter()
                .flat_map(|e| [e.mae, e.rmse, e.max_abs, e.cosine])
                .map(text),
        );
        csv.line(&fields);
        any = true;
    }
    any.then(|| csv.into_bytes())
}

fn summary(settings: &Settings, group: &Group) -> String {
    let (method, bits) = match settings.text("lossy-method") {
        "quant" => (
            "quant",
            format!("Lossy quant bits: {}", settings.int("lossy-bits")),
        ),
        other => (
            other,
            format!(
                "Lossy mantissa bits: {}",
                settings.int("lossy-mantissa-bits")
            ),
        ),
    };
    let ratio = |value| fixed(value, 3);
    let (all, lossless, lossy) = (&group.all, &group.lossless, &group.lossy);
    let mut text = format!(
        "# Mixed Compression Summary\n\n\
             - Lossless first N layers: {}\n\
             - Lossy method: {method}\n\
             - {bits}\n\
             - Compress mode: {}\n\
             - Dumps analyzed: {}\n\n\
             ## Weighted Ratios (overall)\n\
             - Weighted K ratio: {}\n\
             - Weighted V ratio: {}\n\
             - Weighted KV ratio: {}\n\n\
             ## Weighted Ratios (lossless layers)\n- K: {}\n- V: {}\n\n\
             ## Weighted Ratios (lossy layers)\n- K: {}\n- V: {}\n\n",
        settings.int("lossless-first-n"),
        settings.text("compress-mode"),
        all.rows,
        ratio(all.k_ratio),
        ratio(all.v_ratio),
        ratio(all.kv_ratio),
        ratio(lossless.k_ratio),
        ratio(lossless.v_ratio),
        ratio(lossy.k_ratio),
        ratio(lossy.v_ratio),
    );
    if let (Some(k), Some(v)) = (lossy.k_errors, lossy.v_errors) {
        let lines = |name: &str, e: Errors| {
            let [mae, rmse, max_abs, cosine] =
                [e.mae, e.rmse, e.max_abs, e.cosine].map(|value| fixed(value, 6));
            format!(
                "- {name} MAE: {mae}\n- {name} RMSE: {rmse}\n- {name} max_abs (avg): {max_abs}\n- {name} cosine: {cosine}\n"
            )
        };
        text += &format!(
            "## Lossy Error Metrics (weighted by elements)\n{}{}",
            lines("K", k),
            lines("V", v)
        );
    }
    text
}
