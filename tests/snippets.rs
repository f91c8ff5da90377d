//! `docs/dumps.md` shows the snippets exactly as they are in `docs/snippets`, which the page uses too.

use std::path::Path;

#[test]
fn every_snippet_is_shown_as_it_is() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = std::fs::read_to_string(docs.join("dumps.md")).unwrap();
    let mut shown = 0;
    for entry in docs.join("snippets").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            page.contains(&format!("snippets/{name}")),
            "{name} is not in docs/dumps.md"
        );
        // Of long ones only the start is shown.
        let is_long = text.lines().count() > 20;
        let expected = if is_long {
            text.lines().take(7).collect::<Vec<_>>().join("\n")
        } else {
            text
        };
        assert!(
            page.contains(&expected),
            "{name} has changed: docs/dumps.md shows another text"
        );
        shown += 1;
    }
    assert!(shown >= 6);
}
