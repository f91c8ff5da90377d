//! Dumps opened together may have runs of the same name. This module decides whether those are different runs, and
//! gives them distinct names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::contents::Dump;

impl Dump {
    /// Keeps only the captures and queries of these runs.
    ///
    /// # Errors
    /// The name of a run that the dump does not have; everything is kept then.
    pub fn keep_runs(&mut self, runs: &[String]) -> Result<(), String> {
        let has = |run: &&String| self.captures.iter().any(|capture| capture.run == **run);
        if let Some(unknown) = runs.iter().find(|run| !has(run)) {
            return Err(unknown.clone());
        }
        self.captures.retain(|capture| runs.contains(&capture.run));
        self.queries.retain(|queries| runs.contains(&queries.run));
        Ok(())
    }

    /// Two files or folders that hold the same tokens of the same layer of a run must belong to different runs. The
    /// name of their file or folder is added to each run's name: the first path component below the folder that all
    /// captures share. A run whose layers are spread over several folders stays one run.
    pub(super) fn tell_runs_apart(&mut self) {
        let above = common_folder(self.captures.iter().map(|capture| capture.path.as_str())).len();
        let top = |path: &str| -> String {
            let below = path.get(above..).unwrap_or(path);
            below.split('/').next().unwrap_or(below).to_owned()
        };
        let mut first: HashMap<_, String> = HashMap::new();
        let mut doubles: HashSet<String> = HashSet::new();
        for capture in &self.captures {
            let key = (
                &capture.run,
                capture.layer_id,
                capture.seq_start,
                &capture.stage,
            );
            let top = top(&capture.path);
            if *first.entry(key).or_insert_with(|| top.clone()) != top {
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

/// Deepest folder that contains all of these paths, with a trailing slash; "" if there is none.
fn common_folder<'a>(mut paths: impl Iterator<Item = &'a str>) -> &'a str {
    let first = paths.next().unwrap_or_default();
    let length = paths.fold(first.len(), |length, path| {
        let same = first.bytes().zip(path.bytes()).take(length);
        same.take_while(|(a, b)| a == b).count()
    });
    let folders = first.as_bytes()[..length]
        .iter()
        .rposition(|byte| *byte == b'/');
    &first[..folders.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_folder_ends_with_a_slash_whatever_the_names_begin_with() {
        let of = |paths: &[&'static str]| common_folder(paths.iter().copied()).to_owned();
        assert_eq!(of(&["up/a/layer_0/m", "up/ab/layer_0/m"]), "up/");
        assert_eq!(of(&["up/a/layer_0/m", "up/a/layer_0/n"]), "up/a/layer_0/");
        assert_eq!(of(&["ä/x", "ö/x"]), "");
        assert_eq!(of(&["alone"]), "");
        assert_eq!(of(&[]), "");
    }
}
