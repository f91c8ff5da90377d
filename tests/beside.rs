//! Additional figures next to a report's ratios: packed sizes, rounding, and a sweep rejudged with other thresholds.

use dumps::scan_source;
use kvlens::analysis::{Job, Report, judge_sweep};
use kvlens::dump::MemorySource;
use kvlens::lossy::round_mantissa;
use kvlens::metrics::errors;
use sample::sample;

#[path = "common/dumps.rs"]
mod dumps;

#[path = "common/sample.rs"]
mod sample;

fn job(analysis: &str, settings: &[(&str, &str)]) -> Job {
    Job::new(analysis, settings.iter().copied()).unwrap()
}

fn run(analysis: &str, settings: &[(&str, &str)]) -> Report {
    job(analysis, settings).run(&sample()).unwrap()
}

#[test]
fn packed_sizes_count_every_code_and_leave_lossless_layers_as_they_are() {
    let report = run("mixed", &[("lossy-mantissa-bits", "6")]);
    let group = &report.groups[0];
    // A sign, five exponent bits and six mantissa bits.
    assert_eq!(group.lossy.k_packed, Some(group.lossy.k_raw * 12 / 16));
    let lossy = group.lossy.v_packed.unwrap();
    assert_eq!(group.all.v_packed, Some(group.lossless.v_size + lossy));
    assert_eq!(group.lossless.k_packed, None);

    let clipped = run("lossy-compare", &[("modes", "clip")]);
    assert!(
        clipped
            .groups
            .iter()
            .all(|group| group.all.k_packed.is_none()),
        "clipped values are no codes"
    );
}

#[test]
fn block_norm_packs_its_codes_scales_and_index() {
    let report = run("blocknorm", &[("bits", "6"), ("lossless-first-n", "0")]);
    for row in &report.rows {
        assert_eq!(
            row.k.packed,
            Some(row.k.raw_bytes * 6 / 16 + row.k.extra_bytes)
        );
    }
}

#[test]
fn rounding_gives_the_errors_that_rounded_values_have() {
    let dump = sample();
    let settings = [("lossless-first-n", "0"), ("lossy-mantissa-bits", "5")];
    let unasked = run("mixed", &settings);
    assert_eq!(unasked.rows[0].k.rounded_mae, None);
    let report = job("mixed", &settings).rounding(true).run(&dump).unwrap();
    assert_eq!(report.rows[0].k.errors, unasked.rows[0].k.errors);
    let row = &report.rows[0];
    let loaded = dump.captures[row.capture.index].fetch().unwrap().decode();
    let k = loaded.unwrap().k;
    let rounded = errors(&k, [&round_mantissa(&k, 5)].as_slice())[0];
    assert_eq!(row.k.rounded_mae, Some(rounded.mae));
    let all = &report.groups[0].all;
    let share = all.k_rounded_mae.unwrap() / all.k_errors.unwrap().mae;
    assert!((0.45..0.55).contains(&share), "{share}");
    let quantized = job("mixed", &[("lossy-method", "quant")]).rounding(true);
    let quantized = quantized.run(&dump).unwrap();
    assert_eq!(quantized.groups[0].all.k_rounded_mae, None);
}

#[test]
fn rejudging_a_sweep_equals_running_it_with_the_new_thresholds() {
    let thresholds = [("max-k-mae", "0.5"), ("max-v-mae", "0.0005")];
    let report = run("sweep", &[]);
    let wanted = run("sweep", &thresholds);
    let judged = judge_sweep(
        thresholds,
        report.groups.clone(),
        report.captures,
        &report.other_types,
    );
    let judged = judged.unwrap();
    assert_eq!(judged.groups, wanted.groups);
    assert_eq!(judged.headline, wanted.headline);
    assert_eq!(judged.files, wanted.files);
    assert_ne!(judged.files, report.files);
}

#[test]
fn without_a_passing_combination_the_one_with_the_smallest_error_is_reported() {
    let report = run("sweep", &[("max-k-mae", "0"), ("bits-list", "2,6")]);
    assert!(
        report
            .groups
            .iter()
            .all(|group| group.passes == Some(false))
    );
    let shown = &report.groups[report.headline.unwrap()];
    assert_eq!(shown.variant.bits, 6, "the smallest has 2 bits");
    assert_eq!(report.groups[0].variant.bits, 2);
}

#[test]
fn reports_inside_a_dump_are_not_listed_as_unknown_files() {
    let all = [
        ("mixed", vec![]),
        ("blocknorm", vec![]),
        (
            "sweep",
            vec![
                ("block-sizes", "64"),
                ("topk-ratios", "0.8"),
                ("bits-list", "10"),
            ],
        ),
        ("lossy-compare", vec![]),
        ("explore", vec![]),
    ];
    let specs: Vec<&str> = kvlens::analysis::specs()
        .iter()
        .map(|spec| spec.name)
        .collect();
    assert_eq!(
        all.each_ref().map(|(name, _)| *name),
        *specs,
        "every analysis is asked"
    );
    for (analysis, settings) in all {
        let files = run(analysis, &settings).files;
        assert!(!files.is_empty(), "{analysis}");
        let files = files
            .into_iter()
            .map(|file| (format!("reports/{}", file.name), file.bytes));
        let others = scan_source(MemorySource::new(files), "{}").others;
        assert!(others.is_empty(), "{analysis}: {others:?}");
    }
}
