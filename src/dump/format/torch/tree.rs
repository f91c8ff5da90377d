//! Names the tensors of a pickle by their path from its root (`layers.0.keys`, `key_cache.3`, `0.1`). If the names
//! alone don't tell which are K and V of which layer, the shape of the tree may.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::value::{Id, Object, Tensor, Value, Values};

/// Maximum depth of a tensor: a dict of runs, of outputs, of caches, of layers, of tensors.
const MAX_DEPTH: usize = 12;
/// How often a value may be visited, on average. A value is visited once for each path that leads to it; in files that programs save, few
/// paths lead to the same value.
const VISITS: usize = 16;
/// Maximum number of visited values.
const MAX_VISITS: usize = 2_000_000;
/// How often a value may be looked at, on average.
const LOOKS: usize = 80;
/// Maximum number of looks at a value.
const MAX_LOOKS: usize = 10_000_000;
/// Extent (see [`Values::extent`]) that even the smallest file counts with.
const MIN_EXTENT: usize = 1_000;
/// Maximum number of tensors in a file.
const MAX_TENSORS: usize = 200_000;
/// Maximum length of a tensor name, in bytes.
const MAX_NAME: usize = 512;
/// Maximum number of parts of a dict's key.
const MAX_KEY_PARTS: usize = 4;
/// Maximum number of unknown globals that are listed.
const MAX_STRANGERS: usize = 20;

/// Content of a pickle.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// Tensors by path; a tensor that is reachable by two paths occurs twice.
    pub tensors: Vec<(String, &'a Tensor)>,
    /// Unknown functions and classes that the pickle wants called and that hold no tensor.
    pub strangers: BTreeSet<String>,
    /// Paths of caches, each with the pattern of the names below it.
    pub caches: BTreeSet<(String, String)>,
    /// Number of quantized caches, which keep codes and, beside them, the most recent tokens unquantized.
    pub quantized: usize,
    /// Whether some of the tree was not visited.
    pub cut: bool,
    /// Number of visits that are left.
    visits_left: usize,
}

/// The values of a pickle, with a limit on how often they are looked at: in a small file very many paths can lead to the same
/// long list. Beyond the limit every value reads as [`Value::Nothing`], so that the walk ends.
struct Looks<'a> {
    values: &'a Values,
    /// Number of looks that are left.
    left: Cell<usize>,
}

impl<'a> Looks<'a> {
    /// `extent` is that of the values: counting it goes through all of them.
    fn new(values: &'a Values, extent: usize) -> Self {
        let left = Cell::new((LOOKS * extent.max(MIN_EXTENT)).min(MAX_LOOKS));
        Self { values, left }
    }

    fn get(&self, id: Id) -> &'a Value {
        self.left.set(self.left.get().saturating_sub(1));
        if self.are_used_up() {
            return &Value::Nothing;
        }
        self.values.get(id)
    }

    fn are_used_up(&self) -> bool {
        self.left.get() == 0
    }

    /// Elements of a list or tuple.
    fn members(&self, id: Id) -> Option<&'a [Id]> {
        match self.get(id) {
            Value::List(members) | Value::Tuple(members) => Some(members),
            _ => None,
        }
    }

    fn text(&self, id: Id) -> Option<&'a str> {
        match self.get(id) {
            Value::Text(text, _) => Some(text),
            _ => None,
        }
    }
}

/// Visits the tree below `root`.
pub(super) fn find(values: &Values, root: Id) -> Found<'_> {
    let extent = values.extent();
    let mut found = Found {
        visits_left: (VISITS * extent.max(MIN_EXTENT)).min(MAX_VISITS),
        ..Found::default()
    };
    let values = Looks::new(values, extent);
    found.visit(&values, root, "", 0);
    found.cut |= values.are_used_up();
    found
}

impl<'a> Found<'a> {
    fn visit(&mut self, values: &Looks<'a>, id: Id, path: &str, depth: usize) {
        self.visits_left = self.visits_left.saturating_sub(1);
        if self.visits_left == 0
            || depth > MAX_DEPTH
            || self.tensors.len() >= MAX_TENSORS
            || path.len() > MAX_NAME
        {
            self.cut = true;
            return;
        }
        match values.get(id) {
            Value::Tensor(tensor) => self.tensors.push((path.to_owned(), tensor)),
            Value::List(members) | Value::Tuple(members) => {
                self.members(values, members, path, depth);
            }
            Value::Dict(entries) => self.entries(values, entries, path, depth),
            Value::Object(object) => {
                let is_set = |(name, id): &(&str, Id)| {
                    QUANTIZED.contains(name) && holds(values, *id) && !is_empty(values, *id)
                };
                if attributes(values, id).iter().any(is_set) {
                    self.quantized += 1;
                    return;
                }
                self.object(values, object, path, depth);
            }
            _ => return,
        }
        if let Some(names) = cache_names(values, id) {
            self.caches.insert((path.to_owned(), names));
        }
    }

    fn members(&mut self, values: &Looks<'a>, members: &'a [Id], path: &str, depth: usize) {
        for (at, &member) in members.iter().enumerate() {
            // Lists of numbers are long, and hold no tensor.
            if holds(values, member) {
                self.visit(values, member, &join(path, &at.to_string()), depth + 1);
            }
        }
    }

    fn entries(&mut self, values: &Looks<'a>, entries: &'a [(Id, Id)], path: &str, depth: usize) {
        for &(key, value) in entries {
            let Some(key) = key_name(values, key) else {
                continue;
            };
            if holds(values, value) {
                self.visit(values, value, &join(path, &key), depth + 1);
            }
        }
    }

    fn object(&mut self, values: &Looks<'a>, object: &'a Object, path: &str, depth: usize) {
        if let Some(class) = values.values.global(object.class)
            && class == SPARSE
        {
            // Its components are tensors, but not those of a cache.
            self.strangers.insert(class.to_owned());
            return;
        }
        let before = self.tensors.len();
        // A model's output has its parts as entries, as attributes and as arguments of its class: the first of these
        // that holds any is used.
        self.entries(values, &object.entries, path, depth);
        self.members(values, &object.items, path, depth);
        if self.tensors.len() == before {
            for &state in &object.states {
                self.state(values, state, path, depth);
            }
        }
        if self.tensors.len() == before {
            let args = values.members(object.args).unwrap_or_default();
            self.members(values, args, path, depth);
            let class = values
                .values
                .global(object.class)
                .unwrap_or("a value that is no function");
            let is_stranger = object.called && self.tensors.len() == before;
            if is_stranger && class != "numpy.dtype" && self.strangers.len() < MAX_STRANGERS {
                self.strangers.insert(class.to_owned());
            }
        }
    }

    /// Visits a dict of attributes, or a tuple of such a dict and one of slots.
    fn state(&mut self, values: &Looks<'a>, state: Id, path: &str, depth: usize) {
        match values.get(state) {
            Value::Dict(entries) => self.entries(values, entries, path, depth),
            Value::Tuple(both) => {
                for &part in both {
                    if let Value::Dict(entries) = values.get(part) {
                        self.entries(values, entries, path, depth);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Function that makes a sparse tensor of its indices and values.
const SPARSE: &str = "torch._utils._rebuild_sparse_tensor";

/// Attributes of transformers' QuantizedCache that hold codes: of one layer, and (before 4.54) of all.
const QUANTIZED: [&str; 2] = ["_quantized_keys", "_quantized_key_cache"];

/// Attributes of an object, or entries of a dict, whose names are texts.
fn attributes<'a>(values: &Looks<'a>, id: Id) -> Vec<(&'a str, Id)> {
    let dicts: Vec<&[(Id, Id)]> = match values.get(id) {
        Value::Dict(entries) => vec![entries],
        Value::Object(object) => {
            let states = object
                .states
                .iter()
                .flat_map(|state| match values.get(*state) {
                    Value::Tuple(both) => both.as_slice(),
                    _ => std::slice::from_ref(state),
                });
            let states = states.filter_map(|&state| match values.get(state) {
                Value::Dict(entries) => Some(entries.as_slice()),
                _ => None,
            });
            states.chain([object.entries.as_slice()]).collect()
        }
        _ => vec![],
    };
    let named = dicts.into_iter().flatten();
    named
        .filter_map(|&(name, id)| Some((values.text(name)?, id)))
        .collect()
}

/// Pattern of the names below `id` if it has the shape of a cache: a list or dict of pairs by layer, a list of keys and
/// one of values, or layers that have both.
fn cache_names(values: &Looks<'_>, id: Id) -> Option<String> {
    if let Some(members) = values.members(id) {
        if are_keys_and_values(values, members) {
            return Some("{kv:0|1}.{layer}".to_owned());
        }
        let is_cache = !members.is_empty() && members.iter().all(|&layer| is_pair(values, layer));
        return is_cache.then(|| PAIRS.to_owned());
    }
    if let Value::Dict(entries) = values.get(id)
        && let Some(names) = names_of_pairs(values, entries)
    {
        return Some(names);
    }
    let attributes = attributes(values, id);
    let find = |wanted: &str| {
        let mut found = attributes.iter().filter(|(name, _)| *name == wanted);
        found.next().map(|&(_, id)| id)
    };
    let has_both = |layer: Id| {
        let is_one = |wanted: &str| {
            let attributes = self::attributes(values, layer);
            let mut named = attributes.iter().filter(|(name, _)| *name == wanted);
            named.any(|&(_, id)| matches!(values.get(id), Value::Tensor(_)))
        };
        is_one("keys") && is_one("values")
    };
    if let Some(layers) = find("layers").and_then(|layers| values.members(layers)) {
        let is_cache = layers.iter().any(|&layer| has_both(layer));
        return is_cache.then(|| "layers.{layer}.{kv}".to_owned());
    }
    let is_list = |name: &str| find(name).is_some_and(|list| !is_empty(values, list));
    (is_list("key_cache") && is_list("value_cache")).then(|| "{kv}_cache.{layer}".to_owned())
}

/// Pattern of the names below a list of pairs.
const PAIRS: &str = "{layer}.{kv:0|1}";

/// Pattern for a dict in which everything that may hold tensors is a pair, and whose keys are numbers or differ in
/// exactly one number.
fn names_of_pairs(values: &Looks<'_>, entries: &[(Id, Id)]) -> Option<String> {
    let mut pattern = None;
    for &(key, value) in entries {
        if !holds(values, value) {
            continue;
        }
        let names = match values.get(key) {
            Value::Int(_) => PAIRS.to_owned(),
            Value::Text(text, _) => {
                let start = text.find(|letter: char| letter.is_ascii_digit())?;
                let (before, rest) = text.split_at(start);
                let behind = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
                format!("{before}{{layer}}{behind}.{{kv:0|1}}")
            }
            _ => return None,
        };
        if !is_pair(values, value) || pattern.get_or_insert(names.clone()) != &names {
            return None;
        }
    }
    pattern.filter(|pattern| !pattern.contains('*') && pattern.matches('{').count() == 2)
}

/// Whether `both` are two lists of tensors of the same kind: all K and all V. Lists of two tensors are pairs of two
/// layers instead; tuples of four may be those of two layers with the encoder's K and V beside the decoder's, as T5 has
/// them.
fn are_keys_and_values(values: &Looks<'_>, both: &[Id]) -> bool {
    let [k, v] = both else {
        return false;
    };
    let layers = |id: &Id| {
        let members = values.members(*id)?;
        let is_tuple = matches!(values.get(*id), Value::Tuple(_));
        let is_plain = members.len() > 2 && !(is_tuple && members.len() == 4);
        let all = members
            .iter()
            .all(|&member| matches!(values.get(member), Value::Tensor(_)));
        (is_plain && all).then_some(members.len())
    };
    layers(k).is_some_and(|count| layers(v) == Some(count))
}

fn is_empty(values: &Looks<'_>, id: Id) -> bool {
    values.members(id).is_some_and(<[Id]>::is_empty)
}

/// Whether it is K and V of a layer, possibly followed by more; a named tuple counts too.
fn is_pair(values: &Looks<'_>, id: Id) -> bool {
    let is_tensor = |&member: &Id| matches!(values.get(member), Value::Tensor(_));
    let members = match values.get(id) {
        Value::Object(object) if !object.called && object.states.is_empty() => {
            values.members(object.args)
        }
        _ => values.members(id),
    };
    members.is_some_and(|members| members.len() >= 2 && members.iter().all(is_tensor))
}

/// Whether the whole pickle is K and V of one layer.
pub(super) fn is_one_layer(values: &Values, root: Id) -> bool {
    is_pair(&Looks::new(values, values.extent()), root)
        && values
            .members(root)
            .is_some_and(|members| members.len() == 2)
}

fn holds(values: &Looks<'_>, id: Id) -> bool {
    matches!(
        values.get(id),
        Value::Tensor(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Object(_)
    )
}

/// Name of what a dict has under a key: a text, a number or, as in `{(0, "k"): ..}`, several of these.
fn key_name(values: &Looks<'_>, key: Id) -> Option<String> {
    let plain = |id: Id| match values.get(id) {
        Value::Text(text, _) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    };
    match values.get(key) {
        Value::Tuple(parts) if (1..=MAX_KEY_PARTS).contains(&parts.len()) => {
            let parts: Option<Vec<String>> = parts.iter().map(|&part| plain(part)).collect();
            parts.map(|parts| parts.join("."))
        }
        _ => plain(key),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

impl Found<'_> {
    /// Name pattern according to the shape of the tree, if all caches have the same form.
    pub fn pattern(&self) -> Option<String> {
        let mut caches = self.caches.iter();
        let (path, names) = caches.next()?;
        let one_form = caches.clone().all(|(_, other)| other == names);
        let plain = |path: &str| !path.contains(['{', '}', '*']);
        match (caches.next(), path.as_str()) {
            _ if !one_form || !plain(path) => None,
            (None, "") => Some(names.clone()),
            (None, path) => Some(format!("{path}.{names}")),
            (Some(_), _) => Some(format!("{{run}}.{names}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_on_a_file_goes_by_its_size_not_by_the_number_of_paths() {
        let mut values = Values::default();
        let mut add = |value| values.add(value).unwrap();
        let storage = add(Value::None);
        let mut last = add(Value::Tensor(Box::new(Tensor {
            storage,
            dtype: "float16",
            offset: 0,
            shape: vec![1],
            strides: vec![1],
            negated: false,
        })));
        // Ten lists, each of the one before it four times: a million paths lead to the tensor.
        let mut lists = Vec::new();
        for _ in 0..10 {
            last = add(Value::List(vec![last; 4]));
            lists.push(last);
        }
        let found = find(&values, last);
        assert!(found.cut);
        assert!(found.tensors.len() < VISITS * MIN_EXTENT);
        let found = find(&values, lists[3]);
        assert!(!found.cut);
        assert_eq!(found.tensors.len(), 4usize.pow(4));
    }
}
