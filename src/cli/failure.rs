//! The error of a command: a message and an exit status.

/// Why a command failed.
pub struct Failure {
    /// Lines of the message, at least one.
    pub lines: Vec<String>,
    /// Process exit status.
    pub status: u8,
}

impl Failure {
    /// A failure with a message of one line.
    pub fn new(status: u8, message: impl Into<String>) -> Self {
        Self {
            lines: vec![message.into()],
            status,
        }
    }
}
