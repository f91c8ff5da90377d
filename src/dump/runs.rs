//! Several dumps at once may have runs of one name: what shows that they are not the same, and the names that tell them apart.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::contents::Dump;

impl Dump {
    /// Keeps the captures and queries of these runs alone.
    ///
    /// # Errors
    /// With the name of a run that the dump does not have; then all are kept.
    pub fn keep_runs(&mut self, runs: &[String]) -> Result<(), String> {
        let has = |run: &&String| self.captures.iter().any(|capture| capture.run == **run);
        if let Some(unknown) = runs.iter().find(|run| !has(run)) {
            return Err(unknown.clone());
        }
        self.captures.retain(|capture| runs.contains(&capture.run));
        self.queries.retain(|queries| runs.contains(&queries.run));
        Ok(())
    }

    /// Where two files or folders of the source's top hold the same tokens of the same layer of a run, they hold different runs: each is
    /// named by its file or folder too. One run whose layers lie in several folders stays one.
    pub(super) fn tell_runs_apart(&mut self) {
        let mut first: HashMap<_, &str> = HashMap::new();
        let mut doubles: HashSet<String> = HashSet::new();
        for capture in &self.captures {
            let key = (
                &capture.run,
                capture.layer_id,
                capture.seq_start,
                &capture.stage,
            );
            let top = top(&capture.path);
            if *first.entry(key).or_insert(top) != top {
                doubles.insert(capture.run.clone());
            }
        }
        if doubles.is_empty() {
            return;
        }
        let named = |run: &str, path: &str| {
            doubles
                .contains(run)
                .then(|| format!("{}/{run}", top(path)))
        };
        for capture in &mut self.captures {
            if let Some(name) = named(&capture.run, &capture.path) {
                Arc::make_mut(capture).run = name;
            }
        }
        for queries in &mut self.queries {
            if let Some(name) = named(&queries.run, &queries.path) {
                Arc::make_mut(queries).run = name;
            }
        }
    }
}

/// The file or folder of the source that a path lies in.
fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}
