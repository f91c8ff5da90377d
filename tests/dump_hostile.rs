//! Files with false claims: each becomes a problem that names entry and field, the rest of the dump is still read, and
//! no size that a file claims decides how much memory is used.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use dumps::scan_source;
use kvlens::dump::{Dump, FolderSource, MemorySource, ScanOptions, Source, scan};
use tar::{gzip, seal, tar};

#[path = "common/dumps.rs"]
mod dumps;

#[path = "common/tar.rs"]
mod tar;

fn tiny(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/tiny")
            .join(name),
    )
    .unwrap()
}

fn open(name: &str, bytes: Vec<u8>) -> Dump {
    open_files([(name.to_owned(), bytes)])
}

fn open_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Dump {
    scan_source(MemorySource::new(files), "{}")
}

fn problems(dump: &Dump) -> Vec<String> {
    dump.problems.iter().map(ToString::to_string).collect()
}

/// Number of captures that can be read completely.
fn readable(dump: &Dump) -> usize {
    let fetches = dump.fetches(0..dump.captures.len());
    fetches
        .filter(|(_, fetched)| fetched.as_ref().is_ok())
        .count()
}

fn assert_problem(dump: &Dump, text: &str) {
    let found = problems(dump);
    assert!(
        found.iter().any(|problem| problem.contains(text)),
        "{text:?} is not in {found:#?}"
    );
}

/// An uncompressed zip, by entry: name, bytes, and the claimed size.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let offset = out.len() as u32;
        let crc = crc32fast::hash(bytes).to_le_bytes();
        let size = (bytes.len() as u32).to_le_bytes();
        let name_len = (name.len() as u16).to_le_bytes();
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            crc.as_slice(),
            &size,
            &size,
            &name_len,
            &[0, 0],
        ]
        .concat();
        out.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), bytes].concat());
        directory.extend(
            [
                b"PK\x01\x02\x14\0",
                common.as_slice(),
                &[0; 10],
                &offset.to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let start = out.len() as u32;
    let count = (entries.len() as u16).to_le_bytes();
    let end = [
        &[0; 4],
        count.as_slice(),
        &count,
        &(directory.len() as u32).to_le_bytes(),
        &start.to_le_bytes(),
        &[0; 2],
    ]
    .concat();
    [out, directory, b"PK\x05\x06".to_vec(), end].concat()
}

const META: &str =
    r#"{"seq_len":1,"kv_heads":1,"head_dim":2,"bytes_per_elem":2,"k_file":"k","v_file":"v"}"#;

fn good_entries(prefix: &str) -> Vec<(String, Vec<u8>)> {
    [
        ("meta_a.json", META.as_bytes()),
        ("k", b"1234"),
        ("v", b"5678"),
    ]
    .map(|(name, bytes)| (format!("{prefix}{name}"), bytes.to_vec()))
    .to_vec()
}

/// Entries as archives are made of them.
fn borrowed(entries: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    let parts = entries.iter();
    parts
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect()
}

fn zip_with_good(more: &[(&str, &[u8])]) -> Vec<u8> {
    let good = good_entries("good/");
    let good = borrowed(&good);
    zip(&[good.as_slice(), more].concat())
}

#[test]
fn entries_that_leave_the_archive_are_refused() {
    for name in [
        "../meta_a.json",
        "/meta_a.json",
        "a/../../meta_a.json",
        "C:/meta_a.json",
        "..\\meta_a.json",
    ] {
        let dump = open("a.zip", zip_with_good(&[(name, META.as_bytes())]));
        assert_problem(&dump, "expected a path inside the archive");
        assert_eq!((dump.captures.len(), readable(&dump)), (1, 1), "{name}");
    }
}

#[test]
fn duplicates_are_named_and_the_first_counts() {
    let dump = open("a.zip", zip_with_good(&[("good/k", b"9999")]));
    assert_problem(&dump, "a.zip/good/k: name: appears twice");
    assert_eq!(
        dump.captures[0]
            .fetch()
            .unwrap()
            .decode()
            .unwrap()
            .k
            .bytes(),
        b"1234"
    );
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let mut bytes = zip_with_good(&[("b/k", b"abcd"), ("b/v", b"efgh")]);
    // Makes the directory's last entry point at the one before it.
    let (b_k, b_v) = (
        find(&bytes, b"b/k", 0) as u32 - 30,
        find(&bytes, b"b/v", 0) as u32 - 30,
    );
    let at = rfind(&bytes, &b_v.to_le_bytes());
    bytes[at..at + 4].copy_from_slice(&b_k.to_le_bytes());
    let dump = open("a.zip", bytes);
    assert_problem(&dump, "a.zip/b/v: offset: found");
    assert_eq!(readable(&dump), 1);
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> usize {
    from + bytes[from..]
        .windows(what.len())
        .position(|window| window == what)
        .unwrap()
}

fn rfind(bytes: &[u8], what: &[u8]) -> usize {
    bytes
        .windows(what.len())
        .rposition(|window| window == what)
        .unwrap()
}

#[test]
fn problems_beyond_a_limit_are_only_counted() {
    let entries = vec![("../x", b"".as_slice()); 12_000];
    let dump = open("a.zip", zip_with_good(&entries));
    assert_eq!((dump.problems.len(), readable(&dump)), (10_001, 1));
    assert_problem(&dump, "2000 more problems are not listed");
}

#[test]
fn checksums_are_compared() {
    let mut bytes = zip_with_good(&[]);
    let at = find(&bytes, b"1234", 0);
    bytes[at] = b'0';
    let dump = open("a.zip", bytes);
    let problem = dump.captures[0].fetch().unwrap().decode().unwrap_err();
    assert!(
        problem.to_string().contains("the checksum differs"),
        "{problem}"
    );
}

#[test]
fn a_zip_entry_may_not_unpack_to_more_than_it_says_nor_say_too_much() {
    let bytes = tiny("tiny.zip");
    // The deflated K of layer 0, the second entry: its size is stored twice, in its header and in the directory.
    let name = b"r/layer_0/k_t0_2.bin";
    let directory = rfind(&bytes, name) - 46;
    for (size, expected) in [
        (
            15_u32,
            "k_file: found a file of 15 bytes, expected 16 bytes",
        ),
        (u32::MAX - 1, "(--max-unpack-ratio)"),
    ] {
        let mut bytes = bytes.clone();
        bytes[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
        let dump = open("a.zip", bytes);
        assert_problem(&dump, expected);
        assert_eq!(readable(&dump), 1, "the other layer is read");
    }
    // With a meta file that claims the larger size, it becomes a problem of reading.
    let json = |len: u32| {
        format!(
            r#"{{"seq_len":{len},"kv_heads":1,"head_dim":1,"bytes_per_elem":2,"k_file":"k","v_file":"k"}}"#
        )
    };
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&[0; 64]).unwrap();
    let packed = packed.finish().unwrap();
    for claim in [32_u32, 100] {
        let mut bytes = zip(&[("meta_a.json", json(claim / 2).as_bytes()), ("k", &packed)]);
        let directory = rfind(&bytes, b"PK\x01\x02");
        bytes[directory + 10] = 8;
        bytes[directory + 24..directory + 28].copy_from_slice(&claim.to_le_bytes());
        let dump = open("a.zip", bytes);
        let read = dump.captures[0]
            .fetch()
            .and_then(|fetched| fetched.decode());
        let error = read.unwrap_err().to_string();
        assert!(error.contains("can't be read"), "{error}");
    }
}

#[test]
fn other_zips_are_named_for_what_they_are() {
    let with = |at: usize, byte: u8| {
        let mut bytes = zip_with_good(&[("x", b"")]);
        let directory = rfind(&bytes, b"PK\x01\x02");
        bytes[directory + at] = byte;
        open("a.zip", bytes)
    };
    assert_problem(&with(8, 1), "a.zip/x: it is encrypted");
    assert_problem(
        &with(10, 9),
        "a.zip/x: compression: found method 9, expected stored or deflate",
    );
    assert_problem(
        &open("a.zip", b"Rar!".to_vec()),
        "a.zip: not a whole zip archive: it has no end record",
    );
    assert_problem(&open("a.zip", Vec::new()), "not a whole zip archive");
    let inner = zip_with_good(&[]);
    let nested =
        |count: usize| (0..count).fold(inner.clone(), |bytes, _| zip(&[("i.zip", &bytes)]));
    assert_eq!(
        readable(&open("a.zip", nested(2))),
        1,
        "archives in archives are read"
    );
    assert_problem(
        &open("a.zip", nested(5)),
        "an archive inside a packed archive is not opened",
    );
}

#[test]
fn bytes_after_a_zip_cost_none_of_its_entries() {
    for after in [b"\0\0\0".as_slice(), &[0; 70_000], b"PK\x05\x06"] {
        let padded = [zip_with_good(&[]).as_slice(), after].concat();
        let dump = open("a.zip", padded);
        if after.len() > usize::from(u16::MAX) {
            assert_problem(&dump, "it has no end record");
            continue;
        }
        assert_eq!(readable(&dump), 1);
        let bytes = after.len();
        let told = format!("a.zip: {bytes} bytes after the end of the archive are not read");
        assert_problem(&dump, &told);
    }
    // Of an archive that was cut off, an archive in it has an end record.
    let outer = zip(&[("inner.zip", &zip_with_good(&[])), ("x", b"")]);
    let cut = &outer[..rfind(&outer, b"PK\x01\x02")];
    assert_problem(&open("a.zip", cut.to_vec()), "it has no end record");
}

#[test]
fn a_file_cut_off_anywhere_is_a_problem_and_never_a_panic() {
    for (file, name) in [
        ("tiny.zip", "a.zip"),
        ("tiny.npz", "a.npz"),
        ("k_0.npy", "k_0.npy"),
        ("tiny.safetensors", "a.safetensors"),
    ] {
        let bytes = tiny(file);
        for end in 0..bytes.len() {
            let dump = open(name, bytes[..end].to_vec());
            assert!(!dump.problems.is_empty(), "{file} cut at {end}");
            readable(&dump);
        }
    }
    let meta = tiny("meta_t0_2.json");
    for end in 0..meta.len() {
        assert!(
            !open("meta_t0_2.json", meta[..end].to_vec())
                .problems
                .is_empty(),
            "cut at {end}"
        );
    }
    for file in ["gnu.tar", "pax.tar"] {
        let bytes = tiny(file);
        let whole = open("a.tar", bytes.clone());
        for end in (0..bytes.len()).step_by(7) {
            let dump = open("a.tar", bytes[..end].to_vec());
            assert!(dump.captures.len() <= whole.captures.len());
            assert_eq!(
                readable(&dump),
                dump.captures.len(),
                "{file} cut at {end}: what is listed is there"
            );
        }
    }
}

#[test]
fn a_truncated_or_empty_packed_tar_yields_what_it_has() {
    let packed = gzip(&tiny("gnu.tar"));
    for end in 0..packed.len() {
        let dump = open("a.tar.gz", packed[..end].to_vec());
        assert!(
            !dump.problems.is_empty() || dump.captures.len() == 2,
            "cut at {end}"
        );
        readable(&dump);
    }
    // 100 MB of zeros in 100 kB: an entry that is never needed must not be unpacked without limit either.
    let mut tar = tiny("gnu.tar")[1024..1536].to_vec();
    tar[124..136].copy_from_slice(b"37777777777\0");
    seal(&mut tar[..512]);
    tar.resize(100 << 20, 0);
    assert_problem(&open("a.tar.gz", gzip(&tar)), "--max-unpack-ratio");
}

#[test]
fn an_entry_that_is_shorter_than_its_header_costs_no_other_entry_of_a_packed_tar() {
    let good = good_entries("z/");
    let good = borrowed(&good);
    for (file, name) in [
        ("k_0.npy", "a.npy"),
        ("tiny.safetensors", "a.safetensors"),
        ("tiny.kvz", "a.kvz"),
        ("tiny_stream.pt", "a.pt"),
        ("tiny_llama.bin", "a.bin"),
        ("meta_t0_2.json", "a/meta_a.json"),
    ] {
        let bytes = tiny(file);
        for end in (0..bytes.len().min(136)).step_by(5) {
            let tar = tar(&[&[(name, &bytes[..end])], good.as_slice()].concat());
            let dump = open("a.tar.gz", gzip(&tar));
            let paths: Vec<&str> = dump.captures.iter().map(|it| it.path.as_str()).collect();
            assert_eq!(
                (paths, readable(&dump)),
                (vec!["a.tar.gz/z/meta_a.json"], 1),
                "{file} cut at {end}: {:?}",
                problems(&dump)
            );
            // A .bin is told by its first bytes, and any other file may have that name.
            if name != "a.bin" || end >= 4 {
                assert_problem(&dump, &format!("a.tar.gz/{name}"));
            }
            let plain = problems(&open("a.tar", tar));
            let plain: Vec<String> = plain
                .iter()
                .map(|problem| problem.replace("a.tar/", "a.tar.gz/"))
                .collect();
            assert_eq!(problems(&dump), plain, "as in a tar that is not packed");
        }
    }
}

#[test]
fn tar_headers_may_not_claim_more_than_there_is() {
    let bytes = tiny("pax.tar");
    for size in [
        b"77777777777\0".as_slice(),
        b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"not octal!!\0",
    ] {
        // A pax header, then a file: each makes the claim in turn.
        for header in [0, 1024] {
            let mut bytes = bytes.clone();
            bytes[header + 124..header + 136].copy_from_slice(size);
            seal(&mut bytes[header..header + 512]);
            let dump = open("a.tar", bytes);
            assert!(
                !dump.problems.is_empty() && dump.captures.is_empty(),
                "{:?}",
                problems(&dump)
            );
        }
    }
}

/// GNU tar goes on with a long map in blocks that the size does not count, and has three forms of pax records.
#[test]
fn a_sparse_file_is_named_and_costs_no_other_entry_of_its_tar() {
    let good = good_entries("");
    let good = borrowed(&good);
    let rest = tar(&good);
    let expected = open("a.tar", rest.clone()).captures.len();
    let header = |name: &str, kind: u8, data: &[u8]| {
        let mut block = tar(&[(name, data)]);
        block.truncate(512 + data.len().next_multiple_of(512));
        block[156] = kind;
        seal(&mut block[..512]);
        block
    };
    let mut with_map = header("sparse.npy", b'S', b"data");
    with_map[482] = 1;
    seal(&mut with_map[..512]);
    let mut maps = vec![0; 1024];
    maps[504] = 1;
    with_map.splice(512..512, maps);
    let mut tars = vec![with_map];
    for records in [
        "23 GNU.sparse.size=9000\n30 GNU.sparse.numbytes=512\n",
        "28 GNU.sparse.map=0,4,8192,4\n31 GNU.sparse.name=sparse.npy\n",
        "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n31 GNU.sparse.name=sparse.npy\n",
    ] {
        let pax = header("x", b'x', records.as_bytes());
        tars.push([pax, header("sparse.npy", b'0', b"data")].concat());
    }
    for start in tars {
        let whole = [start, rest.clone()].concat();
        for (name, bytes) in [("a.tar", whole.clone()), ("a.tar.gz", gzip(&whole))] {
            let dump = open(name, bytes);
            let told = format!("{name}/sparse.npy: it is stored as a sparse file");
            assert_eq!(problems(&dump).len(), 1);
            assert_problem(&dump, &told);
            assert_eq!(dump.captures.len(), expected);
        }
    }
}

#[test]
fn what_is_beyond_the_limit_on_headers_names_the_flag_that_raises_it() {
    let mut options = ScanOptions::default();
    options.limits.header_bytes = 8;
    for (name, bytes) in [
        ("a.pkl", tiny("tiny.pkl")),
        ("a.pt", tiny("tiny.pt")),
        ("a.pt", tiny("tiny_stream.pt")),
        ("k_0.npy", tiny("k_0.npy")),
        ("a.safetensors", tiny("tiny.safetensors")),
        ("a.kvz", tiny("tiny.kvz")),
        (
            "a.safetensors.index.json",
            br#"{"weight_map": {}}"#.to_vec(),
        ),
        ("a.tar.gz", gzip(&tiny("gnu.tar"))),
    ] {
        let source: Arc<dyn Source> = Arc::new(MemorySource::new([(name.to_owned(), bytes)]));
        assert_problem(&scan(&source, &options), "(--max-header-mb)");
    }
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        &vec![1; data],
    ]
    .concat()
}

#[test]
fn safetensors_are_checked_tensor_by_tensor() {
    let good = r#""k_0":{"dtype":"F16","shape":[100,2,2],"data_offsets":[0,800]},"v_0":{"dtype":"F16","shape":[100,2,2],"data_offsets":[800,1600]}"#;
    let cases = [
        (
            r#""k_1":{"dtype":"F16","shape":[4],"data_offsets":[796,804]}"#,
            "a.safetensors/k_1: data_offsets: found 796, expected 800",
        ),
        (
            r#""k_1":{"dtype":"F16","shape":[4],"data_offsets":[1600,1601]}"#,
            "expected a range within the 1600 bytes",
        ),
        (
            r#""k_1":{"dtype":"F16","shape":[4],"data_offsets":[8,0]}"#,
            "found 8..0, expected a range within",
        ),
        (
            r#""k_1":{"dtype":"F16","shape":[5],"data_offsets":[0,8]}"#,
            "found 0..8, so 8 bytes, expected 10 bytes for F16 [5]",
        ),
        (
            r#""k_1":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}"#,
            "expected a size that fits in 64 bits",
        ),
        (
            r#""k_1":{"dtype":"F16","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,2]}"#,
            "shape: found 9 axes, expected at most 8",
        ),
        (
            r#""k_1":{"dtype":"F16","shape":[-1],"data_offsets":[0,2]}"#,
            "a.safetensors/k_1: invalid value",
        ),
        (
            r#""k_1":{"dtype":"F16","shape":[0]}"#,
            "missing field `data_offsets`",
        ),
        (
            r#""k_0":{"dtype":"F16","shape":[0],"data_offsets":[1600,1600]}"#,
            "a.safetensors/k_0: name: appears twice",
        ),
        (
            r#""k_1":{"dtype":"I64","shape":[],"data_offsets":[1600,1600]}"#,
            "a.safetensors: axes: found []",
        ),
    ];
    for (bad, expected) in cases {
        let dump = open(
            "a.safetensors",
            safetensors(&format!("{{{good},{bad}}}"), 1600),
        );
        assert_problem(&dump, expected);
        assert_eq!(readable(&dump), 1, "{bad}: {:?}", problems(&dump));
    }
}

#[test]
fn headers_that_claim_too_much_are_refused_before_they_are_read() {
    let mut bytes = safetensors("{}", 200 << 20);
    for (len, expected) in [
        (
            100_u64 << 20,
            "header: found 104857600 bytes, expected at most 16777216 (--max-header-mb)",
        ),
        (
            u64::MAX,
            "header: found 18446744073709551615 bytes, expected at most the",
        ),
    ] {
        bytes[..8].copy_from_slice(&len.to_le_bytes());
        assert_problem(&open("a.safetensors", bytes.clone()), expected);
    }
    let npy = |version: u8, len: &[u8], dict: &str| {
        [b"\x93NUMPY", [version, 0].as_slice(), len, dict.as_bytes()].concat()
    };
    assert_problem(
        &open("k_0.npy", npy(2, &[255, 255, 255, 255], "")),
        "header: found 4294967295 bytes, expected at most 16777216 (--max-header-mb)",
    );
    let dict = |shape: &str| {
        let dict = format!("{{'descr': '<f2', 'fortran_order': False, 'shape': {shape}, }}\n");
        npy(1, &(dict.len() as u16).to_le_bytes(), &dict)
    };
    assert_problem(
        &open("k_0.npy", dict("(4294967296, 4294967296, 4)")),
        "expected a size that fits in 64 bits",
    );
    assert_problem(
        &open("k_0.npy", dict("(1000000, 1000000, 1)")),
        "shape: found [1000000, 1000000, 1], so 2000000000000 bytes, expected the 0 bytes",
    );
    assert_problem(
        &open("k_0.npy", dict("(1,1,1,1,1,1,1,1,1)")),
        "shape: found 9 axes",
    );
    let large = "x".repeat(2 << 20);
    assert_problem(
        &open("meta_a.json", large.into_bytes()),
        "size: found 2097152 bytes, expected a meta file of at most 1048576 bytes",
    );
}

#[test]
fn meta_files_may_claim_any_shape() {
    let meta = |seq_len: &str, size: usize| {
        let json = META.replace("\"seq_len\":1", &format!("\"seq_len\":{seq_len}"));
        let files = [
            ("meta_a.json", json.into_bytes()),
            ("k", vec![0; size]),
            ("v", vec![0; size]),
        ];
        open_files(files.map(|(name, bytes)| (name.to_owned(), bytes)))
    };
    assert_problem(
        &meta("18446744073709551615", 4),
        "seq_len: found 18446744073709551615 tokens x 1 heads x 2 x 2 bytes",
    );
    assert_problem(
        &meta("1e300", 4),
        "seq_len: found 1e+300, expected an integer of at least 0",
    );
    assert_problem(
        &meta("2", 4),
        "k_file: found a file of 4 bytes, expected 8 bytes (2 tokens x 1 heads x 2 x 2 bytes)",
    );
    let empty = meta("0", 0);
    assert!(
        empty.problems.is_empty()
            && empty.captures[0]
                .fetch()
                .unwrap()
                .decode()
                .unwrap()
                .k
                .is_empty()
    );
    let far = META.replace("\"k\"", "\"../k\"");
    assert_problem(
        &open("meta_a.json", far.into_bytes()),
        r#"k_file: found "../k", expected the name of a file in the same folder"#,
    );
    assert_problem(
        &open("packed_meta_a.json", b"{}".to_vec()),
        "bytes_per_elem: found no such field, expected 1, 2 or 4",
    );
}

#[test]
fn a_file_that_shrinks_is_the_problem_of_its_capture() {
    let folder = tempfile::tempdir().unwrap();
    for prefix in ["a/", "b/"] {
        std::fs::create_dir(folder.path().join(prefix)).unwrap();
        for (name, bytes) in good_entries(prefix) {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
    }
    let dump = scan_source(FolderSource::open(folder.path()).unwrap(), "{}");
    std::fs::write(folder.path().join("a/v"), b"5").unwrap();
    let errors: Vec<Option<String>> = dump
        .fetches(0..2)
        .map(|(_, fetched)| fetched.err().map(|problem| problem.to_string()))
        .collect();
    let expected = "a/meta_a.json: can't be read: a/v: the file ends at byte 1, before byte 4";
    assert_eq!(errors, [Some(expected.to_owned()), None]);
}

#[cfg(unix)]
#[test]
fn links_loops_pipes_and_odd_names_do_not_stop_a_folder() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    // File systems of macOS refuse names that are not UTF-8.
    let (name, shown): (&[u8], _) = if cfg!(target_os = "macos") {
        (b"odd name", "odd name")
    } else {
        (b"odd\xff\xfename", "odd%FF%FEname")
    };
    let odd = folder.path().join(OsStr::from_bytes(name));
    std::fs::create_dir(&odd).unwrap();
    for (name, bytes) in good_entries("") {
        std::fs::write(odd.join(name), bytes).unwrap();
    }
    std::fs::create_dir(folder.path().join("linked")).unwrap();
    for name in ["meta_a.json", "k", "v"] {
        symlink(odd.join(name), folder.path().join("linked").join(name)).unwrap();
    }
    symlink(folder.path(), folder.path().join("loop")).unwrap();
    symlink("nowhere", folder.path().join("meta_gone.json")).unwrap();
    let status = std::process::Command::new("mkfifo")
        .arg(folder.path().join("meta_pipe.json"))
        .status();
    assert!(status.unwrap().success());
    let dump = scan_source(FolderSource::open(folder.path()).unwrap(), "{}");
    assert_eq!(
        readable(&dump),
        2,
        "files through links, and names that are not UTF-8"
    );
    assert_eq!(dump.captures[0].path, "linked/meta_a.json");
    assert_eq!(dump.captures[1].path, format!("{shown}/meta_a.json"));
    assert_problem(
        &dump,
        "loop: can't be read: a link to a folder is not followed",
    );
    assert_problem(&dump, "meta_gone.json: can't be read");
}

/// A safetensors file with these tensors of zeros: name, dtype, shape, bytes.
fn safetensors_of(metadata: &str, tensors: &[(String, &str, &[u64], usize)]) -> Vec<u8> {
    let (mut header, mut end) = (format!(r#""__metadata__":{metadata}"#), 0);
    for (name, dtype, shape, bytes) in tensors {
        let start = end;
        end += bytes;
        header += &format!(
            r#","{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        );
    }
    safetensors(&format!("{{{header}}}"), end)
}

#[test]
fn scales_of_an_mlx_cache_have_a_value_per_group_of_codes_and_a_type_that_mlx_has() {
    let open = |[scales, biases]: [(&str, &[u64]); 2]| {
        let size = |(dtype, shape): (&str, &[u64])| {
            let size = if dtype == "F32" { 4 } else { 2 };
            let size = if dtype.starts_with("F8") { 1 } else { size };
            shape.iter().product::<u64>() as usize * size
        };
        let tensors: Vec<(String, &str, &[u64], usize)> = ["0", "1"]
            .iter()
            .flat_map(|kv| {
                let codes: (String, &str, &[u64], usize) =
                    (format!("0.{kv}.0"), "U32", &[1, 1, 2, 4], 32);
                let beside = [("1", scales), ("2", biases)].map(|(part, (dtype, shape))| {
                    let name = format!("0.{kv}.{part}");
                    (name, dtype, shape, size((dtype, shape)))
                });
                std::iter::once(codes).chain(beside)
            })
            .collect();
        let metadata = r#"{"1.0":"QuantizedKVCache"}"#;
        crate::open("a.safetensors", safetensors_of(metadata, &tensors))
    };
    for dtype in ["F16", "BF16", "F32"] {
        let dump = open([(dtype, &[1, 1, 2, 1]); 2]);
        assert_eq!((problems(&dump), readable(&dump)), (vec![], 1), "{dtype}");
    }
    let shapes: [&[u64]; 6] = [&[], &[5], &[1, 1, 2], &[2, 1, 1, 1], &[1, 1, 2, 1, 1], &[0]];
    let shapes = shapes.map(|shape| [("F16", shape); 2]);
    let more: [[(&str, &[u64]); 2]; 4] = [
        [("F8_E4M3", &[1, 1, 2, 2]); 2],
        [("F8_E5M2", &[1, 1, 2, 2]); 2],
        [("F16", &[1, 1, 2, 1]), ("F16", &[1, 1, 2])],
        [("F16", &[1, 1, 2, 1]), ("F32", &[1, 1, 2, 1])],
    ];
    for both in shapes.into_iter().chain(more) {
        let dump = open(both);
        assert_problem(&dump, "layer 0 (QuantizedKVCache): shape: found");
        assert_eq!(readable(&dump), 0, "{both:?}");
    }
}
