//! Names the tensors of a pickle by their path from its root (`layers.0.keys`, `key_cache.3`, `0.1`), and tells by the shape of
//! the tree which names are K and V of which layer where the names alone do not say it.

use std::collections::BTreeSet;

use super::value::{Id, Object, Tensor, Value, Values};

/// How deep tensors may lie: a dict of runs, of outputs, of caches, of layers, of tensors.
const MAX_DEPTH: usize = 12;
/// Most values that are looked at, the same one counted again on each way to it.
const MAX_VISITS: usize = 2_000_000;
/// Most tensors of one file, and most bytes of a name.
const MAX_TENSORS: usize = 200_000;
const MAX_NAME: usize = 512;
/// Most globals that are named.
const MAX_STRANGERS: usize = 20;

/// What a pickle was found to hold.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// Tensors by the path to them; one that is there twice has two.
    pub tensors: Vec<(String, &'a Tensor)>,
    /// Functions and classes that the pickle wants called and that are not known, none of which holds a tensor.
    pub strangers: BTreeSet<String>,
    /// Paths of caches, and the pattern of the names behind them.
    pub caches: BTreeSet<(String, &'static str)>,
    /// There is more than was looked at.
    pub cut: bool,
    visits: usize,
}

/// Looks through the tree below `root`.
pub(super) fn find(values: &Values, root: Id) -> Found<'_> {
    let mut found = Found::default();
    found.visit(values, root, "", 0);
    found
}

impl<'a> Found<'a> {
    fn visit(&mut self, values: &'a Values, id: Id, path: &str, depth: usize) {
        self.visits += 1;
        if self.visits > MAX_VISITS
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
                if !members.is_empty() && members.iter().all(|&member| is_pair(values, member)) {
                    self.caches.insert((path.to_owned(), "{layer}.{kv:0|1}"));
                }
                self.members(values, members, path, depth);
            }
            Value::Dict(entries) => self.entries(values, entries, path, depth),
            Value::Object(object) => self.object(values, object, path, depth),
            _ => {}
        }
    }

    fn members(&mut self, values: &'a Values, members: &'a [Id], path: &str, depth: usize) {
        for (at, &member) in members.iter().enumerate() {
            // Lists of numbers are long, and hold no tensor.
            if holds(values, member) {
                self.visit(values, member, &join(path, &at.to_string()), depth + 1);
            }
        }
    }

    fn entries(&mut self, values: &'a Values, entries: &'a [(Id, Id)], path: &str, depth: usize) {
        for &(key, value) in entries {
            let key = match values.get(key) {
                Value::Text(text) => text.to_string(),
                Value::Int(number) => number.to_string(),
                _ => continue,
            };
            if holds(values, value) {
                self.visit(values, value, &join(path, &key), depth + 1);
            }
        }
    }

    fn object(&mut self, values: &'a Values, object: &'a Object, path: &str, depth: usize) {
        let before = self.tensors.len();
        // A model's output has its parts as entries, as attributes and as the arguments of its class: the first that hold any count.
        self.entries(values, &object.entries, path, depth);
        self.members(values, &object.items, path, depth);
        if self.tensors.len() == before {
            for &state in &object.states {
                self.state(values, state, path, depth);
            }
        }
        if object.called && self.tensors.len() == before {
            let args = values.members(object.args).unwrap_or_default();
            self.members(values, args, path, depth);
            if self.tensors.len() == before && self.strangers.len() < MAX_STRANGERS {
                let class = values
                    .global(object.class)
                    .unwrap_or("a value that is no function");
                self.strangers.insert(class.to_owned());
            }
        }
    }

    /// A dict of attributes, alone or with one of slots behind it.
    fn state(&mut self, values: &'a Values, state: Id, path: &str, depth: usize) {
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

/// K and V of a layer, perhaps with more behind.
fn is_pair(values: &Values, id: Id) -> bool {
    let is_tensor = |&member: &Id| matches!(values.get(member), Value::Tensor(_));
    values
        .members(id)
        .is_some_and(|members| members.len() >= 2 && members.iter().all(is_tensor))
}

fn holds(values: &Values, id: Id) -> bool {
    matches!(
        values.get(id),
        Value::Tensor(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Object(_)
    )
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

impl Found<'_> {
    /// The pattern of names that the shape of the tree gives, where all caches have the same form.
    pub fn pattern(&self) -> Option<String> {
        let mut caches = self.caches.iter();
        let (path, names) = caches.next()?;
        let one_form = caches.clone().all(|(_, other)| other == names);
        let plain = |path: &str| !path.contains(['{', '}', '*']);
        match (caches.next(), path.as_str()) {
            _ if !one_form || !plain(path) => None,
            (None, "") => Some((*names).to_owned()),
            (None, path) => Some(format!("{path}.{names}")),
            (Some(_), _) => Some(format!("{{run}}.{names}")),
        }
    }
}
