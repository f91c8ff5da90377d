//! Archives and tensor files at the command line: what the user is asked, how guesses are reported, and conversions.

mod common;

use std::path::Path;
use std::process::Output;

use common::{data, stderr};

fn kvlens(args: &[&str]) -> Output {
    common::kvlens(args[0]).args(&args[1..]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn scan_shows_guess_and_reason() {
    let file = data("formats/transformers.safetensors");
    let output = kvlens(&["scan", "--dump-dir", path(&file)]);
    assert!(output.status.success());
    let out = text(&output.stdout);
    let expected = "transformers.safetensors: 6 tensors named past_key_values.{layer}.{kv} read as [batch,heads,seq,dim]: ";
    assert!(out.contains(expected), "{out}");
    assert!(
        out.contains("Hugging Face caches are batch, heads, seq, dim"),
        "{out}"
    );
    assert!(
        out.contains("    past_key_values.0.key fp16 [1, 2, 96, 8]"),
        "{out}"
    );
}

#[test]
fn ambiguous_arrays_are_asked_about_and_then_read() {
    let file = data("formats/no_names.npz");
    let output = kvlens(&["scan", "--dump-dir", path(&file)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("say which they are with --tensor-names"),
        "{}",
        stderr(&output)
    );
    let output = kvlens(&[
        "scan",
        "--dump-dir",
        path(&file),
        "--tensor-names",
        "arr{layer}{kv}x",
        "--axes",
        "seq,heads,dim",
    ]);
    assert!(
        output.status.success() && text(&output.stdout).contains("1 run, 3 captures"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn wrong_flags_are_named_with_the_accepted_values() {
    let file = data("formats/no_names.npz");
    for (flag, value, expected) in [
        (
            "--tensor-names",
            "{kv}_{kv}",
            "{kv} may occur only once, found 2 times",
        ),
        ("--axes", "seq,heads", "dim is missing"),
        ("--bits16", "int8", "[possible values: fp16, bf16]"),
        ("--max-unpack-ratio", "0", "0 is not in 1.."),
    ] {
        let output = kvlens(&["mixed", "--dump-dir", path(&file), flag, value]);
        assert_eq!(output.status.code(), Some(2));
        let error = stderr(&output);
        assert!(
            error.contains(flag) && error.contains(value) && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn converted_files_read_back_and_overwrite_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (dump, reports) = (data("sample-dump/dumps"), folder.path().join("reports"));
    let report = |dump: &Path| {
        let output = kvlens(&[
            "mixed",
            "--dump-dir",
            path(dump),
            "--out-dir",
            path(&reports),
        ]);
        assert!(output.status.success(), "{}", stderr(&output));
        std::fs::read(reports.join("mixed_summary.md")).unwrap()
    };
    let expected = report(&dump);
    for name in ["a.zip", "a.safetensors", "a"] {
        let out = folder.path().join(name);
        let args = ["convert", "--dump-dir", path(&dump), "--out", path(&out)];
        let output = kvlens(&args);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(
            text(&output.stdout)
                .starts_with("81 captures, 1603584 bytes of K, V and 9 layers' queries in "),
            "{}",
            text(&output.stdout)
        );
        assert_eq!(report(&out), expected, "{name}");
        let again = kvlens(&args);
        assert_eq!(again.status.code(), Some(1));
        assert!(text(&again.stderr).contains("exists already"));
    }
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|item| item.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| !name.contains("tmp")), "{left:?}");
}

#[test]
fn a_conversion_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("a.zip");
    let mut bytes = std::fs::read(data("tiny/tiny.zip")).unwrap();
    // V of layer 0, stored uncompressed, whose checksum then differs.
    let at = bytes
        .windows(20)
        .position(|window| window == b"r/layer_0/v_t0_2.bin")
        .unwrap();
    bytes[at + 25] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    for name in ["out.zip", "out.safetensors", "out"] {
        let output = kvlens(&[
            "convert",
            "--dump-dir",
            path(&damaged),
            "--out",
            path(&folder.path().join(name)),
        ]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).contains("the checksum differs"),
            "{}",
            stderr(&output)
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "only the damaged file"
        );
    }
}

#[test]
fn commands_that_write_a_dump_say_what_was_quantized_before_and_refuse_a_taken_name_before_they_read()
 {
    let cache = data("cases/mlx-0.32/prompt_cache.safetensors");
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        ("convert", "--out", vec!["--threads", "1"]),
        ("unpack", "--out-dir", vec![]),
        ("pack", "--out", vec!["--scheme", "lossless"]),
    ];
    for (command, flag, more) in commands {
        let out = folder.path().join(command);
        let args = |dump| [vec![command, path(dump), flag, path(&out)], more.clone()].concat();
        let output = kvlens(&args(&cache));
        let told = stderr(&output);
        assert!(output.status.success(), "{command}: {told}");
        assert!(
            told.contains("already quantized by mlx to 4 bits"),
            "{command}: {told}"
        );
        let told = text(&kvlens(&args(&folder.path().join("nothing"))).stderr);
        assert!(told.contains("exists already"), "{command}: {told}");
        let as_folder = format!("{}/", path(&out));
        let told = kvlens(&[vec![command, path(&cache), flag, &as_folder], more.clone()].concat());
        let told = text(&told.stderr);
        assert!(told.contains("exists already"), "{command}: {told}");
        // An empty name, and a folder that is not there: told by the name that was given, before the work.
        for (out, status, expected) in [
            (String::new(), 2, "a value is required".to_owned()),
            (
                format!("{}/no/{command}", path(folder.path())),
                1,
                format!("/no/{command}: No such file or directory (os error 2)"),
            ),
        ] {
            let output = kvlens(&[vec![command, path(&cache), flag, &out], more.clone()].concat());
            let told = stderr(&output);
            assert_eq!(output.status.code(), Some(status), "{command}: {told}");
            let is_told = cfg!(windows) || told.contains(&expected);
            assert!(is_told && !told.contains(".kvlens-"), "{command}: {told}");
        }
    }
    let output = kvlens(&["scan", path(&cache), "--values", "--threads", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn each_of_k_and_v_is_compared_with_its_own_bytes_where_they_differ_in_width() {
    let folder = tempfile::tempdir().unwrap();
    let header = r#"{"layers.0.k":{"dtype":"F16","shape":[3,2,8],"data_offsets":[0,96]},"layers.0.v":{"dtype":"F16","shape":[3,2,16],"data_offsets":[96,288]}}"#;
    let length = header.len() as u64;
    let file = [&length.to_le_bytes(), header.as_bytes(), &[0x38; 288]].concat();
    let dump = folder.path().join("a.safetensors");
    std::fs::write(&dump, file).unwrap();
    let out = folder.path().join("a.kvz");
    let what = ["--axes", "seq,heads,dim", "--scheme", "raw"];
    let args = ["pack", path(&dump), "--out", path(&out)];
    let output = kvlens(&[args, what].concat());
    let said = text(&output.stdout);
    let expected = "K raw: 96 bytes, 1.000x; V raw: 192 bytes, 1.000x";
    assert_eq!(said.lines().next(), Some(expected), "{}", stderr(&output));
}

#[test]
fn values_that_the_new_type_has_no_room_for_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let header = r#"{"layers.0.k":{"dtype":"F32","shape":[2,1,2],"data_offsets":[0,16]},"layers.0.v":{"dtype":"F32","shape":[2,1,2],"data_offsets":[16,32]}}"#;
    let length = header.len() as u64;
    // Those from 65,520 on are rounded to infinity; what is infinite already is not lost.
    let values = [
        1.0,
        7e4,
        -1e5,
        f32::INFINITY,
        65_519.0,
        65_520.0,
        f32::NAN,
        0.0,
    ];
    let values: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    let dump = folder.path().join("a.safetensors");
    std::fs::write(
        &dump,
        [&length.to_le_bytes(), header.as_bytes(), &values].concat(),
    )
    .unwrap();
    for (dtype, expected) in [
        (
            "fp16",
            Some("3 values are too large for fp16 and infinite in"),
        ),
        ("bf16", None),
    ] {
        let out = folder.path().join(format!("{dtype}.zip"));
        let args = ["convert", path(&dump), "--out", path(&out)];
        let output = kvlens(&[&args[..], &["--axes", "seq,heads,dim", "--dtype", dtype]].concat());
        let said = stderr(&output);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.contains("too large"), expected.is_some(), "{said}");
        assert!(said.contains(expected.unwrap_or("")), "{said}");
    }
}
