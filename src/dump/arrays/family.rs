//! Arrays whose names have the same pattern and that have as many axes: they are understood together.

use std::collections::BTreeMap;

use super::array::{Element, shape_text};
use super::axes::Axes;
use super::infer::{Doubt, infer};
use super::mapping::{Mapping, TensorGuess};
use super::members::{MAX_EXAMPLES, Member, Understood, files, info};
use super::pairing::pair;
use crate::dump::problem::{Problem, Problems};

/// Arrays with the same pattern of names and number of axes; they are understood together.
#[derive(Default)]
pub(super) struct Family {
    pub members: Vec<Member>,
    /// Named as a Hugging Face cache names its tensors.
    pub transformers: bool,
}

impl Family {
    /// Makes captures of them, or says what has to be told first.
    pub fn understand(
        self,
        paths: &[String],
        template: &str,
        mapping: &Mapping,
        understood: &mut Understood,
    ) {
        let mut by_group: BTreeMap<usize, Vec<Member>> = BTreeMap::new();
        for member in self.members {
            by_group.entry(member.group).or_default().push(member);
        }
        let told: Vec<_> = by_group
            .values()
            .map(|members| axes_of(members, self.transformers, mapping))
            .collect();
        let told = follow_others(
            told,
            &by_group
                .keys()
                .map(|&group| paths[group].as_str())
                .collect::<Vec<_>>(),
        );
        // Groups that were understood alike make one guess.
        let mut alike_in: Vec<(Told, Vec<Member>)> = Vec::new();
        for (told, members) in told.into_iter().zip(by_group.into_values()) {
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
        None => infer(&shapes, transformers),
        // What was given is for other arrays of the dump.
        Some(axes) => infer(&shapes, transformers).map_err(|doubt| {
            let (given, found) = (axes.count(), shapes[0].len());
            Doubt {
                why: format!("{given} axes were given, {found} are there; {}", doubt.why),
                ..doubt
            }
        }),
    }
}

/// A file that shows no clue of its own follows the files with the same names of tensors, where those are of one mind.
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
    asks.extend(told.is_err().then_some("axes"));
    asks.extend(members.iter().any(is_open).then_some("bits16"));
    let (axes, reason) = match told {
        Ok((axes, reason)) => (Some(axes.to_string()), reason),
        Err(doubt) => (None, &doubt.why),
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
        reason: reason.clone(),
        asks,
    }
}

fn ask_for_axes(members: &[Member], paths: &[String], why: &str, problems: &mut Problems) {
    let mut last = None;
    for member in members {
        if last.replace(member.group) != Some(member.group) {
            let expected = format!("their order, as in --axes heads,seq,dim: {why}");
            problems.push(Problem::field(
                &paths[member.group],
                "axes",
                shapes_of(members, member.group),
                expected,
            ));
        }
    }
}

/// The shapes of a group's arrays, each once; the first few.
fn shapes_of(members: &[Member], group: usize) -> String {
    let mut shapes: Vec<&[u64]> = Vec::new();
    for member in members.iter().filter(|member| member.group == group) {
        if shapes.len() < MAX_EXAMPLES && !shapes.contains(&member.array.shape.as_slice()) {
            shapes.push(&member.array.shape);
        }
    }
    let texts: Vec<String> = shapes.into_iter().map(shape_text).collect();
    texts.join(", ")
}
