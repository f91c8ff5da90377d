//! Paths: parsing file names, and validating paths that a file gives (entries of an archive, files that a meta file
//! names).

/// Last component of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// A name as text. Bytes that are not UTF-8 are written as `%B2`, so that names in an old encoding stay distinct.
pub(crate) fn escaped(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Whether a file name matches `rule`, a text in which one `*` matches anything. If the rule starts with `*`, its
/// ending matches in any case.
pub(crate) fn is_like(name: &str, rule: &str) -> bool {
    let (start, ending) = rule.split_once('*').unwrap_or((rule, ""));
    if start.is_empty() {
        let (name, ending) = (name.as_bytes(), ending.as_bytes());
        let at = name.len().checked_sub(ending.len());
        return at.is_some_and(|at| name[at..].eq_ignore_ascii_case(ending));
    }
    name.len() >= start.len() + ending.len() && name.starts_with(start) && name.ends_with(ending)
}

/// Whether the file belongs to the operating system: macOS writes `._NAME` beside the files of an archive.
pub(crate) fn is_system_file(name: &str) -> bool {
    name.starts_with("._")
}

/// `name` without `.` components; `None` if it is absolute, climbs with `..` or can't be a path.
pub(crate) fn inner_path(name: &str) -> Option<String> {
    if name.starts_with('/') || name.contains(['\\', '\0']) || name.get(1..2) == Some(":") {
        return None;
    }
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

/// Path that a link at `from` with the target `target` leads to; `None` if it leaves the source.
pub(crate) fn linked_path(from: &str, target: &str) -> Option<String> {
    let target = target.replace('\\', "/");
    if target.starts_with('/') || target.contains('\0') || target.get(1..2) == Some(":") {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Prefix of the name of a folder that kvlens has not finished writing: a scan must not take its content for a dump.
pub const UNFINISHED_START: &str = ".kvlens-";
/// Suffix of such a name.
pub const UNFINISHED_END: &str = ".tmp";

/// Whether a folder of this name holds output that a run of kvlens has not finished writing.
///
/// ```
/// assert!(kvlens::dump::unfinished_name(".kvlens-convert-x7Kq.tmp"));
/// assert!(!kvlens::dump::unfinished_name("prompt_128"));
/// ```
pub fn unfinished_name(name: &str) -> bool {
    name.starts_with(UNFINISHED_START) && name.ends_with(UNFINISHED_END)
}

/// The unfinished folder that contains the file; `None` if there is none.
pub(crate) fn unfinished_folder(path: &str) -> Option<&str> {
    let mut ends = path.match_indices('/').map(|(end, _)| end);
    ends.find(|&end| {
        let folder = &path[..end];
        unfinished_name(file_name(folder))
    })
    .map(|end| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_one_star() {
        assert!(is_like("A.NPY", "*.npy") && is_like("meta_a.json", "meta_*.json"));
        assert!(!is_like("meta_.jso", "meta_*.json") && !is_like("META_a.json", "meta_*.json"));
        assert!(!is_like("meta_json", "meta_*_json") && is_like("x", "x"));
    }

    #[test]
    fn names_in_an_old_encoding_stay_distinct() {
        assert_eq!(escaped("a/测 %".as_bytes()), "a/测 %");
        assert_eq!(escaped(b"\xb2\xe2/k"), "%B2%E2/k");
        assert_ne!(escaped(b"\xb2\xe2"), escaped(b"\xb6\xd4"));
    }

    #[test]
    fn a_link_goes_from_its_own_folder() {
        let linked = |target| linked_path("a/b/c", target);
        assert_eq!(linked("../d").as_deref(), Some("a/d"));
        assert_eq!(linked("..\\..\\d/e").as_deref(), Some("d/e"));
        assert_eq!(linked("./d").as_deref(), Some("a/b/d"));
        for away in ["../../../d", "/d", "C:\\d", "../.."] {
            assert_eq!(linked(away), None, "{away}");
        }
    }

    #[test]
    fn refuses_names_that_leave_the_folder() {
        for name in [
            "/etc/passwd",
            "../k.bin",
            "a/../../k",
            "..",
            "C:\\k",
            "c:k",
            "a\\b",
            "k\0",
            ".",
            "",
        ] {
            assert_eq!(inner_path(name), None, "{name:?}");
        }
        assert_eq!(inner_path("./sub//k..bin"), Some("sub/k..bin".to_owned()));
    }
}
