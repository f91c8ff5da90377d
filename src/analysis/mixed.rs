//! Mixed: the first N layers lossless, the rest truncated or quantized.

use super::collect_rows::CollectRows;
use super::compression::{Captured, Compressed, both};
use super::error::MeasureError;
use super::packed_size;
use super::param::{Kind, ParamSpec};
use super::preset::Preset;
use super::report::{CaptureInfo, Group, Report, ReportFile, Row, TensorRow, Variant};
use super::settings::{Settings, SettingsError};
use super::shared_settings::{QUANT_BITS, SharedSettings, with_shared};
use super::spec::{AnalysisSpec, Variants, ready};
use super::unit::{Analysis, Fold, Unit};
use super::value::Choices;
use super::weighted::Collected;
use crate::lossy::{quantize, truncate};
use crate::metrics::{Errors, errors, errors_of_cut};
use crate::numeric::python_float::{fixed, text};
use crate::report::csv::{Csv, boolean};
use crate::tensor::{Kv, Tensor};
use std::sync::Arc;

const NAME: &str = "mixed";

/// Spec of the mixed analysis.
pub fn spec() -> AnalysisSpec {
    AnalysisSpec {
        name: NAME,
        label: "Mixed",
        help: "First N layers lossless, the rest truncated or quantized.",
        variants: Variants::One,
        variant_noun: "method",
        variant_analysis: None,
        measures_lossless: true,
        charts: &["ratio", "bytes", "error"],
        params: params(),
        speed_target: Some(1.5),
        build: |settings| Ok(ready(Mixed::new(MixedSettings::try_from(settings)?))),
    }
}

/// One method, applied to every layer.
pub(super) fn preset(method: Method, bits: u32) -> Preset {
    let settings = [
        ("lossy-method", method.name().to_owned()),
        (method.bits_flag(), bits.to_string()),
    ];
    Preset::of_all_layers(NAME, settings)
}

/// Errors of the lossy rows; written where there are any.
const ERRORS_FILE: &str = "lossy_error_metrics.csv";

fn params() -> Vec<ParamSpec> {
    with_shared(vec![
        ParamSpec::method(
            "lossy-method",
            "Method",
            "What is done to the layers after the lossless ones: mantissa bits are cut, or values quantized uniformly with one scale for each tensor.",
            "",
            Kind::choice::<Method>(),
            Method::Truncate.name(),
        ),
        ParamSpec::method(
            Method::Truncate.bits_flag(),
            "Mantissa bits",
            "Number of mantissa bits that are kept; fp16 has 10, bf16 7, fp32 23, float8 3 or 2.",
            "bits",
            Kind::Int { min: 0, max: 23 },
            6,
        )
        .when("lossy-method", &["truncate"]),
        ParamSpec::method(
            Method::Quantize.bits_flag(),
            "Bits",
            "Quantizer bits: values become multiples of max|x| / (2^(bits-1) - 1).",
            "bits",
            QUANT_BITS,
            8,
        )
        .when("lossy-method", &["quant"]),
    ])
}

/// What is done to the layers after the lossless ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Truncate,
    Quantize,
}

impl Method {
    /// The flag of its number of bits.
    const fn bits_flag(self) -> &'static str {
        match self {
            Self::Truncate => "lossy-mantissa-bits",
            Self::Quantize => "lossy-bits",
        }
    }
}

impl Choices for Method {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Truncate, "truncate", "Truncate"),
        (Self::Quantize, "quant", "Quantize"),
    ];
}

#[derive(Clone, Copy, Debug)]
struct MixedSettings {
    method: Method,
    /// Mantissa bits or quantizer bits, by the method.
    bits: u32,
    shared: SharedSettings,
}

impl TryFrom<&Settings> for MixedSettings {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        let method: Method = settings.read("lossy-method")?;
        Ok(Self {
            method,
            bits: settings.read(method.bits_flag())?,
            shared: settings.try_into()?,
        })
    }
}

struct Mixed {
    settings: MixedSettings,
    lossless: Arc<Variant>,
    lossy: Arc<Variant>,
}

impl Mixed {
    fn new(settings: MixedSettings) -> Self {
        let lossy = Variant::new(settings.method.name(), i64::from(settings.bits));
        Self {
            settings,
            lossless: Arc::new(Variant::new("lossless", 0)),
            lossy: Arc::new(lossy),
        }
    }

    fn lossy(&self, tensor: &Tensor) -> Tensor {
        let MixedSettings { method, bits, .. } = self.settings;
        match method {
            Method::Truncate => truncate(tensor, bits),
            Method::Quantize => quantize(tensor, bits),
        }
    }
}

impl Mixed {
    fn lossy_row(&self, captured: &Captured, values: &Tensor, streams: Compressed) -> TensorRow {
        let MixedSettings { method, bits, .. } = self.settings;
        let tensor = captured.tensor;
        match method {
            Method::Truncate => {
                let packed = packed_size::truncated(tensor, bits);
                let (errors, rounded_mae) = if captured.extras.rounding {
                    let (errors, rounded_mae) = errors_of_cut(tensor, values, bits);
                    (Some(errors), Some(rounded_mae))
                } else {
                    (errors(tensor, [values].as_slice()).first().copied(), None)
                };
                TensorRow {
                    rounded_mae,
                    ..captured.row(streams, 0, errors, Some(packed))
                }
            }
            Method::Quantize => {
                let errors = errors(tensor, [values].as_slice());
                let packed = packed_size::quantized(tensor, bits);
                captured.row(streams, 0, errors.first().copied(), Some(packed))
            }
        }
    }
}

impl Analysis for Mixed {
    type Found = Vec<Row>;

    fn selects(&self, _: &CaptureInfo) -> bool {
        true
    }

    fn measure(&self, unit: &Unit) -> Result<Vec<Row>, MeasureError> {
        let capture = &unit.capture().info;
        let shared = self.settings.shared;
        let lossless = shared.keeps(capture.layer_id);
        let (k, v) = both(unit, |captured| {
            if lossless {
                return shared.compression.lossless(captured);
            }
            let values = self.lossy(captured.tensor);
            let streams = shared.compression.lossy(captured, &values)?;
            Ok(self.lossy_row(captured, &values, streams))
        })?;
        let variant = if lossless {
            &self.lossless
        } else {
            &self.lossy
        };
        Ok(vec![Row {
            capture: Arc::clone(capture),
            lossless,
            variant: Arc::clone(variant),
            k,
            v,
        }])
    }

    fn fold(&self, _: &str) -> Box<dyn Fold<Vec<Row>>> {
        let settings = self.settings;
        let report = move |collected| report(&settings, collected);
        Box::new(CollectRows::new([(*self.lossy).clone()], report))
    }

    fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        if self.settings.shared.keeps(capture.layer_id) {
            vec![tensor.clone()]
        } else {
            vec![self.lossy(tensor)]
        }
    }
}

fn report(settings: &MixedSettings, collected: Collected) -> Report {
    let rows = collected.rows();
    let groups = collected.groups();
    let mut superseded = Vec::new();
    let mut files = vec![ReportFile::new("mixed_layer_metrics.csv", layers(rows))];
    match lossy_errors(rows) {
        Some(bytes) => files.push(ReportFile::new(ERRORS_FILE, bytes)),
        None => superseded.push(ERRORS_FILE),
    }
    let summary = summary(settings, &groups[0]).into_bytes();
    files.push(ReportFile::new("mixed_summary.md", summary));
    Report {
        superseded,
        ..collected.report(groups, Some(0), files)
    }
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

fn summary(settings: &MixedSettings, group: &Group) -> String {
    let bits = match settings.method {
        Method::Truncate => "Lossy mantissa bits",
        Method::Quantize => "Lossy quant bits",
    };
    let ratio = |value| fixed(value, 3);
    let (all, lossless, lossy) = (&group.all, &group.lossless, &group.lossy);
    let mut text = format!(
        "# Mixed Compression Summary\n\n\
             - Lossless first N layers: {}\n\
             - Lossy method: {}\n\
             - {bits}: {}\n\
             - Compress mode: {}\n\
             - Dumps analyzed: {}\n\n\
             ## Weighted Ratios (overall)\n\
             - Weighted K ratio: {}\n\
             - Weighted V ratio: {}\n\
             - Weighted KV ratio: {}\n\n\
             ## Weighted Ratios (lossless layers)\n- K: {}\n- V: {}\n\n\
             ## Weighted Ratios (lossy layers)\n- K: {}\n- V: {}\n\n",
        settings.shared.lossless_first_n,
        settings.method.name(),
        settings.bits,
        settings.shared.compression.mode.name(),
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
        let lines = |kv: Kv, e: Errors| {
            let [mae, rmse, max_abs, cosine] =
                [e.mae, e.rmse, e.max_abs, e.cosine].map(|value| fixed(value, 6));
            format!(
                "- {kv} MAE: {mae}\n- {kv} RMSE: {rmse}\n- {kv} max_abs (avg): {max_abs}\n- {kv} cosine: {cosine}\n"
            )
        };
        text += &format!(
            "## Lossy Error Metrics (weighted by elements)\n{}{}",
            lines(Kv::K, k),
            lines(Kv::V, v)
        );
    }
    text
}
