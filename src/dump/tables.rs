//! From named arrays to captures: which array is K or V of which layer, and in which order its axes lie.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::axes::{self, Axes, Axis, Doubt};
use super::capture::Capture;
use super::layout::Layout;
use super::load::Place;
use super::mapping::{ArrayInfo, Mapping, TensorGuess};
use super::meta::shorten;
use super::names;
use super::pattern::{Kv, NamePattern, Named};
use super::problem::{Fault, Problem, Problems};
use super::tensors::{Array, Element, Table};
use crate::tensor::{Dtype, Shape};

/// Most files and arrays that a guess names as examples.
const EXAMPLES: usize = 6;

/// The captures of some tables, and how their arrays were understood.
#[derive(Default)]
pub(super) struct Understood {
    pub captures: Vec<Arc<Capture>>,
    pub guesses: Vec<TensorGuess>,
    pub problems: Problems,
}

/// Arrays with the same pattern of names and number of axes; they are understood together.
#[derive(Default)]
struct Family {
    members: Vec<Member>,
    transformers: bool,
}

struct Member {
    table: usize,
    array: Array,
    named: Named,
    hint: Option<Dtype>,
}

/// Makes captures of the arrays of `tables`.
pub(super) fn understand(tables: Vec<Table>, mapping: &Mapping) -> Understood {
    let paths: Vec<String> = tables.iter().map(|table| table.path.clone()).collect();
    let mut understood = Understood::default();
    let mut families: BTreeMap<(String, usize), Family> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        // A file in which nothing fits what was given is left to the names' own words: a dump may hold files of many makers.
        let given = mapping.tensor_names.as_ref();
        let fits = |pattern: &&NamePattern| {
            table
                .arrays
                .iter()
                .any(|array| pattern.matches(&array.name).is_some())
        };
        let given = given.filter(fits);
        for array in table.arrays {
            match name(&array.name, given) {
                Some((named, template, hint, transformers)) => {
                    let family = families.entry((template, array.shape.len())).or_default();
                    family.transformers |= transformers;
                    family.members.push(Member {
                        table: index,
                        array,
                        named,
                        hint,
                    });
                }
                None => unnamed.push((index, array)),
            }
        }
    }
    let mut is_named = vec![false; paths.len()];
    for ((template, _), family) in families {
        family
            .members
            .iter()
            .for_each(|member| is_named[member.table] = true);
        family.understand(&paths, &template, mapping, &mut understood);
    }
    report_unnamed(unnamed, &paths, &is_named, &mut understood);
    understood
}

/// What a name says, its pattern, the element type that it names, and whether it is one of a Hugging Face cache.
fn name(name: &str, pattern: Option<&NamePattern>) -> Option<(Named, String, Option<Dtype>, bool)> {
    let guess = names::guess(name);
    let Some(pattern) = pattern else {
        return guess.map(|guess| (guess.named, guess.template, guess.dtype, guess.transformers));
    };
    let hints = guess.map_or((None, false), |guess| (guess.dtype, guess.transformers));
    Some((
        pattern.matches(name)?,
        pattern.to_string(),
        hints.0,
        hints.1,
    ))
}

/// Arrays whose names say nothing are only a problem where a file has no others.
fn report_unnamed(
    unnamed: Vec<(usize, Array)>,
    paths: &[String],
    is_named: &[bool],
    understood: &mut Understood,
) {
    if unnamed.is_empty() {
        return;
    }
    let mut by_table: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (table, array) in &unnamed {
        if !is_named[*table] {
            by_table
                .entry(*table)
                .or_default()
                .push(shorten(&array.name));
        }
    }
    for (table, names) in &by_table {
        let expected = "names of K and V with a layer number; say which they are with --tensor-names, as in layers.{layer}.{kv}";
        understood.problems.push(Problem::field(
            &paths[*table],
            "tensor names",
            list(names),
            expected,
        ));
    }
    let alone = !by_table.is_empty();
    let reason = if alone {
        "no name says which layer it is and whether K or V"
    } else {
        "not used: neither K nor V of a layer by name"
    };
    let used = if alone {
        |is_named: bool| !is_named
    } else {
        |_| true
    };
    let arrays: Vec<&(usize, Array)> = unnamed
        .iter()
        .filter(|(table, _)| used(is_named[*table]))
        .collect();
    understood.guesses.push(TensorGuess {
        files: files(arrays.iter().map(|(table, _)| *table), paths),
        count: arrays.len(),
        examples: arrays
            .iter()
            .take(EXAMPLES)
            .map(|(_, array)| info(array))
            .collect(),
        tensor_names: None,
        axes: None,
        reason: reason.to_owned(),
        asks: if alone {
            vec!["tensorNames", "axes"]
        } else {
            vec![]
        },
    });
}

fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(EXAMPLES).map(String::as_str).collect();
    let more = names.len() - shown.len();
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

fn files(tables: impl Iterator<Item = usize>, paths: &[String]) -> Vec<String> {
    let mut tables: Vec<usize> = tables.collect();
    tables.dedup();
    tables
        .into_iter()
        .take(EXAMPLES)
        .map(|table| paths[table].clone())
        .collect()
}

fn info(array: &Array) -> ArrayInfo {
    ArrayInfo {
        name: shorten(&array.name),
        dtype: array.element.name().to_owned(),
        shape: array.shape.clone(),
    }
}

impl Family {
    fn understand(
        self,
        paths: &[String],
        template: &str,
        mapping: &Mapping,
        understood: &mut Understood,
    ) {
        let mut tables: BTreeMap<usize, Vec<Member>> = BTreeMap::new();
        for member in self.members {
            tables.entry(member.table).or_default().push(member);
        }
        let told: Vec<_> = tables
            .values()
            .map(|members| axes_of(members, self.transformers, mapping))
            .collect();
        let told = follow_others(
            told,
            &tables
                .keys()
                .map(|&table| paths[table].as_str())
                .collect::<Vec<_>>(),
        );
        // Tables that were understood alike make one guess.
        let mut groups: Vec<(Told, Vec<Member>)> = Vec::new();
        for (told, members) in told.into_iter().zip(tables.into_values()) {
            let alike = |(other, _): &&mut (Told, Vec<Member>)| match (other, &told) {
                (Ok((other, _)), Ok((axes, _))) => other == axes,
                (Err(other), Err(doubt)) => other == doubt,
                _ => false,
            };
            match groups.iter_mut().find(alike) {
                Some((_, group)) => group.extend(members),
                None => groups.push((told, members)),
            }
        }
        for (told, members) in groups {
            understood
                .guesses
                .push(guess(&told, &members, paths, template, mapping));
            match told {
                Ok((axes, _)) => pair(members, paths, &axes, mapping, understood),
                Err(doubt) => ask_for_axes(&members, paths, &doubt.why, &mut understood.problems),
            }
        }
    }
}

type Told = Result<(Axes, String), Doubt>;

fn axes_of(members: &[Member], transformers: bool, mapping: &Mapping) -> Told {
    let shapes: Vec<&[u64]> = members
        .iter()
        .map(|member| member.array.shape.as_slice())
        .collect();
    match &mapping.axes {
        Some(axes) if axes.count() == shapes[0].len() => Ok((axes.clone(), "as given".to_owned())),
        None => axes::infer(&shapes, transformers),
        // What was given is for other arrays of the dump.
        Some(axes) => axes::infer(&shapes, transformers).map_err(|doubt| {
            let (given, found) = (axes.count(), shapes[0].len());
            Doubt {
                why: format!("{given} axes were given, {found} are there; {}", doubt.why),
                ..doubt
            }
        }),
    }
}

/// A file that shows no sign of its own follows the files with the same names of tensors, where those are of one mind.
fn follow_others(mut told: Vec<Told>, paths: &[&str]) -> Vec<Told> {
    let mut known = told
        .iter()
        .zip(paths)
        .filter_map(|(told, path)| told.as_ref().ok().map(|(axes, _)| (axes.clone(), *path)));
    let Some((axes, path)) = known.next() else {
        return told;
    };
    if known.all(|(other, _)| other == axes)
        && !told
            .iter()
            .any(|told| matches!(told, Err(Doubt { no_sign: false, .. })))
    {
        let follow = |told: &mut Told| {
            *told = Ok((
                axes.clone(),
                format!("as in {path}, whose tensors have the same names"),
            ))
        };
        told.iter_mut()
            .filter(|told| told.is_err())
            .for_each(follow);
    }
    told
}

fn guess(
    told: &Told,
    members: &[Member],
    paths: &[String],
    template: &str,
    mapping: &Mapping,
) -> TensorGuess {
    let is_open = |member: &Member| {
        member.array.element == Element::Bits16 && mapping.bits16.is_none() && member.hint.is_none()
    };
    let mut asks = Vec::new();
    asks.extend(told.is_err().then_some("axes"));
    asks.extend(members.iter().any(is_open).then_some("bits16"));
    let (axes, reason) = match told {
        Ok((axes, reason)) => (Some(axes.to_string()), reason),
        Err(doubt) => (None, &doubt.why),
    };
    TensorGuess {
        files: files(members.iter().map(|member| member.table), paths),
        count: members.len(),
        examples: members
            .iter()
            .take(EXAMPLES)
            .map(|member| info(&member.array))
            .collect(),
        tensor_names: Some(template.to_owned()),
        axes,
        reason: reason.clone(),
        asks,
    }
}

fn ask_for_axes(members: &[Member], paths: &[String], why: &str, problems: &mut Problems) {
    let mut last = None;
    for member in members {
        if last.replace(member.table) != Some(member.table) {
            let expected = format!("their order, as in --axes heads,seq,dim: {why}");
            problems.push(Problem::field(
                &paths[member.table],
                "axes",
                Array::shape_text(&member.array.shape),
                expected,
            ));
        }
    }
}

/// Joins each K with its V.
fn pair(
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
            .entry((member.table, run, layer, span, stage))
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
    for ((table, ..), pair) in pairs {
        match pair {
            [Some(k), Some(v)] => match captures(&paths[table], &k, &v, axes, mapping) {
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
    table: &str,
    k: &Member,
    v: &Member,
    axes: &Axes,
    mapping: &Mapping,
) -> Result<Vec<Capture>, Problem> {
    let file = format!("{}/{}", k.array.file, shorten(&k.array.name));
    let dtype = dtype(k, mapping)?;
    if dtype != self::dtype(v, mapping)? || k.array.shape != v.array.shape {
        let told = |member: &Member| {
            format!(
                "{} {}",
                member.array.element.name(),
                Array::shape_text(&member.array.shape)
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
            Array::shape_text(&k.array.shape),
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
    const MOST: u64 = 1 << 16;
    if layers.saturating_mul(batch) > MOST {
        return Err(Problem::field(
            &file,
            "shape",
            Array::shape_text(&k.array.shape),
            format!("at most {MOST} layers and batch items"),
        ));
    }
    let stem = table.rsplit_once('.').map_or(table, |(stem, _)| stem);
    let run = if k.named.run.is_empty() {
        stem
    } else {
        &k.named.run
    };
    let mut captures = Vec::new();
    for layer in 0..layers {
        for item in 0..batch {
            let place = |array: &Array| {
                Layout::place(array, axes, layer, item, shape, dtype).ok_or_else(too_large)
            };
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
                    "{table}{run_name}{item_name}/layer_{layer_id}{span_name}{stage_name}"
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

fn dtype(member: &Member, mapping: &Mapping) -> Result<Dtype, Problem> {
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

/// Gathers loose `.npy` files: those of one folder make a table, and folders of layers go together.
pub(super) fn group_npy(arrays: Vec<(String, Array)>) -> Vec<Table> {
    let mut tables: BTreeMap<String, Vec<Array>> = BTreeMap::new();
    for (path, mut array) in arrays {
        let (folder, _) = path.rsplit_once('/').unwrap_or(("", &path));
        let (above, last) = folder.rsplit_once('/').unwrap_or(("", folder));
        let in_layer = last.to_ascii_lowercase().starts_with("layer");
        if in_layer {
            array.name = format!("{last}/{}", array.name);
        }
        match tables.entry(if in_layer { above } else { folder }.to_owned()) {
            Entry::Vacant(slot) => drop(slot.insert(vec![array])),
            Entry::Occupied(slot) => slot.into_mut().push(array),
        }
    }
    tables
        .into_iter()
        .map(|(path, arrays)| Table {
            path,
            arrays,
            captures: None,
        })
        .collect()
}

/// A place of a span whose bytes are in order already.
pub(super) fn plain_place(array: &Array) -> Place {
    Place {
        span: array.span.clone(),
        layout: None,
    }
}
