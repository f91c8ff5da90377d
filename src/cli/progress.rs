//! Progress bars on stderr, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kvlens::analysis::{Plan, Progress};

/// Progress of an analysis; hidden where stderr is no terminal. Clones share one bar.
#[derive(Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for this plan, at 0.
    pub fn new(plan: &Plan) -> Self {
        let bar = ProgressBar::with_draw_target(Some(plan.bytes()), ProgressDrawTarget::stderr());
        let template = "{bar:32} {msg} captures, {decimal_bytes_per_sec}, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self(bar)
    }

    /// Shows the progress so far.
    pub fn show(&self, progress: Progress) {
        if !self.0.is_hidden() {
            self.0
                .set_message(format!("{}/{}", progress.captures, progress.captures_total));
            self.0.set_position(progress.bytes);
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
        let style = ProgressStyle::with_template("{bar:32} {msg}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
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
