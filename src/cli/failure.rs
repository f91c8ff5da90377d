//! How a command fails: with words and an exit status.

/// Why no report was written: what to say, and the exit status.
pub struct Failure {
    /// One or more lines.
    pub lines: Vec<String>,
    /// Of the process.
    pub status: u8,
}

impl Failure {
    /// One that says one line.
    pub fn new(status: u8, message: impl Into<String>) -> Self {
        Self {
            lines: vec![message.into()],
            status,
        }
    }
}
