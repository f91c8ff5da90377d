//! Makes text from a dump (names of files, runs, stages) safe to display: characters that would control a terminal, a
//! spreadsheet or the direction of text instead of being read are escaped. Everything that prints such text uses these
//! functions.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character controls the display instead of being seen: control characters (an escape sequence clears a
/// screen, a line break forges a line), marks that change the direction of what follows (`U+202E` makes `fdp.exe` of
/// `exe.pdf`), and the two Unicode line separators.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with such characters escaped as in JSON (`
/// `, `\u001b`): a single line, and inside a JSON string still the same text.
///
/// ```
/// use kvlens::report::plain::plain;
/// assert_eq!(plain("prefill"), "prefill");
/// assert_eq!(plain("a\nb\u{1b}[2J\u{202e}c"), r"a\nb\u001b[2J\u202ec");
/// ```
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if steers(c) => {
                // All of them are below U+10000: four digits suffice.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The text as a CSV field: [`plain`], and if a spreadsheet would take it for a formula, prefixed with an apostrophe,
/// which makes it text. Numbers, including negative ones, stay as they are.
///
/// ```
/// use kvlens::report::plain::cell;
/// assert_eq!(cell("-1"), "-1");
/// assert_eq!(cell("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
/// ```
pub fn cell(text: &str) -> Cow<'_, str> {
    let text = plain(text);
    if text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err() {
        return Cow::Owned(format!("'{text}"));
    }
    text
}

/// The text within a line of Markdown: [`plain`], with markup and HTML characters escaped by a backslash.
///
/// ```
/// use kvlens::report::plain::markdown;
/// assert_eq!(markdown("prompt_128"), "prompt\\_128");
/// assert_eq!(markdown("a|b[x](y)"), r"a\|b\[x\]\(y\)");
/// ```
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '{'
                | '}'
                | '['
                | ']'
                | '<'
                | '>'
                | '('
                | ')'
                | '#'
                | '!'
                | '|'
                | '~'
                | '&'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_that_steers_is_left_and_all_others_are() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            let shown = plain(&text);
            assert!(!shown.contains(steers), "{c:?}");
            assert_eq!(shown == text, !steers(c), "{c:?}");
        }
    }

    #[test]
    fn an_escaped_json_text_still_reads_as_the_same() {
        let text = "a\u{202e}b\u{85}c\u{7f}";
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(serde_json::from_str::<String>(&plain(&json)).unwrap(), text);
    }

    #[test]
    fn a_spreadsheet_runs_no_cell() {
        for formula in ["=1+1", "+1+1", "@SUM(1)", "-cmd", "=", "--1"] {
            assert!(cell(formula).starts_with('\''), "{formula}");
        }
        for number in [
            "-1",
            "+1",
            "-1e-05",
            "-inf",
            "1.5",
            "prefill",
            "bs64_topk0.8_b10",
        ] {
            assert_eq!(cell(number), number);
        }
    }
}
