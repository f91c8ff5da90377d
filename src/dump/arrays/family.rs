//! Arrays whose names share a pattern and that have the same number of axes are interpreted together.

use std::collections::HashMap;

use super::array::{Element, shape_text};
use super::axes::{Axes, Axis};
use super::infer::{Doubt, MAX_HEAD_DIM, Maker, Sample, infer};
use super::mapping::{Mapping, TensorGuess};
use super::members::{MAX_EXAMPLES, Member, Understood, files, info, path_or_file};
use super::pairing::pair;
use crate::dump::problem::{Problem, Problems};
use crate::tensor::Kv;

/// Arrays that share a name pattern and a number of axes; they are interpreted together.
#[derive(Default)]
pub(super) struct Family {
    pub members: Vec<Member>,
    /// Software that may have written the arrays.
    pub maker: Maker,
    /// Order of axes according to their format.
    pub axes: Option<Axes>,
}

impl Family {
    /// Makes captures of the arrays, or reports what the user must specify first.
    pub fn understand(
        self,
        paths: &[String],
        template: &str,
        mapping: &Mapping,
        understood: &mut Understood,
    ) {
        // In order of first appearance.
        let mut homes: Vec<String> = Vec::new();
        let mut by_home: HashMap<String, Vec<Member>> = HashMap::new();
        for member in self.members {
            let members = by_home.entry(member.home.clone()).or_default();
            if members.is_empty() {
                homes.push(member.home.clone());
            }
            members.push(member);
        }
        let by_home: Vec<Vec<Member>> = homes
            .iter()
            .filter_map(|home| by_home.remove(home))
            .collect();
        let told = by_home
            .iter()
            .map(|members| axes_of(members, self.maker, self.axes.as_ref(), mapping))
            .collect();
        let homes: Vec<&str> = homes.iter().map(String::as_str).collect();
        let told = follow_others(told, &homes);
        // Groups with the same interpretation make one guess.
        let mut alike_in: Vec<(Told, Vec<Member>)> = Vec::new();
        for (told, members) in told.into_iter().zip(by_home) {
            let alike = |(other, _): &&mut (Told, Vec<Member>)| match (other, &told) {
                (Ok((other, _)), Ok((axes, _))) => other == axes,
                (Err(other), Err(doubt)) => other == doubt,
                _ => false,
            };
            match alike_in.iter_mut().find(alike) {
                Some((_, group)) => group.extend(members),
                None => alike_in.push((told, members)),
            }
        }
        for (told, members) in alike_in {
            understood
                .guesses
                .push(guess(&told, &members, paths, template, mapping));
            match told {
                Ok((axes, _)) => pair(members, &axes, mapping, understood),
                Err(doubt) => ask_for_axes(&members, paths, &doubt, &mut understood.problems),
            }
        }
    }
}

type Told = Result<(Axes, String), Doubt>;

fn axes_of(members: &[Member], maker: Maker, known: Option<&Axes>, mapping: &Mapping) -> Told {
    let samples: Vec<Sample<'_>> = members
        .iter()
        .map(|member| Sample {
            shape: &member.array.shape,
            layer: member.named.layer,
            kv: member.named.kv,
        })
        .collect();
    let count = samples[0].shape.len();
    let holds_both = samples.iter().any(|sample| sample.kv.is_none());
    let infer = || match known {
        Some(axes) => Ok((axes.clone(), "as this format has it".to_owned())),
        None => infer(&samples, maker),
    };
    match &mapping.axes {
        Some(axes) if axes.count() == count && axes.has(Axis::Kv) == holds_both => {
            Ok((axes.clone(), "as given".to_owned()))
        }
        Some(axes) if axes.count() == count => {
            let why = if holds_both {
                "no name tells K from V, so one of them is kv"
            } else {
                "the names tell K from V, so none of them is kv"
            };
            Err(Doubt::contradiction(why))
        }
        None => infer(),
        // The axes given by the user are for other arrays of the dump.
        Some(axes) => infer().map_err(|doubt| {
            let (given, found) = (axes.count(), count);
            Doubt {
                why: format!("{given} axes were given, {found} are there; {}", doubt.why),
                ..doubt
            }
        }),
    }
}

/// A file without a clue of its own follows the files with the same tensor names, if those all agree.
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
            .any(|told| matches!(told, Err(Doubt { no_clue: false, .. })))
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
    let is_merged = |(axes, reason): &(Axes, String)| {
        !axes.has(Axis::Heads) && mapping.kv_heads.is_none() && reason != "as given"
    };
    asks.extend(told.is_err().then_some("axes"));
    asks.extend(told.as_ref().is_ok_and(is_merged).then_some("kvHeads"));
    asks.extend(members.iter().any(is_open).then_some("bits16"));
    let (axes, reason) = match told {
        Ok(told) if is_merged(told) => (
            Some(told.0.to_string()),
            format!(
                "{}; taken for one head: say how many with --kv-heads",
                told.1
            ),
        ),
        Ok((axes, reason)) => {
            let latent = if are_latent(members, axes) {
                LATENT
            } else {
                ""
            };
            (Some(axes.to_string()), format!("{reason}{latent}"))
        }
        Err(doubt) => (None, doubt.why.clone()),
    };
    TensorGuess {
        files: files(members.iter().map(|member| member.group), paths),
        count: members.len(),
        examples: members
            .iter()
            .take(MAX_EXAMPLES)
            .map(|member| info(&member.array))
            .collect(),
        tensor_names: Some(template.to_owned()),
        axes,
        reason,
        asks,
    }
}

/// Added to the note on such arrays.
const LATENT: &str = "; one head of K that is so wide, and of V that is not, are most likely the latent vector and the rotary part of the \
                      key, as models with latent attention (MLA) cache them, and not K and V";

/// Whether K and V are more likely what transformers caches for models with latent attention (MLA): a latent vector,
/// and a part of the key shared by all heads.
fn are_latent(members: &[Member], axes: &Axes) -> bool {
    let size = |member: &Member, axis: Axis| axes.position(axis).map(|at| member.array.shape[at]);
    let is_so = |member: &Member| {
        let width = size(member, Axis::Dim).unwrap_or(0);
        let fits = match member.named.kv {
            Some(Kv::K) => width > MAX_HEAD_DIM,
            Some(Kv::V) => width < MAX_HEAD_DIM,
            None => false,
        };
        fits && size(member, Axis::Heads) == Some(1)
    };
    members.iter().all(is_so)
}

fn ask_for_axes(members: &[Member], paths: &[String], doubt: &Doubt, problems: &mut Problems) {
    let shapes = shapes_of(members);
    let mut last = None;
    for member in members {
        if last.replace(member.group) != Some(member.group) {
            let named = &member.named;
            let example = || {
                let shape = &member.array.shape;
                Axes::example(shape, named.kv.is_none(), named.layer.is_some())
            };
            let orders: Vec<String> = match doubt.orders.as_slice() {
                [] => vec![example().to_string()],
                some => some.iter().map(ToString::to_string).collect(),
            };
            let orders = orders.join(", or ");
            let expected = format!("their order, as in --axes {orders}: {}", doubt.why);
            problems.push(Problem::field(
                path_or_file(&paths[member.group], &member.array),
                "axes",
                shapes.get(&member.group).map_or(String::new(), |shapes| {
                    let texts: Vec<String> = shapes.iter().map(|shape| shape_text(shape)).collect();
                    texts.join(", ")
                }),
                expected,
            ));
        }
    }
}

/// Distinct shapes of each group's arrays; only the first few.
fn shapes_of(members: &[Member]) -> HashMap<usize, Vec<&[u64]>> {
    let mut shapes: HashMap<usize, Vec<&[u64]>> = HashMap::new();
    for member in members {
        let of_group = shapes.entry(member.group).or_default();
        let shape = member.array.shape.as_slice();
        if of_group.len() < MAX_EXAMPLES && !of_group.contains(&shape) {
            of_group.push(shape);
        }
    }
    shapes
}
