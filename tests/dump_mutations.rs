//! A hundred thousand damaged files: no panic, no endless work, and bounded memory. `cargo xtask fuzz-dump` runs the
//! same for longer.

mod mutate;

use std::path::Path;

use mutate::{Rng, targets};

const INPUTS: usize = 100_000;

#[test]
fn damaged_files_neither_panic_nor_take_memory() {
    let targets = targets(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny"));
    let mut rng = Rng(1);
    let mut captures = vec![0; targets.len()];
    for input in 0..INPUTS {
        let target = input % targets.len();
        captures[target] += targets[target].run(&mut rng);
    }
    for (target, captures) in targets.iter().zip(captures) {
        assert!(
            captures > 100,
            "{}: the damage must leave some captures whole, so that all of the way is gone; {captures} left",
            target.name
        );
    }
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 256 << 10, "{kilobytes} kB at the most");
    }
}
