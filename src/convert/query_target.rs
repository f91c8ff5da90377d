//! Queries of a layer as they will be written: their selection, element type and names.

use std::sync::Arc;

use super::error::ConvertError;
use super::names::{Taken, folder};
use super::options::ConvertOptions;
use super::overflows::Overflows;
use super::piece::convert;
use crate::dump::{Dump, Queries};
use crate::tensor::Dtype;

/// Queries of a layer as they will be written.
#[derive(Clone, Debug)]
pub(super) struct QueryTarget {
    pub queries: Arc<Queries>,
    /// Indices of the queries that are kept.
    pub kept: Vec<usize>,
    pub dtype: Dtype,
    /// Folder with a trailing `/`; `stem` is the part of the file name between `queries_` and `.json`.
    pub folder: String,
    pub stem: String,
    pub overflows: Overflows,
}

/// All queries that are kept, under distinct names.
pub(super) fn all(
    dump: &Dump,
    options: &ConvertOptions,
    overflows: &Overflows,
) -> Vec<QueryTarget> {
    let mut taken = Taken::default();
    let mut all = Vec::new();
    for queries in &dump.queries {
        let indexed = queries.positions.iter().enumerate();
        let kept: Vec<usize> = indexed
            .filter(|&(_, &position)| options.keeps_query(queries.layer_id, position))
            .map(|(index, _)| index)
            .collect();
        if kept.is_empty() {
            continue;
        }
        let narrow = options.dtype.filter(|_| queries.dtype == Dtype::F32);
        let (folder, stem) = name(queries, &kept);
        let stem = taken.free(&folder, stem);
        all.push(QueryTarget {
            queries: Arc::clone(queries),
            kept,
            dtype: narrow.map_or(queries.dtype, Dtype::from),
            folder,
            stem,
            overflows: overflows.clone(),
        });
    }
    all
}

/// Folder and file stem: the original ones if all queries are kept.
fn name(queries: &Queries, kept: &[usize]) -> (String, String) {
    let positions = || kept.iter().map(|&index| queries.positions[index]);
    let (first, last) = (
        positions().min().unwrap_or(0),
        positions().max().unwrap_or(0),
    );
    let stem = format!("t{first}_{}", last.saturating_add(1));
    let Some(path) = queries.meta_path() else {
        return (folder(&queries.run, queries.layer_id), stem);
    };
    let (folder, file) = path
        .rfind('/')
        .map_or(("", path), |slash| path.split_at(slash + 1));
    let own = file
        .strip_prefix("queries_")
        .and_then(|name| name.strip_suffix(".json"));
    let own = own.filter(|_| kept.len() == queries.positions.len());
    (folder.to_owned(), own.map_or(stem, str::to_owned))
}

impl QueryTarget {
    pub fn meta_path(&self) -> String {
        format!("{}queries_{}.json", self.folder, self.stem)
    }

    /// Token positions of the kept queries.
    pub fn positions(&self) -> Vec<u64> {
        self.kept
            .iter()
            .map(|&index| self.queries.positions[index])
            .collect()
    }

    /// Size of the written queries, in bytes.
    pub fn bytes(&self) -> u64 {
        (self.kept.len() * self.queries.heads * self.queries.head_dim * self.dtype.size()) as u64
    }

    /// Reads and converts the kept queries.
    pub fn load(&self) -> Result<Vec<u8>, ConvertError> {
        let tensor = self.queries.load()?;
        let size = tensor.shape().token_elements() * tensor.dtype().size();
        let kept = self
            .kept
            .iter()
            .flat_map(|index| &tensor.bytes()[index * size..(index + 1) * size]);
        let kept: Vec<u8> = kept.copied().collect();
        Ok(convert(tensor.dtype(), self.dtype, &kept, &self.overflows))
    }
}
