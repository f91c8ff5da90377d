//! Progress bars on stderr, where that is a terminal.

use std::fmt::Write;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use kvlens::analysis::Progress;

/// A style from a template in which `{left}` is the time left. At 0, where nothing is known yet, it is empty; `{eta}` would say 0 seconds.
fn style(template: &str) -> ProgressStyle {
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("left", |state: &ProgressState, out: &mut dyn Write| {
        if state.pos() > 0 {
            let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
        }
    })
}

/// Progress of an analysis; hidden where stderr is no terminal. Clones share one bar.
#[derive(Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar at 0.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(style(
            "{bar:32} {msg} captures, {decimal_bytes_per_sec}{left}",
        ));
        Self(bar)
    }

    /// Shows the progress so far.
    pub fn show(&self, progress: Progress) {
        if !self.0.is_hidden() {
            self.0
                .set_message(format!("{}/{}", progress.captures, progress.captures_total));
            let total = progress.bytes_total;
            self.0.set_length(total);
            self.0.set_position((progress.share * total as f64) as u64);
        }
    }

    /// Removes the bar.
    pub fn close(&self) {
        self.0.finish_and_clear();
    }
}

/// Progress as a fraction of 1, with the name of the current step.
#[derive(Clone)]
pub struct ShareBar(ProgressBar);

/// Resolution of the bar.
const STEPS: u64 = 1000;

impl ShareBar {
    /// A bar at 0.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        bar.set_style(style("{bar:32} {msg}{left}"));
        Self(bar)
    }

    /// Shows the current step and the fraction that is done.
    pub fn show(&self, what: &'static str, share: f64) {
        if !self.0.is_hidden() {
            self.0.set_message(what);
            self.0.set_position((share * STEPS as f64) as u64);
        }
    }

    /// Removes the bar.
    pub fn close(&self) {
        self.0.finish_and_clear();
    }
}
