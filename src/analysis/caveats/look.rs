//! Examines the values of a whole dump, without an analysis.

use super::caveat::Caveats;
use super::signs::Signs;
use crate::dump::{Dump, Problem};

/// Reads every capture once; returns the signs of their values, and a problem for each capture that could not be read. `go_on` is called
/// with the fraction of the bytes that was read; once it returns false, the result so far is returned.
pub fn look(dump: &Dump, go_on: &mut dyn FnMut(f64) -> bool) -> (Caveats, Vec<Problem>) {
    let all: u64 = dump.captures.iter().map(|capture| capture.bytes()).sum();
    let mut read = 0;
    let mut caveats = Caveats::default();
    let mut problems = Vec::new();
    for (index, fetched) in dump.fetches(0..dump.captures.len()) {
        if !go_on(read as f64 / all.max(1) as f64) {
            break;
        }
        read += dump.captures[index].bytes();
        match fetched.and_then(|fetched| fetched.decode()) {
            Ok(loaded) => caveats.add(loaded.k.shape(), &Signs::of(&loaded.k, &loaded.v)),
            Err(problem) => problems.push(problem),
        }
    }
    (caveats, problems)
}
