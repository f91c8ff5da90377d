//! Messages on stderr about a dump and its figures, shared by several commands.

use kvlens::analysis::Report;
use kvlens::analysis::caveats::Caveat;
use kvlens::dump::Problem;

use super::failure::Failure;

/// Reports what was left out, one line each, and how many there are.
pub fn report_problems(problems: &[Problem]) {
    for problem in problems {
        tell!("left out: {problem}");
    }
    if !problems.is_empty() {
        tell!(
            "{} left out",
            counted(problems.len(), "file or capture", "files or captures")
        );
    }
}

/// Reports tensors with NaN or infinite values; `path` gives the path of a capture.
pub fn report_non_finite(report: &Report, path: &dyn Fn(usize) -> String) {
    for tensor in &report.non_finite_in {
        let path = path(tensor.capture);
        tell!(
            "{path}: {} of {}",
            counted(
                tensor.values as usize,
                "NaN or infinite value",
                "NaN or infinite values"
            ),
            tensor.tensor
        );
    }
}

/// Reports reasons why the figures may mislead, each with the flag that corrects for it.
pub fn report_caveats(caveats: &[Caveat]) {
    for caveat in caveats {
        match &caveat.mend {
            Some(mend) if mend.value == "true" => tell!("{}: --{}", caveat.message, mend.flag),
            Some(mend) => tell!("{}: --{} {}", caveat.message, mend.flag, mend.value),
            None => tell!("{}", caveat.message),
        }
    }
}

/// With `--strict`, fails when captures were left out.
pub fn left_out(strict: bool, report: &Report) -> Result<(), Failure> {
    if strict && !report.problems.is_empty() {
        return Err(Failure::new(1, "captures were left out, see above"));
    }
    Ok(())
}

/// A count with its noun: `1 file`, `2 files`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
