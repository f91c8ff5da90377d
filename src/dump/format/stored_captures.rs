//! What `convert` writes into the metadata of a `.safetensors` file, so that reading it yields the same captures: path
//! (and thus the order), layer, stage, run and position. Other readers see ordinary tensors named
//! `run/layer_0/t0_128.k`.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::stored::{array, inside};
use crate::dump::arrays::array::{Array, ArrayGroup, Element, shape_text};
use crate::dump::bytes::place::Place;
use crate::dump::capture::Capture;
use crate::dump::problem::{Fault, Problem, Problems, shorten};
use crate::tensor::Shape;

/// Key of the metadata entry.
pub(crate) const KEY: &str = "kvlens.captures";

/// A capture as described in the metadata.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredCapture {
    /// Path of the meta file, whether or not it existed.
    pub path: String,
    pub run: String,
    pub layer_id: i64,
    pub stage: String,
    pub seq_start: u64,
    /// Name of K's tensor, of shape `[seq_len, kv_heads, head_dim]`, like V's.
    pub k: String,
    pub v: String,
}

/// Captures that the metadata `json` of `group` describes.
pub(super) fn captures(
    group: &ArrayGroup,
    json: &str,
    problems: &mut Problems,
) -> Vec<Arc<Capture>> {
    let stored: Vec<StoredCapture> = match serde_json::from_str(json) {
        Ok(stored) => stored,
        Err(error) => {
            problems.push(Problem::new(
                &group.path,
                Fault::Broken(format!("its {KEY} is not valid: {error}")),
            ));
            return Vec::new();
        }
    };
    let by_name: HashMap<&str, &Array> = group
        .arrays
        .iter()
        .map(|array| (array.name.as_str(), array))
        .collect();
    let mut captures = Vec::new();
    for stored in stored {
        match capture(group, &by_name, stored) {
            Ok(capture) => captures.push(Arc::new(capture)),
            Err(problem) => problems.push(problem),
        }
    }
    captures
}

fn capture(
    group: &ArrayGroup,
    by_name: &HashMap<&str, &Array>,
    stored: StoredCapture,
) -> Result<Capture, Problem> {
    let file = format!("{}/{}", group.path, shorten(&stored.path));
    let at_file = |fault| Problem::new(&file, fault);
    let inner = inside(&stored.path).map_err(at_file)?;
    let k = array(by_name, "k", &stored.k).map_err(at_file)?;
    let v = array(by_name, "v", &stored.v).map_err(at_file)?;
    let wrong = |found: &Array, expected: &str| {
        Problem::field(
            &file,
            "shape",
            format!("{} {}", found.element.name(), shape_text(&found.shape)),
            expected,
        )
    };
    let shape = |of: &Array| {
        let sizes = of.shape.iter().map(|&size| usize::try_from(size).ok());
        let sizes: Option<Vec<usize>> = sizes.collect();
        let (Element::Known(dtype), Some(&[seq_len, kv_heads, head_dim])) =
            (&of.element, sizes.as_deref())
        else {
            return Err(wrong(of, "fp16, bf16, fp32 or fp8 with 3 axes"));
        };
        let shape = Shape {
            seq_len,
            kv_heads,
            head_dim,
        };
        match shape.bytes(*dtype) {
            Some(_) => Ok((shape, *dtype)),
            None => Err(wrong(of, "a size that this machine can address")),
        }
    };
    let ((shape, dtype), (v_shape, v_dtype)) = (shape(k)?, shape(v)?);
    if shape.seq_len != v_shape.seq_len || dtype != v_dtype {
        return Err(wrong(v, "that of K"));
    }
    let StoredCapture {
        run,
        layer_id,
        stage,
        seq_start,
        ..
    } = stored;
    let path = format!("{}/{inner}", group.path);
    let (k, v) = (Place::plain(k.span.clone()), Place::plain(v.span.clone()));
    Ok(Capture {
        path,
        inner: Some(inner),
        run,
        layer_id,
        stage,
        seq_start,
        shape,
        v_shape,
        dtype,
        k,
        v,
    })
}
