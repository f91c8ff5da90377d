//! Files that are parts of one: `model-00001-of-00002.safetensors` is a shard of `model.safetensors`, in the naming
//! scheme of Hugging Face's libraries.

/// A shard, as its file name describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Path of the whole file.
    pub whole: String,
    /// Number of the shard, starting at 1.
    pub number: u32,
    pub count: u32,
}

impl Shard {
    /// The shard that the file at `path` is by its name; `None` if the name is not that of a shard.
    pub fn of(path: &str) -> Option<Self> {
        let (name, ending) = path.split_at(stem(path).len());
        let number = |digits: &str| {
            let is_number = digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok()).flatten()
        };
        let (start, count) = name.rsplit_once("-of-")?;
        let (whole, at) = start.rsplit_once('-')?;
        Some(Self {
            number: number(at)?,
            count: number(count)?,
            whole: format!("{whole}{ending}"),
        })
        .filter(|_| !whole.is_empty())
    }
}

/// A path without its file's extension.
pub(super) fn stem(path: &str) -> &str {
    let name_start = path.rfind('/').map_or(0, |slash| slash + 1);
    let dot = path[name_start..].rfind('.').filter(|&dot| dot > 0);
    dot.map_or(path, |dot| &path[..name_start + dot])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_the_ending_of_its_file_alone() {
        let stems = (stem("a.b/c.npz"), stem("a.b/c"), stem(".npz"));
        assert_eq!(stems, ("a.b/c", "a.b/c", ".npz"));
    }

    #[test]
    fn a_shard_is_told_by_its_name() {
        let shard = Shard {
            whole: "a/m.safetensors".to_owned(),
            number: 1,
            count: 2,
        };
        assert_eq!(Shard::of("a/m-00001-of-00002.safetensors"), Some(shard));
        for whole in [
            "a/m.safetensors",
            "a/m-1-of-2.safetensors",
            "-00001-of-00002.x",
            "m-99999999999-of-00002.x",
        ] {
            assert_eq!(Shard::of(whole), None, "{whole}");
        }
    }
}
