//! Generates the page's types of everything that is passed between Rust and JavaScript: `www/engine/core.d.ts`, from the Rust types with
//! their docs.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

use super::messages::{
    CaptureLine, JudgeRequest, News, PackRequest, Pictures, PlanSummary, Summary, Verdict,
};
use super::sample::Sample;
use crate::analysis::{AnalysisSpec, Value};
use crate::convert::ConvertOptions;
use crate::dump::{DumpSummary, FormatInfo, Mapping};
use crate::inspect::{Lesson, LessonRequest, Matter, MatterRequest};
use crate::tensor::Kv;

const HEAD: &str = "// Types of values passed between the page and the core. Generated from the Rust types by `cargo test --lib types_of_the_page`; do not edit.\n";

/// Declarations by name, of types and all types that they contain.
struct Declarations {
    config: Config,
    seen: HashSet<String>,
    all: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(std::any::type_name::<T>().to_owned()) {
            return;
        }
        // Types without a path have no declaration: numbers, strings, lists.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let text = format!("{docs}export {}\n", T::decl(&self.config));
            self.all.insert(T::ident(&self.config), text);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

fn declarations() -> String {
    let mut found = Declarations {
        // 64-bit integers are byte sizes and counts, far below 2^53.
        config: Config::new().with_large_int("number"),
        seen: HashSet::new(),
        all: BTreeMap::new(),
    };
    found.visit::<AnalysisSpec>();
    found.visit::<Value>();
    found.visit::<FormatInfo>();
    found.visit::<DumpSummary>();
    found.visit::<Mapping>();
    found.visit::<PlanSummary>();
    found.visit::<News>();
    found.visit::<JudgeRequest>();
    found.visit::<Verdict>();
    found.visit::<Summary>();
    found.visit::<Sample>();
    found.visit::<Kv>();
    found.visit::<MatterRequest>();
    found.visit::<LessonRequest>();
    found.visit::<CaptureLine<'static>>();
    found.visit::<Pictures>();
    found.visit::<Lesson>();
    found.visit::<Matter>();
    found.visit::<ConvertOptions>();
    found.visit::<PackRequest>();
    let all: Vec<String> = found.all.into_values().collect();
    format!("{HEAD}\n{}", all.join("\n"))
}

#[test]
fn the_types_of_the_page_are_those_of_the_core() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/engine/core.d.ts");
    if !file.parent().is_some_and(Path::exists) {
        // The published crate does not contain the page.
        return;
    }
    let now = declarations();
    let before = fs::read_to_string(&file).unwrap_or_default();
    if before.replace("\r\n", "\n") != now {
        fs::write(&file, now).unwrap();
        panic!("www/engine/core.d.ts was stale; it is written anew, have a look at what changed");
    }
}
