//! The page's types of what crosses the border: `www/engine/core.d.ts` is made from the Rust types, with their docs.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

use super::messages::{
    CaptureLine, InspectRequest, JudgeRequest, News, PackRequest, Pictures, PlanSummary, Summary,
    TensorName, Verdict,
};
use super::sample::Sample;
use crate::analysis::{AnalysisSpec, Value};
use crate::convert::ConvertOptions;
use crate::dump::{DumpSummary, FormatInfo, Mapping};
use crate::inspect::{Lesson, Matter};

const HEAD: &str = "// What crosses between the page and the core, made from the Rust types by `cargo test --lib types_of_the_page`. Not to be edited.\n";

/// Declarations by name, of types and of all that they hold.
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
        // What has no path has no declaration: numbers, texts, lists.
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
        // Bytes and counts: far below 2^53.
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
    found.visit::<InspectRequest>();
    found.visit::<TensorName>();
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
        // The published crate has no page.
        return;
    }
    let now = declarations();
    let before = fs::read_to_string(&file).unwrap_or_default();
    if before.replace("\r\n", "\n") != now {
        fs::write(&file, now).unwrap();
        panic!("www/engine/core.d.ts was stale; it is written anew, have a look at what changed");
    }
}
