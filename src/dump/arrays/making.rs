//! Makes captures of a K and a V whose axes are known: one for each layer and batch item in them.

use super::array::{Array, Element, shape_text};
use super::axes::{Axes, Axis};
use super::mapping::Mapping;
use super::members::{Member, label};
use super::placing::{Index, place};
use crate::dump::capture::Capture;
use crate::dump::problem::{Problem, shorten};
use crate::tensor::{Dtype, Shape};

/// Maximum number of layers times batch items in one array.
const MAX_PLACES: u64 = 1 << 16;
/// Maximum number of layers and batch items of all arrays that hold several: an array may say that it has many and hold no value, or the
/// same ones again and again.
pub(super) const MAX_ALL_PLACES: u64 = 1 << 20;

/// The captures in a pair of arrays, which may be one array that holds both; `home` is the path under which they are
/// listed. `places_left` is what is left of [`MAX_ALL_PLACES`], and is reduced.
pub(super) fn captures(
    home: &str,
    k: &Member,
    v: &Member,
    axes: &Axes,
    mapping: &Mapping,
    places_left: &mut u64,
) -> Result<Vec<Capture>, Problem> {
    let wrong_array = |array: &Array, expected: String| {
        Problem::field(&label(array), "shape", shape_text(&array.shape), expected)
    };
    let wrong = |member: &Member, expected: String| wrong_array(&member.array, expected);
    let dtype = dtype_of(k, mapping)?;
    if dtype != dtype_of(v, mapping)? || !alike(&k.array, &v.array, axes) {
        let told = |member: &Member| {
            let array = &member.array;
            format!("{} {}", array.element.name(), shape_text(&array.shape))
        };
        let expected = format!("that of V, {}", told(v));
        let file = label(&k.array);
        return Err(Problem::field(&file, "shape", told(k), expected));
    }
    let shape = shape_of(k, axes, mapping, dtype).map_err(|expected| wrong(k, expected))?;
    let v_shape = shape_of(v, axes, mapping, dtype).map_err(|expected| wrong(v, expected))?;
    if axes.has(Axis::Kv) && size(&k.array, axes, Axis::Kv) != 2 {
        return Err(wrong(k, format!("length 2 in the axis kv of {axes}")));
    }
    let (layers, batch) = (
        size(&k.array, axes, Axis::Layer),
        size(&k.array, axes, Axis::Batch),
    );
    let places = layers.saturating_mul(batch);
    if places > MAX_PLACES {
        return Err(wrong(
            k,
            format!("at most {MAX_PLACES} layers and batch items"),
        ));
    }
    if places > 1 {
        *places_left = places_left.checked_sub(places).ok_or_else(|| {
            wrong(
                k,
                format!("at most {MAX_ALL_PLACES} layers and batch items in all arrays together"),
            )
        })?;
    }
    let named = &k.named;
    let run = if named.run.is_empty() {
        home.rsplit_once('.').map_or(home, |(stem, _)| stem)
    } else {
        &named.run
    };
    let part = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("/{text}")
        }
    };
    let span = named
        .span
        .map_or(String::new(), |(start, end)| format!("/t{start}_{end}"));
    let (run_part, stage_part) = (
        part(&named.run),
        part(named.stage.as_deref().unwrap_or_default()),
    );
    let mut captures = Vec::new();
    for layer in 0..layers {
        for item in 0..batch {
            let place = |array: &Array, kv: u64, shape: Shape| {
                let index = Index { layer, item, kv };
                place(array, axes, index, shape, dtype)
                    .ok_or_else(|| wrong_array(array, too_large()))
            };
            let layer_id = if axes.has(Axis::Layer) {
                layer as i64
            } else {
                named.layer.unwrap_or(-1)
            };
            let item = if batch > 1 {
                format!("/batch_{item}")
            } else {
                String::new()
            };
            let path = format!("{home}{run_part}{item}/layer_{layer_id}{span}{stage_part}");
            captures.push(Capture {
                path: path.trim_start_matches('/').to_owned(),
                inner: None,
                run: format!("{run}{item}"),
                layer_id,
                stage: named.stage.clone().unwrap_or_else(|| "unknown".to_owned()),
                seq_start: named.span.map_or(0, |(start, _)| start),
                shape,
                v_shape,
                dtype,
                k: place(&k.array, 0, shape)?,
                v: place(&v.array, 1, v_shape)?,
            });
        }
    }
    Ok(captures)
}

/// K and V may differ only in heads and head dimension.
fn alike(k: &Array, v: &Array, axes: &Axes) -> bool {
    let outer = [Axis::Kv, Axis::Layer, Axis::Batch, Axis::Blocks, Axis::Seq];
    k.shape.len() == v.shape.len()
        && outer
            .iter()
            .all(|&axis| size(k, axes, axis) == size(v, axes, axis))
}

fn size(array: &Array, axes: &Axes, axis: Axis) -> u64 {
    axes.position(axis).map_or(1, |at| array.shape[at])
}

fn too_large() -> String {
    "a size that this machine can address".to_owned()
}

/// Shape of each capture's tensor, or the fault of the array's shape.
fn shape_of(
    member: &Member,
    axes: &Axes,
    mapping: &Mapping,
    dtype: Dtype,
) -> Result<Shape, String> {
    let here =
        |axis: Axis| usize::try_from(size(&member.array, axes, axis)).map_err(|_| too_large());
    let tokens = here(Axis::Blocks)?.checked_mul(here(Axis::Seq)?);
    let mut shape = Shape {
        seq_len: tokens.ok_or_else(too_large)?,
        kv_heads: here(Axis::Heads)?,
        head_dim: here(Axis::Dim)?,
    };
    if let (false, Some(heads)) = (axes.has(Axis::Heads), mapping.kv_heads) {
        let heads = heads.get() as usize;
        if !shape.head_dim.is_multiple_of(heads) {
            return Err(format!(
                "a last axis that {heads} heads share evenly (--kv-heads)"
            ));
        }
        shape.kv_heads = heads;
        shape.head_dim /= heads;
    }
    shape.bytes(dtype).ok_or_else(too_large)?;
    Ok(shape)
}

fn dtype_of(member: &Member, mapping: &Mapping) -> Result<Dtype, Problem> {
    let file = || label(&member.array);
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
        Element::Other(name) => Err(Problem::field(&file(), "dtype", name, advice(name))),
    }
}

/// Advice for elements of an unsupported type.
fn advice(dtype: &str) -> String {
    let name = dtype
        .trim_start_matches(['<', '>', '|', '='])
        .to_ascii_lowercase();
    let usual = "fp16, bf16 or fp32";
    match name.as_str() {
        "f8" | "f64" | "float64" | "double" => format!(
            "{usual}; caches are not kept in float64: save it as float32 (.float() in PyTorch, .astype(\"float32\") in NumPy)"
        ),
        "i1" | "u1" | "i8" | "u8" | "int8" | "uint8" => format!(
            "{usual}; 8-bit integers are codes of quantized values: save the values (code x scale, as the engine computes them) as fp16"
        ),
        "v1" => format!(
            "{usual}; one byte without a type is how NumPy writes the float8 types of JAX: save the values as bf16 (.astype(\"bfloat16\"))"
        ),
        name if name.starts_with("f8_") || name.starts_with("float8") => format!(
            "{usual}; save the values as bf16 (.to(torch.bfloat16) in PyTorch), and mind that they are already quantized to 8 bits"
        ),
        "i4" | "u4" | "i8b" | "i32" | "u32" | "int32" | "uint32" | "i64" | "u64" | "int64" => {
            format!(
                "{usual}; integers are packed codes of quantized values: save the values that they stand for"
            )
        }
        _ => shorten(usual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::arrays::named::Named;
    use crate::dump::bytes::stream::Span;

    #[test]
    fn arrays_without_values_do_not_make_captures_without_end() {
        let member = || Member {
            group: 0,
            home: "a".to_owned(),
            array: Array::plain(
                "k".to_owned(),
                "a",
                Element::Known(Dtype::F16),
                vec![3, 0, 2, 8],
                Span::of_bytes("a", Vec::new()),
            ),
            named: Named::default(),
            hint: None,
        };
        let axes = Axes::parse("layer,seq,heads,dim").unwrap();
        let mut left = 4;
        let mut made = || {
            let made = captures(
                "a",
                &member(),
                &member(),
                &axes,
                &Mapping::default(),
                &mut left,
            );
            made.map(|captures| captures.len())
                .map_err(|problem| problem.to_string())
        };
        assert_eq!(made(), Ok(3));
        let told = made().unwrap_err();
        assert!(
            told.contains("expected at most 1048576 layers and batch items in all"),
            "{told}"
        );
    }
}
