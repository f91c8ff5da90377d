//! Matches captured queries to the captures of their layer, and checks that they fit.

use std::collections::HashMap;
use std::sync::Arc;

use super::capture::Capture;
use super::contents::Dump;
use super::problem::Problem;
use super::queries::Queries;
use crate::tensor::Shape;

impl Dump {
    /// Assigns queries of plain arrays to the run of their file's captures. Queries that do not fit their layer's
    /// captures are left out and reported; the layer's first capture counts, since captures whose shapes differ are a
    /// problem of their own.
    pub(super) fn match_queries(&mut self) {
        let mut by_layer: HashMap<(&str, i64), &Capture> = HashMap::new();
        let mut by_file: HashMap<(&str, i64), &Capture> = HashMap::new();
        for capture in &self.captures {
            by_layer
                .entry((&capture.run, capture.layer_id))
                .or_insert(capture);
            if capture.inner.is_none() {
                by_file
                    .entry((capture.k.span.stream().file_name(), capture.layer_id))
                    .or_insert(capture);
            }
        }
        let problems = &mut self.problems;
        self.queries.retain_mut(|queries| {
            let of_run = by_layer.get(&(queries.run.as_str(), queries.layer_id));
            let of_file = by_file.get(&(queries.q.span.stream().file_name(), queries.layer_id));
            let capture = of_run
                .or(of_file.filter(|_| queries.inner.is_none()))
                .copied();
            if let Some(capture) = capture
                && capture.run != queries.run
            {
                Arc::make_mut(queries).run.clone_from(&capture.run);
            }
            let misfit = capture.and_then(|capture| misfit(queries, capture));
            let fits = misfit.is_none();
            problems.extend(misfit);
            fits
        });
    }
}

fn misfit(queries: &Queries, capture: &Capture) -> Option<Problem> {
    let Shape {
        kv_heads, head_dim, ..
    } = capture.shape;
    if head_dim != queries.head_dim {
        let expected = format!("{head_dim}, as {} has it", capture.path);
        return Some(Problem::field(
            &queries.path,
            "head_dim",
            queries.head_dim,
            expected,
        ));
    }
    if kv_heads == 0 || !queries.heads.is_multiple_of(kv_heads) {
        let expected = format!("a multiple of the {kv_heads} KV heads of {}", capture.path);
        return Some(Problem::field(
            &queries.path,
            "q_heads",
            queries.heads,
            expected,
        ));
    }
    None
}
