//! Examines the values of a whole dump, without an analysis.

use super::caveat::Caveats;
use super::signs::Signs;
use crate::dump::{Dump, Problem};
use std::sync::atomic::{AtomicBool, Ordering};

/// Reads every capture once; returns the signs of their values, and a problem for each capture that could not be read. `cancel` ends it
/// early, with the result so far.
pub fn look(dump: &Dump, cancel: &AtomicBool) -> (Caveats, Vec<Problem>) {
    let mut caveats = Caveats::default();
    let mut problems = Vec::new();
    for (_, fetched) in dump.fetches(0..dump.captures.len()) {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        match fetched.and_then(|fetched| fetched.decode()) {
            Ok(loaded) => caveats.add(loaded.k.shape(), &Signs::of(&loaded.k, &loaded.v)),
            Err(problem) => problems.push(problem),
        }
    }
    (caveats, problems)
}
