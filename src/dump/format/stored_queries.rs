//! Queries in a `.safetensors` file: tensors `layers.{layer}.q` of shape `[positions, heads, head_dim]`, with
//! `positions` (a JSON list), `scale` and other attention parameters in the metadata, whose values are always text in
//! this format. If there is a single layer, the keys may start with the tensor's name and a dot. Also what `convert`
//! writes, under a key of its own.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::queries::attention;
use super::stored::{array, inside};
use crate::dump::arrays::array::{Array, ArrayGroup, Element, shape_text};
use crate::dump::bytes::place::Place;
use crate::dump::problem::{Fault, Problem, Problems, shorten};
use crate::dump::queries::{AttentionInfo, Queries};

/// Key of the metadata entry that `convert` writes.
pub(crate) const KEY: &str = "kvlens.queries";

/// Queries as described in the metadata that `convert` writes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredQueries {
    /// Path of the describing file, whether or not it existed.
    pub path: String,
    pub run: String,
    pub layer_id: i64,
    pub positions: Vec<u64>,
    #[serde(flatten)]
    pub attention: AttentionInfo,
    /// Name of the tensor.
    pub q: String,
}

/// Separates the queries from a group's arrays.
pub(super) fn take(
    group: &mut ArrayGroup,
    metadata: &HashMap<String, String>,
    problems: &mut Problems,
) -> Vec<Arc<Queries>> {
    let mut found = Vec::new();
    let mut note = |result: Result<Queries, Problem>| match result {
        Ok(queries) => found.push(Arc::new(queries)),
        Err(problem) => problems.push(problem),
    };
    if let Some(json) = metadata.get(KEY) {
        match serde_json::from_str::<Vec<StoredQueries>>(json) {
            Ok(all) => {
                let by_name = group
                    .arrays
                    .iter()
                    .map(|array| (array.name.as_str(), array))
                    .collect();
                all.into_iter()
                    .for_each(|stored| note(restored(&group.path, &by_name, stored)));
            }
            Err(error) => note(Err(Problem::new(
                &group.path,
                Fault::Broken(format!("its {KEY} is not valid: {error}")),
            ))),
        }
        return found;
    }
    let path = group.path.clone();
    let (queries, others): (Vec<Array>, Vec<Array>) = group
        .arrays
        .drain(..)
        .partition(|array| layer_of(&array.name).is_some());
    group.arrays = others;
    for array in queries {
        let file = format!("{path}/{}", shorten(&array.name));
        note(plain(&path, &array, metadata).map_err(|fault| Problem::new(file, fault)));
    }
    found
}

/// Layer number in a tensor name `layers.{layer}.q`.
fn layer_of(name: &str) -> Option<i64> {
    let number = name.strip_prefix("layers.")?.strip_suffix(".q")?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| digits)
}

fn plain(path: &str, array: &Array, metadata: &HashMap<String, String>) -> Result<Queries, Fault> {
    // Metadata values are texts: each is parsed as JSON.
    let mut object = Map::new();
    for field in [
        "positions",
        "scale",
        "rope_theta",
        "sliding_window",
        "logit_softcap",
    ] {
        let own = metadata.get(&format!("{}.{field}", array.name));
        if let Some(text) = own.or_else(|| metadata.get(field)) {
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
            object.insert(field.to_owned(), value);
        }
    }
    let fields = Fields(&object);
    let (positions, attention) = (fields.positions("positions")?, attention(&fields)?);
    made(
        array,
        positions,
        attention,
        format!("{path}/{}", array.name),
        String::new(),
        layer_of(&array.name).unwrap_or(-1),
        None,
    )
}

fn restored(
    group: &str,
    by_name: &HashMap<&str, &Array>,
    stored: StoredQueries,
) -> Result<Queries, Problem> {
    let file = format!("{group}/{}", shorten(&stored.path));
    let at_file = |fault| Problem::new(&file, fault);
    let inner = inside(&stored.path).map_err(at_file)?;
    let array = array(by_name, "q", &stored.q).map_err(at_file)?;
    let attention = checked(stored.attention).map_err(at_file)?;
    let path = format!("{group}/{inner}");
    made(
        array,
        stored.positions,
        attention,
        path,
        stored.run,
        stored.layer_id,
        Some(inner),
    )
    .map_err(at_file)
}

/// Applies the same bounds as for a `queries_*.json`.
fn checked(info: AttentionInfo) -> Result<AttentionInfo, Fault> {
    let value = serde_json::json!({
        "scale": info.scale,
        "rope_theta": info.rope_theta,
        "sliding_window": info.sliding_window,
        "logit_softcap": info.logit_softcap,
    });
    value
        .as_object()
        .map_or(Ok(info), |object| attention(&Fields(object)))
}

fn made(
    array: &Array,
    positions: Vec<u64>,
    attention: AttentionInfo,
    path: String,
    run: String,
    layer_id: i64,
    inner: Option<String>,
) -> Result<Queries, Fault> {
    let sizes: Option<Vec<usize>> = array
        .shape
        .iter()
        .map(|&size| usize::try_from(size).ok())
        .collect();
    let shape = || format!("{} {}", array.element.name(), shape_text(&array.shape));
    let (Element::Known(dtype), Some(&[count, heads, head_dim])) =
        (&array.element, sizes.as_deref())
    else {
        return Err(Fault::field(
            "shape",
            shape(),
            "fp16, bf16, fp32 or fp8 [positions, heads, head_dim]",
        ));
    };
    if count != positions.len() || heads == 0 || head_dim == 0 {
        let expected = format!(
            "[{}, heads, head_dim], as there are positions",
            positions.len()
        );
        return Err(Fault::field("shape", shape(), expected));
    }
    Ok(Queries {
        path,
        run,
        layer_id,
        positions,
        heads,
        head_dim,
        dtype: *dtype,
        attention,
        inner,
        q: Place::plain(array.span.clone()),
    })
}
