//! A packed archive can only be read forward: it is unpacked as seldom as can be, however many spans of it a capture needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kvlens::dump::{Dump, FileEntry, MemorySource, ScanOptions, Source, SourceError, scan};
use kvlens::pack::{self, Method, PackOptions, Packer};
use kvlens::tensor::Tensor;
use tar::{gzip, tar};

#[path = "common/tar.rs"]
mod tar;

/// A source of one small file that counts how often its start is read: unpacking begins there.
struct Counted {
    memory: MemorySource,
    starts: AtomicUsize,
}

impl Source for Counted {
    fn files(&self) -> &[FileEntry] {
        self.memory.files()
    }

    fn read_at(&self, file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError> {
        self.starts
            .fetch_add(usize::from(offset == 0), Ordering::Relaxed);
        self.memory.read_at(file, offset, len)
    }
}

/// A scanned archive.
struct Archive {
    dump: Dump,
    source: Arc<Counted>,
    pending_bytes: u64,
}

impl Archive {
    fn open(name: &str, bytes: Vec<u8>, pending_bytes: u64) -> Self {
        Self::open_as(name, bytes, pending_bytes, "{}")
    }

    fn open_as(name: &str, bytes: Vec<u8>, pending_bytes: u64, mapping: &str) -> Self {
        let source = Arc::new(Counted {
            memory: MemorySource::new([(name.to_owned(), bytes)]),
            starts: AtomicUsize::new(0),
        });
        let mut options = ScanOptions {
            part_decoder: pack::decoder(),
            mapping: serde_json::from_str(mapping).unwrap(),
            ..ScanOptions::default()
        };
        options.limits.pending_bytes = pending_bytes;
        let dump = scan(&(source.clone() as Arc<dyn Source>), &options);
        assert!(dump.problems.is_empty(), "{:?}", dump.problems);
        assert!(!dump.captures.is_empty());
        Self {
            dump,
            source,
            pending_bytes,
        }
    }

    /// How often the archive was unpacked since the last question.
    fn unpacked(&self) -> usize {
        self.source.starts.swap(0, Ordering::Relaxed)
    }

    /// Reads each capture by itself, then all of them; how often the archive was unpacked for one, and for all.
    fn read(&self) -> ([Vec<[Tensor; 2]>; 2], [usize; 2]) {
        self.unpacked();
        let mut most = 0;
        let alone = self.dump.captures.iter().map(|capture| {
            let loaded = capture.fetch().unwrap().decode().unwrap();
            most = most.max(self.unpacked());
            [loaded.k, loaded.v]
        });
        let alone: Vec<[Tensor; 2]> = alone.collect();
        let count = self.dump.captures.len();
        let order = self.dump.fetch_order(0..count);
        let fetches = self.dump.fetches(0..count);
        let mut together: Vec<Option<[Tensor; 2]>> = vec![None; count];
        for ((index, fetched), expected) in fetches.zip(order) {
            assert_eq!(index, expected, "within {} bytes", self.pending_bytes);
            let loaded = fetched.unwrap().decode().unwrap();
            together[index] = Some([loaded.k, loaded.v]);
        }
        let together = together.into_iter().flatten().collect();
        ([alone, together], [most, self.unpacked()])
    }
}

fn case(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/data/cases/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

const ROOM: u64 = 1 << 20;

#[test]
fn a_quantized_cache_in_a_packed_tar_is_unpacked_once_for_all_its_codes_and_scales() {
    let bytes = case("mlx-0.32/prompt_cache.safetensors");
    let [tar, packed] = ["a.tar", "a.tar.gz"].map(|name| {
        let tar = tar(&[("cache.safetensors", &bytes)]);
        let bytes = match name {
            "a.tar" => tar,
            _ => gzip(&tar),
        };
        Archive::open(name, bytes, ROOM)
    });
    assert_eq!(
        packed.unpacked(),
        2,
        "for its list, and for all its scalars"
    );
    let (expected, _) = tar.read();
    let (found, unpacked) = packed.read();
    assert_eq!(found, expected);
    assert_eq!(unpacked, [1, 1], "for a capture, for all captures");
}

#[test]
fn many_pickles_and_states_in_a_packed_tar_are_found_by_unpacking_it_twice() {
    let pickle = case("torch-2.15/plain.pkl");
    let stream = case("torch-2.15/legacy_tuple_stream.bin");
    let names: Vec<String> = (0..6).map(|number| format!("run_{number}/cache")).collect();
    let files: Vec<(String, &[u8])> = names
        .iter()
        .flat_map(|name| {
            [
                (format!("{name}.pkl"), pickle.as_slice()),
                (format!("{name}.bin"), stream.as_slice()),
            ]
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), *bytes))
        .collect();
    let plain = tar(&files);
    let packed = Archive::open("a.tar.gz", gzip(&plain), ROOM);
    assert_eq!(packed.unpacked(), 2, "for its list, and for all its files");
    let (expected, _) = Archive::open("a.tar", plain, ROOM).read();
    let (found, unpacked) = packed.read();
    assert_eq!((found[0].len(), unpacked[1]), (36, 1));
    assert_eq!(found, expected);
}

#[test]
fn the_scalars_of_all_mlx_caches_in_a_packed_tar_are_read_in_one_pass() {
    let bytes = case("mlx-0.32/prompt_cache.safetensors");
    let names: Vec<String> = (0..4)
        .map(|number| format!("prompt_{number}.safetensors"))
        .collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), bytes.as_slice()))
        .collect();
    let packed = Archive::open("a.tar.gz", gzip(&tar(&files)), ROOM);
    assert_eq!(packed.unpacked(), 2, "for its list, and for all scalars");
}

#[test]
fn with_little_room_a_packed_archive_is_unpacked_again_for_what_had_none() {
    let bytes = gzip(&tar(&[(
        "cache.safetensors",
        &case("mlx-0.32/prompt_cache.safetensors"),
    )]));
    let (expected, _) = Archive::open("a.tar.gz", bytes.clone(), ROOM).read();
    let little = Archive::open("a.tar.gz", bytes, 1);
    let (found, [one, all]) = little.read();
    assert_eq!(found, expected);
    assert!(one == 1 && all <= little.dump.captures.len(), "{all}");
}

/// An npy file of this shape with the fp16 numbers 0, 1, 2, ...
fn npy(shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let header = format!(
        "{{'descr': '<f2', 'fortran_order': False, 'shape': ({}), }}",
        sizes.join(", ")
    );
    let header = format!("{header:<117}\n");
    let values = 0..shape.iter().product::<usize>() as u16;
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(header.bytes());
    bytes.extend(values.flat_map(u16::to_le_bytes));
    bytes
}

#[test]
fn k_and_v_that_lie_interleaved_in_a_packed_tar_are_unpacked_once() {
    // [token, K or V, head, dim]: the spans of K and V overlap.
    let array = npy(&[4, 2, 2, 8]);
    let plain = tar(&[
        ("layer_0.npy", &array),
        ("layer_1.npy", &array),
        ("layer_2.npy", &array),
    ]);
    let mapping = r#"{"tensorNames": "layer_{layer}", "axes": "seq,kv,heads,dim"}"#;
    let (expected, _) = Archive::open_as("a.tar", plain.clone(), ROOM, mapping).read();
    let packed = Archive::open_as("a.tar.gz", gzip(&plain), ROOM, mapping);
    let (found, unpacked) = packed.read();
    assert_eq!(found, expected);
    assert_eq!((found[0].len(), unpacked), (3, [1, 1]));
}

#[test]
fn captures_that_are_slices_of_one_part_in_a_packed_tar_are_unpacked_once() {
    let folder = format!("{}/tests/data/formats/folder", env!("CARGO_MANIFEST_DIR"));
    let source = kvlens::dump::FolderSource::open(folder.as_ref()).unwrap();
    let dump = scan(
        &(Arc::new(source) as Arc<dyn Source>),
        &ScanOptions::default(),
    );
    let options = PackOptions::new(Method::Lossless, Method::Lossless);
    let mut packer = Packer::new(&dump, &options).unwrap();
    let parts: Vec<Vec<u8>> = packer.by_ref().map(Result::unwrap).collect();
    let kvz = [packer.head().unwrap(), parts.concat()].concat();
    let plain = tar(&[("a.kvz", &kvz)]);
    let (expected, _) = Archive::open("a.tar", plain.clone(), ROOM).read();
    let packed = Archive::open("a.tar.gz", gzip(&plain), ROOM);
    let (found, unpacked) = packed.read();
    assert!(packer.layers() < found[0].len(), "parts are shared");
    assert_eq!(found, expected);
    assert_eq!(unpacked, [1, 1]);
}
