//! The layering of the sources: `use` lines point down between folders, and no files of `src` depend on each other in a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Layers, lowest first: a file may use files of its own row and of rows before it. The longest matching path prefix
/// counts.
const FLOORS: &[&[&str]] = &[
    &["numeric", "par"],
    &["tensor"],
    &["kvz"],
    &["report", "codec", "metrics", "lossy", "scheme", "dump"],
    &["captured_queries"],
    &["analysis", "convert", "inspect", "pack"],
    &["rows"],
    &["cli", "web"],
    &["lib", "main"],
];

/// Folders on one row that must not depend on each other.
const STRANGERS: &[&str] = &["report", "codec", "metrics", "lossy", "scheme", "dump"];

/// Submodules of `dump`, lowest first.
const DUMP: &[&[&str]] = &[
    &["dump/bytes", "dump/natural"],
    &["dump/problem"],
    &["dump/capture", "dump/queries"],
    &["dump/arrays", "dump/archive"],
    &["dump/format"],
    &["dump"],
];

type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_files_depend_on_each_other_in_a_circle() {
    let graph = uses();
    assert!(graph.len() > 100, "the files of src are read");
    let mut circles = Vec::new();
    for file in graph.keys() {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&String> = graph[file].iter().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(graph.get(next).into_iter().flatten());
            }
        }
        if reached.contains(file) {
            circles.push(file);
        }
    }
    assert!(
        circles.is_empty(),
        "these use each other in a circle: {circles:#?}"
    );
}

#[test]
fn arrows_between_folders_point_down() {
    let mut wrong = Vec::new();
    for (file, uses) in uses() {
        for used in uses {
            let (from, to) = (floor(FLOORS, &file), floor(FLOORS, &used));
            let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
            let strangers = top(&file) != top(&used)
                && STRANGERS.contains(&&*top(&file))
                && STRANGERS.contains(&&*top(&used));
            let up_in_dump = top(&file) == "dump"
                && top(&used) == "dump"
                && floor(DUMP, &file) < floor(DUMP, &used);
            if from < to || strangers || up_in_dump {
                wrong.push(format!("{file} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Index of the row that a file belongs to.
fn floor(floors: &[&[&str]], file: &str) -> usize {
    let is_in = |prefix: &str| {
        let rest = file.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let rows = floors.iter().enumerate();
    let prefixes =
        rows.flat_map(|(row, prefixes)| prefixes.iter().map(move |prefix| (row, *prefix)));
    prefixes
        .filter(|(_, prefix)| is_in(prefix))
        .max_by_key(|(_, prefix)| prefix.len())
        .unwrap_or_else(|| panic!("{file} stands on no floor: say on which in tests/layers.rs"))
        .0
}

/// The files that each file of `src` uses, by module path: `dump/bytes/stream`. A folder's `mod.rs` and the file that
/// declares its modules stand for the folder itself; re-exports are followed to the file they come from.
fn uses() -> Graph {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = BTreeMap::new();
    read(&root, &root, &mut texts);
    let exports: BTreeMap<&String, Vec<Vec<String>>> = texts
        .iter()
        .map(|(file, text)| (file, paths(text, true)))
        .collect();
    let mut graph = Graph::new();
    for (file, text) in &texts {
        let mut found = BTreeSet::new();
        for path in paths(text, false) {
            if let Some(used) = resolve(file, &path, &texts, &exports, 0) {
                found.insert(used);
            }
        }
        found.remove(file);
        graph.insert(file.clone(), found);
    }
    // A file that declares modules and re-exports their items stands for its folder; `resolve` follows the re-exports.
    graph
}

fn read(root: &Path, folder: &Path, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, texts);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let inner = path.strip_prefix(root).unwrap().with_extension("");
            let name = inner.to_str().unwrap().replace('\\', "/");
            let name = name.strip_suffix("/mod").unwrap_or(&name).to_owned();
            let text = fs::read_to_string(&path).unwrap();
            texts.insert(name, without_tests(&text));
        }
    }
}

/// The text without its test modules, which may use anything: one in a file of its own is a line, others are at the end.
fn without_tests(text: &str) -> String {
    let mut parts = text.split("#[cfg(test)]\nmod ");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (declared, after) = part.split_once('\n').unwrap_or((part, ""));
        if !declared.ends_with(';') {
            break;
        }
        rest.push_str(after);
    }
    rest
}

/// Paths of a file's `use` lines, each down to its last name; either those of `pub use` or the others.
fn paths(text: &str, exports: bool) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    for statement in code.split(';') {
        let line = statement.trim_start();
        let Some(at) = find_use(line) else { continue };
        let is_export = line[..at].contains("pub");
        if is_export == exports {
            tree(&line[at + 4..], &mut Vec::new(), &mut found);
        }
    }
    if !exports {
        // Paths written out in the code.
        for start in ["crate::", "super::"] {
            for (at, _) in code.match_indices(start) {
                let path = path_at(&code[at..]);
                // Alone before a `{` or `*` it belongs to a use line; behind `in` it limits who sees an item; behind a
                // `:` it was seen with what is before it.
                let is_part = [":", "(in "]
                    .iter()
                    .any(|before| code[..at].ends_with(before));
                if path.contains("::") && !is_part {
                    found.push(path.split("::").map(str::to_owned).collect());
                }
            }
        }
        found.extend(paths_into_submodules(&code));
    }
    found
}

/// The path that a text starts with.
fn path_at(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    text[..end.unwrap_or(text.len())].trim_end_matches(':')
}

/// Paths written out in the code that start with a module that the file declares, as in `block::Coder`.
fn paths_into_submodules(code: &str) -> Vec<Vec<String>> {
    let is_use = |statement: &&str| find_use(statement.trim_start()).is_some();
    let uses_left_out: Vec<&str> = code.split(';').filter(|part| !is_use(part)).collect();
    let code = uses_left_out.join(";");
    let mut found = Vec::new();
    for declared in code.split(';') {
        let Some((_, module)) = declared.rsplit_once("mod ") else {
            continue;
        };
        for (at, _) in code.match_indices(&format!("{module}::")) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if !before.is_alphanumeric() && !"_:".contains(before) {
                let path = path_at(&code[at..]);
                found.push(path.split("::").map(str::to_owned).collect());
            }
        }
    }
    found
}

/// Offset of `use ` in a statement, if it is a use line.
fn find_use(statement: &str) -> Option<usize> {
    let at = statement.rfind("use ")?;
    let before = statement[..at].rsplit('\n').next().unwrap_or_default();
    let before = before.trim();
    (before.is_empty() || before.starts_with("pub")).then_some(at)
}

/// Splits `a::{b, c::d}` into its paths.
fn tree(text: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let text = text.trim();
    match text.find('{') {
        Some(open) if !text[..open].contains(',') => {
            let depth = prefix.len();
            let names = text[..open].split("::").map(str::trim);
            prefix.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
            let inside = &text[open + 1..text.rfind('}').unwrap_or(text.len())];
            for branch in branches(inside) {
                tree(branch, prefix, found);
            }
            prefix.truncate(depth);
        }
        _ => {
            let name = text.split(" as ").next().unwrap_or_default();
            let names = name.split("::").map(|name| name.trim().to_owned());
            let path: Vec<String> = prefix.iter().cloned().chain(names).collect();
            if !name.is_empty() {
                found.push(path);
            }
        }
    }
}

fn branches(inside: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, symbol) in inside.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inside[start..]);
    found.retain(|branch| !branch.trim().is_empty());
    found
}

/// The file in which the item `path` lies, as seen from `file`.
fn resolve(
    file: &str,
    path: &[String],
    texts: &BTreeMap<String, String>,
    exports: &BTreeMap<&String, Vec<Vec<String>>>,
    depth: usize,
) -> Option<String> {
    assert!(depth < 20, "{file}: {path:?} leads nowhere");
    let mut module: Vec<&str> = match path.first()?.as_str() {
        "crate" | "kvlens" => vec![],
        "super" | "self" => file.split('/').collect(),
        own if texts.contains_key(&join(file, own)) => file.split('/').collect(),
        _ => return None,
    };
    let mut rest = path;
    while let Some((name, behind)) = rest.split_first() {
        match name.as_str() {
            "crate" | "kvlens" | "self" => {}
            "super" => drop(module.pop()),
            name => {
                let below = [module.as_slice(), &[name]].concat();
                if !texts.contains_key(&below.join("/")) {
                    break;
                }
                module = below;
            }
        }
        rest = behind;
    }
    let here = if module.is_empty() {
        "lib".to_owned()
    } else {
        module.join("/")
    };
    if here == "lib" {
        return None;
    }
    let Some(item) = rest.first() else {
        return Some(here);
    };
    // An item that the module only re-exports.
    let exported = exports
        .get(&here)?
        .iter()
        .find(|path| path.last() == Some(item));
    match exported {
        Some(path) => resolve(&here, path, texts, exports, depth + 1).or(Some(here)),
        None => Some(here),
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() || folder == "lib" {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
