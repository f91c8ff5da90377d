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

    /// Where two files or folders hold the same tokens of the same layer of a run, they hold different runs: each is named by its file or
    /// folder too, which is the first one below what all captures lie in. One run whose layers lie in several folders stays one.
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

/// The folders that all of these paths lie in, with the slash behind them; "" where there is none.
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
