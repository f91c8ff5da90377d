//! Which files of dist/ name which others.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;

/// What precedes the address of a module in the statements that import it: it is loaded before the importing one runs.
pub const IMPORTS: [&str; 4] = [" from \"", "import \"", "from\"", "import\""];
/// What precedes an address of any file that is needed at once.
pub const ALL: [&str; 7] = [
    " from \"",
    "import \"",
    "from\"",
    "import\"",
    "new URL(\"",
    "src=\"",
    "href=\"",
];

/// The files of dist/ among `starts`, and those that they name after one of `before`, and so on.
///
/// # Errors
/// When a file can't be read.
pub fn reached<'a>(
    dist: &Path,
    starts: impl IntoIterator<Item = &'a str>,
    before: &[&str],
) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut next: Vec<PathBuf> = starts.into_iter().map(PathBuf::from).collect();
    while let Some(path) = next.pop() {
        if !dist.join(&path).is_file() || !found.insert(path.clone()) {
            continue;
        }
        let text = fs::read_to_string(dist.join(&path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        next.extend(addresses(&text, before).map(|other| plain(&folder.join(other))));
    }
    Ok(found)
}

/// Addresses in the statements of a module or of index.html. Comments import only types, which are no files.
fn addresses<'a>(text: &'a str, before: &[&str]) -> impl Iterator<Item = &'a str> {
    let is_comment = |line: &&str| {
        ["//", "/*", "*"]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
    };
    text.lines()
        .filter(move |line| !is_comment(line))
        .flat_map(|line| before.iter().flat_map(|before| line.split(before).skip(1)))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(address, _)| address)
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_static_and_outside_of_comments() {
        let text = "// from \"./no.js\";\n/** @import { T } from \"./types.js\" */\nimport { a } from \"./a.js\";\nimport {\n  b,\n} from \"../b.js\";\n\
            import \"./effects.js\";\nconst d = import(\"./d.js\");\nnew Worker(new URL(\"./w.js\", here));\n";
        let found: Vec<&str> = addresses(text, &IMPORTS).collect();
        assert_eq!(found, ["./a.js", "../b.js", "./effects.js"]);
    }

    #[test]
    fn a_minified_module_has_several_imports_in_a_line() {
        let text = "import{a}from\"./a.js\";import*as b from\"./b.js\";import\"./c.js\";const d=import(\"./d.js\");";
        let mut found: Vec<&str> = addresses(text, &IMPORTS).collect();
        found.sort_unstable();
        assert_eq!(found, ["./a.js", "./b.js", "./c.js"]);
    }

    #[test]
    fn paths_have_no_dots() {
        assert_eq!(
            plain(Path::new("views/../engine/./errors.js")),
            Path::new("engine/errors.js")
        );
    }
}
