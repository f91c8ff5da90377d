//! CSV as Python's csv module writes it: fields are quoted only if they must be. Text that could be misread is escaped
//! ([`cell`]).

use super::plain::cell;

/// A CSV file under construction: a header and lines of fields.
pub struct Csv {
    text: String,
    line_end: &'static str,
}

impl Csv {
    /// Starts a file with this header (already joined with commas), whose lines end with `line_end`.
    pub fn new(header: &str, line_end: &'static str) -> Self {
        Self {
            text: format!("{header}{line_end}"),
            line_end,
        }
    }

    /// Appends a line.
    pub fn line(&mut self, fields: &[String]) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            let field = cell(field);
            if field.contains([',', '"']) {
                self.text.push('"');
                self.text.push_str(&field.replace('"', "\"\""));
                self.text.push('"');
            } else {
                self.text.push_str(&field);
            }
        }
        self.text.push_str(self.line_end);
    }

    /// Content of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// Python's text of a boolean: `True` or `False`.
pub fn boolean(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_would_break_the_line() {
        let mut csv = Csv::new("a,b", "\r\n");
        csv.line(&["x y".to_owned(), "1,\"2\"".to_owned()]);
        assert_eq!(csv.into_bytes(), b"a,b\r\nx y,\"1,\"\"2\"\"\"\r\n");
    }
}
