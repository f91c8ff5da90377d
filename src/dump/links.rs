//! Files that stand for others: links in a tar archive, links that were written out as text (by git without symbolic
//! links, by zip tools), and Git LFS pointers. A link is followed if it leads to a file of the same dump.

use std::collections::{HashMap, HashSet};

use super::archive::{Link, ListedFile};
use super::bytes::path::linked_path;
use super::bytes::small_text::{is_lfs_pointer, small_text};
use super::format::{Findings, format_of};
use super::problem::{Fault, Problem};

/// Maximum number of links that lead from one to the next, as Linux has it: some lead back to themselves.
const MAX_LINKS: usize = 40;

/// What a small file stands for.
enum StandIn {
    Link(String),
    Pointer,
}

/// Replaces links by the files they lead to. A link that leads nowhere is removed and reported as a problem.
///
/// Links written as text are searched for only if at least one file that should hold something else is such a text:
/// most dumps have none, and then no file is read for this.
pub(super) fn follow(files: &mut Vec<ListedFile>, findings: &mut Findings) {
    let is_described = |file: &ListedFile| format_of(&file.path).is_some();
    if files
        .iter()
        .any(|file| is_described(file) && stand_in(file).is_some())
    {
        follow_texts(files, findings);
    }
    let mut spans = HashMap::new();
    let mut links = HashMap::new();
    let targets: HashSet<&str> = files
        .iter()
        .filter_map(|file| Some(file.link.as_ref()?.target.as_str()))
        .collect();
    for file in files.iter() {
        if targets.contains(file.path.as_str()) {
            match &file.link {
                Some(link) => drop(links.insert(file.path.clone(), link.target.clone())),
                None => drop(spans.insert(file.path.clone(), file.span.clone())),
            }
        }
    }
    files.retain_mut(|file| {
        let Some(Link {
            mut target,
            is_hard,
        }) = file.link.take()
        else {
            return true;
        };
        for _ in 0..MAX_LINKS {
            let Some(next) = links.get(&target) else {
                break;
            };
            target.clone_from(next);
        }
        match spans.get(&target) {
            Some(span) => {
                file.span = span.clone();
                if !is_hard {
                    findings.parts.insert(target);
                }
                true
            }
            None => {
                let why = format!("a link to {target}, which is no file of the dump; left out");
                findings.problem(Problem::new(&file.path, Fault::Broken(why)));
                false
            }
        }
    });
}

fn follow_texts(files: &mut Vec<ListedFile>, findings: &mut Findings) {
    let paths: HashSet<String> = files.iter().map(|file| file.path.clone()).collect();
    files.retain_mut(|file| match stand_in(file) {
        Some(StandIn::Link(target)) if paths.contains(&target) => {
            file.link = Some(Link {
                target,
                is_hard: false,
            });
            file.head = None;
            true
        }
        Some(StandIn::Pointer) => {
            findings.problem(Problem::new(&file.path, Fault::not_fetched()));
            false
        }
        _ => true,
    });
}

fn stand_in(file: &ListedFile) -> Option<StandIn> {
    let text = small_text(&file.span)?;
    if is_lfs_pointer(text.as_bytes()) {
        return Some(StandIn::Pointer);
    }
    let link = text.trim_end_matches('\n');
    let is_relative = ["../", "./", "..\\", ".\\"]
        .iter()
        .any(|start| link.starts_with(start));
    let target = linked_path(&file.path, link).filter(|_| is_relative && !link.contains('\n'))?;
    (target != file.path).then_some(StandIn::Link(target))
}
