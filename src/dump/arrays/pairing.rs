//! Joins each K with its V, and makes captures of the two.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::array::{Array, Element, shape_text};
use super::axes::{Axes, Axis};
use super::mapping::Mapping;
use super::members::{Member, Understood};
use super::named::{Kv, Named};
use super::placing::{Index, place};
use crate::dump::capture::Capture;
use crate::dump::problem::{Fault, Problem, shorten};
use crate::tensor::{Dtype, Shape};

/// Joins each K with its V.
pub(super) fn pair(
    members: Vec<Member>,
    paths: &[String],
    axes: &Axes,
    mapping: &Mapping,
    understood: &mut Understood,
) {
    type Key = (
        usize,
        String,
        Option<i64>,
        Option<(u64, u64)>,
        Option<String>,
    );
    let mut pairs: BTreeMap<Key, [Option<Member>; 2]> = BTreeMap::new();
    for member in members {
        let Named {
            layer,
            span,
            stage,
            run,
            kv,
        } = member.named.clone();
        match pairs
            .entry((member.group, run, layer, span, stage))
            .or_default()
        {
            [slot @ None, _] if kv == Kv::K => *slot = Some(member),
            [_, slot @ None] if kv == Kv::V => *slot = Some(member),
            _ => {
                let fault = Fault::field(
                    "name",
                    shorten(&member.array.name),
                    "one K and one V of each layer",
                );
                understood
                    .problems
                    .push(Problem::new(member.array.file, fault));
            }
        }
    }
    for ((group, ..), pair) in pairs {
        match pair {
            [Some(k), Some(v)] => match captures(&paths[group], &k, &v, axes, mapping) {
                Ok(captures) => understood
                    .captures
                    .extend(captures.into_iter().map(Arc::new)),
                Err(problem) => understood.problems.push(problem),
            },
            [Some(alone), None] | [None, Some(alone)] => {
                let other = if alone.named.kv == Kv::K { "V" } else { "K" };
                let fault = Fault::field(
                    "name",
                    shorten(&alone.array.name),
                    format!("a {other} of the same layer beside it"),
                );
                understood
                    .problems
                    .push(Problem::new(alone.array.file, fault));
            }
            [None, None] => {}
        }
    }
}

/// The captures in one pair of arrays: one for each layer and batch item in them.
fn captures(
    group: &str,
    k: &Member,
    v: &Member,
    axes: &Axes,
    mapping: &Mapping,
) -> Result<Vec<Capture>, Problem> {
    let file = format!("{}/{}", k.array.file, shorten(&k.array.name));
    let dtype = dtype_of(k, mapping)?;
    if dtype != dtype_of(v, mapping)? || k.array.shape != v.array.shape {
        let told = |member: &Member| {
            format!(
                "{} {}",
                member.array.element.name(),
                shape_text(&member.array.shape)
            )
        };
        return Err(Problem::field(
            &file,
            "shape",
            told(k),
            format!("that of V, {}", told(v)),
        ));
    }
    let size = |axis: Axis| axes.position(axis).map_or(1, |at| k.array.shape[at]);
    let too_large = || {
        Problem::field(
            &file,
            "shape",
            shape_text(&k.array.shape),
            "a size that this machine can address",
        )
    };
    let here = |size: u64| usize::try_from(size).map_err(|_| too_large());
    let shape = Shape {
        seq_len: here(size(Axis::Seq))?,
        kv_heads: here(size(Axis::Heads))?,
        head_dim: here(size(Axis::Dim))?,
    };
    shape.bytes(dtype).ok_or_else(too_large)?;
    let (layers, batch) = (size(Axis::Layer), size(Axis::Batch));
    const MAX_PLACES: u64 = 1 << 16;
    if layers.saturating_mul(batch) > MAX_PLACES {
        return Err(Problem::field(
            &file,
            "shape",
            shape_text(&k.array.shape),
            format!("at most {MAX_PLACES} layers and batch items"),
        ));
    }
    let stem = group.rsplit_once('.').map_or(group, |(stem, _)| stem);
    let run = if k.named.run.is_empty() {
        stem
    } else {
        &k.named.run
    };
    let mut captures = Vec::new();
    for layer in 0..layers {
        for item in 0..batch {
            let index = Index { layer, item };
            let place =
                |array: &Array| place(array, axes, index, shape, dtype).ok_or_else(too_large);
            let layer_id = if axes.position(Axis::Layer).is_some() {
                layer as i64
            } else {
                k.named.layer.unwrap_or(-1)
            };
            let item_name = if batch > 1 {
                format!("/batch_{item}")
            } else {
                String::new()
            };
            let span_name = k
                .named
                .span
                .map_or(String::new(), |(start, end)| format!("/t{start}_{end}"));
            let stage_name = k
                .named
                .stage
                .as_ref()
                .map_or(String::new(), |stage| format!("/{stage}"));
            let run_name = if k.named.run.is_empty() {
                String::new()
            } else {
                format!("/{}", k.named.run)
            };
            captures.push(Capture {
                path: format!(
                    "{group}{run_name}{item_name}/layer_{layer_id}{span_name}{stage_name}"
                ),
                inner: None,
                run: format!("{run}{item_name}"),
                layer_id,
                stage: k
                    .named
                    .stage
                    .clone()
                    .unwrap_or_else(|| "unknown".to_owned()),
                seq_start: k.named.span.map_or(0, |(start, _)| start),
                shape,
                dtype,
                k: place(&k.array)?,
                v: place(&v.array)?,
            });
        }
    }
    Ok(captures)
}

fn dtype_of(member: &Member, mapping: &Mapping) -> Result<Dtype, Problem> {
    let file = || format!("{}/{}", member.array.file, shorten(&member.array.name));
    match &member.array.element {
        Element::Known(dtype) => Ok(*dtype),
        Element::Bits16 => mapping
            .bits16
            .map(Dtype::from)
            .or(member.hint)
            .ok_or_else(|| {
                Problem::field(
                    &file(),
                    "dtype",
                    "16-bit integers",
                    "--bits16 bf16 or --bits16 fp16, to say what their bits mean",
                )
            }),
        Element::Other(name) => Err(Problem::field(&file(), "dtype", name, "fp16, bf16 or fp32")),
    }
}
