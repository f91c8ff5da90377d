//! The analyses. A [`Job`] is an analysis with its settings; run on a dump, it gives a [`Report`].
//!
//! An analysis is one file. Its spec lists its settings (the [`ParamSpec`]s that the command line's flags, the page's form and the share
//! link are made from). It has a pure function that measures a unit of a dump (a capture, or all captures of a layer), and a fold that
//! turns the results, in dump order, into a report. A new one takes its file, its `mod` here and its line in `list.rs`.

mod block_grid;
mod block_norm;
pub mod caveats;
mod collect_rows;
mod compression;
mod error;
pub mod explore;
mod job;
mod joining;
mod judge;
mod list;
mod lossy_compare;
mod measure_unit;
mod mixed;
mod packed_size;
mod param;
mod part;
mod plan;
mod preset;
mod report;
mod session;
mod settings;
mod shared_settings;
mod spec;
mod sweep;
mod task;
mod unit;
mod unit_state;
mod value;
mod weighted;

pub use error::{JobError, MeasureError};
pub use job::Job;
pub use joining::Joining;
pub use judge::Judged;
pub use list::specs;
pub use param::{Choice, Kind, ParamSpec, Section, When};
pub use part::{Part, PartError};
pub use plan::{Filter, Plan};
pub use preset::Preset;
pub use report::{
    CaptureInfo, Group, NonFinite, OtherTypes, Report, ReportFile, Row, TensorRow, Variant,
    Weighted,
};
pub use session::{Progress, Session};
pub use settings::{Settings, SettingsError, SettingsErrors};
pub use shared_settings::Stage;
pub use spec::{AnalysisSpec, Variants};
pub use sweep::judge_sweep;
pub use unit::{Analysis, Fold, Found, Member, Unit, Units};
pub use value::{Choices, FromValue, Value};
pub use weighted::ratio;
