//! Input that would take all memory, all files or forever is refused before work starts or ends with an error; nothing
//! hangs.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{data, kvlens, stderr};

/// Output of a command that must end within a minute.
fn ended(mut command: Command) -> Output {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{command:?} waits");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn on(tool: &str, dump: &Path, flags: &[&str]) -> Output {
    let mut command = kvlens(tool);
    command.arg("--dump-dir").arg(dump).args(flags);
    ended(command)
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn the_number_of_sweep_combinations_is_limited_before_work_and_a_flag_raises_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let list = |n: usize| (1..=n).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let ratios = (0..1000)
        .map(|i| format!("0.{i:04}"))
        .collect::<Vec<_>>()
        .join(",");
    let (sizes, out_text) = (list(322), out.to_str().unwrap());
    let flags = [
        "--block-sizes",
        &sizes,
        "--topk-ratios",
        &ratios,
        "--bits-list",
        "8,10,12",
        "--out-dir",
        out_text,
    ];
    let refused = on("sweep", &data("sample-dump/dumps"), &flags);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("--max-combos") && said.contains("966000 or more"),
        "{said}"
    );
    assert!(!out.exists());
    let small = [
        "--block-sizes",
        "64,128",
        "--max-combos",
        "11",
        "--out-dir",
        out_text,
    ];
    assert_eq!(
        on("sweep", &data("sample-dump/dumps"), &small)
            .status
            .code(),
        Some(2)
    );
    let raised = [
        "--block-sizes",
        "64,128",
        "--max-combos",
        "12",
        "--out-dir",
        out_text,
    ];
    assert_eq!(
        on("sweep", &data("sample-dump/dumps"), &raised)
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn the_number_of_steps_that_explore_tries_is_limited_before_work() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let steps = |n: usize| {
        let steps = (1..=n).map(|i| format!("{}", i as f64 / 1000.0));
        steps.collect::<Vec<_>>().join(",")
    };
    let on_sample = |n: usize, more: &[&str]| {
        let steps = steps(n);
        let flags = [
            &["--steps", &steps, "--out-dir", out.to_str().unwrap()],
            more,
        ]
        .concat();
        on("explore", &data("sample-dump/dumps"), &flags)
    };
    let refused = on_sample(101, &[]);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("--steps") && said.contains("101 steps") && said.contains("at most 100"),
        "{said}"
    );
    assert!(!out.exists());
    // Without the coded scheme none of them is tried.
    let accepted = on_sample(100, &["--classes", "engine"]);
    assert_eq!(accepted.status.code(), Some(0));
}

#[test]
fn a_pipe_or_device_given_as_the_dump_is_an_error_and_not_a_wait() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("dump.zip");
    pipe(&fifo);
    for tool in ["scan", "mixed"] {
        let output = on(tool, &fifo, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).contains("a pipe, not a file"),
            "{}",
            stderr(&output)
        );
    }
    let device = on("scan", Path::new("/dev/zero"), &[]);
    assert_eq!(device.status.code(), Some(1));
    assert!(
        stderr(&device).contains("a device, not a file"),
        "{}",
        stderr(&device)
    );
}

#[test]
fn pipes_and_sockets_in_a_folder_are_named_and_the_rest_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    assert!(
        Command::new("cp")
            .arg("-r")
            .arg(data("sample-dump/dumps"))
            .arg(&dump)
            .status()
            .unwrap()
            .success()
    );
    pipe(&dump.join("meta_pipe.json"));
    let _socket = UnixListener::bind(dump.join("socket")).unwrap();
    let output = on(
        "mixed",
        &dump,
        &["--out-dir", folder.path().join("out").to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(0));
    let said = stderr(&output);
    assert!(
        said.contains("meta_pipe.json: can't be read: a pipe, not a file"),
        "{said}"
    );
    assert!(
        said.contains("socket: can't be read: a socket, not a file"),
        "{said}"
    );
}

#[test]
fn a_pipe_that_takes_a_file_s_place_is_an_error_and_not_a_wait() {
    use kvlens::dump::{FolderSource, Source};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.bin");
    fs::write(&path, [0; 8]).unwrap();
    let source = FolderSource::open(folder.path()).unwrap();
    fs::remove_file(&path).unwrap();
    pipe(&path);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(source.read_at(0, 0, 8)));
    let read = receiver
        .recv_timeout(Duration::from_secs(30))
        .expect("it waits");
    assert!(read.unwrap_err().to_string().contains("a pipe, not a file"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_million_tensors_in_one_file_stay_within_256_mb() {
    let folder = tempfile::tempdir().unwrap();
    for (tensors, says) in [
        (1_000_000, "1000000 tensors, expected at most 250000"),
        (250_000, "250000 tensors"),
    ] {
        let entries: Vec<String> = (0..tensors)
            .map(|i| {
                format!(
                    r#""{}.{}":{{"dtype":"F16","shape":[1,1],"data_offsets":[{},{}]}}"#,
                    ["k", "v"][i % 2],
                    i / 2,
                    2 * i,
                    2 * i + 2
                )
            })
            .collect();
        let header = format!("{{{}}}", entries.join(","));
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + 2 * tensors, 0);
        let path = folder.path().join("many.safetensors");
        fs::write(&path, bytes).unwrap();
        let mut command = Command::new("sh");
        let script =
            "ulimit -d 262144 && exec \"$0\" scan --max-header-mb 100 --dump-dir \"$1\" 2>&1";
        command
            .args(["-c", script, env!("CARGO_BIN_EXE_kvlens")])
            .arg(&path);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains(says),
            "{tensors}: {:?} {said} {}",
            output.status,
            stderr(&output)
        );
    }
}
