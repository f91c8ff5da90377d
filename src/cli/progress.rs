//! A progress bar on stderr, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kvlens::analysis::{Plan, Progress};

/// The bar; it shows nothing where stderr is no terminal. A clone is the same bar.
#[derive(Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// At nothing done of the plan.
    pub fn new(plan: &Plan) -> Self {
        let bar = ProgressBar::with_draw_target(Some(plan.bytes()), ProgressDrawTarget::stderr());
        let template = "{bar:32} {msg} captures, {decimal_bytes_per_sec}, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self(bar)
    }

    /// Shows how far the run is.
    pub fn show(&self, progress: Progress) {
        if !self.0.is_hidden() {
            self.0
                .set_message(format!("{}/{}", progress.captures, progress.captures_total));
            self.0.set_position(progress.bytes);
        }
    }

    /// Takes the bar away.
    pub fn close(&self) {
        self.0.finish_and_clear();
    }
}

/// A bar of work that is told as a share of 1, with a word on what is done.
#[derive(Clone)]
pub struct ShareBar(ProgressBar);

/// Steps of the bar.
const STEPS: u64 = 1000;

impl ShareBar {
    /// At nothing done.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:32} {msg}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// Shows how much is done of what.
    pub fn show(&self, what: &'static str, share: f64) {
        if !self.0.is_hidden() {
            self.0.set_message(what);
            self.0.set_position((share * STEPS as f64) as u64);
        }
    }

    /// Takes the bar away.
    pub fn close(&self) {
        self.0.finish_and_clear();
    }
}
