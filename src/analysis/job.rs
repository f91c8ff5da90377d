//! The front door: an analysis with its settings, from a dump to a report.

use super::caveats::Mends;
use super::error::JobError;
use super::joining::Joining;
use super::list::specs;
use super::part::Part;
use super::plan::{Filter, Plan};
use super::report::{CaptureInfo, Report, Row};
use super::session::{Progress, Session};
use super::settings::{Settings, SettingsErrors};
use super::shared_settings::SharedSettings;
use super::spec::{AnalysisSpec, Built};
use super::task::Setup;
use super::value::{Choices, Value};
use crate::dump::Dump;
use crate::tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long [`Job::run`] waits for results before it looks whether it was cancelled and tells of its progress.
const TICK: Duration = Duration::from_millis(50);

/// Takes rows as they come.
type TakeRows = Box<dyn FnMut(&[Row]) + Send>;

/// An analysis with its settings, and how it is to be run.
pub struct Job {
    spec: AnalysisSpec,
    settings: Settings,
    analysis: Built,
    filter: Filter,
    mends: Mends,
    verify: bool,
    folder: String,
    threads: Option<usize>,
    part: Part,
    cancel: Arc<AtomicBool>,
    on_progress: Option<Box<dyn FnMut(Progress) + Send>>,
    on_rows: Option<TakeRows>,
}

impl Job {
    /// The analysis of this name ([`AnalysisSpec::name`]) with these settings, each by its flag: as what it is, or as the command line's
    /// text. What is not given has its default.
    ///
    /// ```
    /// use kvlens::analysis::{Job, JobError};
    /// # use kvlens::dump::Dump;
    /// # let dump = Dump::default();
    /// let job = Job::new("sweep", [("block-sizes", "32,64"), ("bits-list", "8")])?.verify(true).threads(2);
    /// assert_eq!(job.plan(&dump).combinations(), 6);
    /// assert!(matches!(job.run(&dump), Err(JobError::NoCapture { captures: 0, .. })));
    ///
    /// let Err(JobError::Settings(errors)) = Job::new("mixed", [("zstd-level", 99), ("bits", 4)]) else { unreachable!() };
    /// assert_eq!(errors.0[0].to_string(), "--zstd-level: \"99\" is not a whole number from -131072 to 22");
    /// assert_eq!(errors.0[1].to_string(), "--bits: no such setting");
    /// # Ok::<(), JobError>(())
    /// ```
    ///
    /// # Errors
    /// [`JobError::UnknownAnalysis`], or [`JobError::Settings`] with everything that is wrong with them.
    pub fn new<F: AsRef<str>, V: Into<Value>>(
        analysis: &str,
        settings: impl IntoIterator<Item = (F, V)>,
    ) -> Result<Self, JobError> {
        let mut specs = specs();
        let Some(place) = specs.iter().position(|spec| spec.name == analysis) else {
            return Err(JobError::UnknownAnalysis {
                name: analysis.to_owned(),
                known: specs.iter().map(|spec| spec.name).collect(),
            });
        };
        let spec = specs.swap_remove(place);
        let settings = Settings::parse(spec.params.clone(), settings)?;
        let filter = Filter::try_from(&settings).map_err(SettingsErrors::from)?;
        Ok(Self {
            analysis: (spec.build)(&settings).map_err(SettingsErrors::from)?,
            filter,
            mends: Mends::try_from(&settings).map_err(SettingsErrors::from)?,
            spec,
            settings,
            verify: false,
            folder: String::new(),
            threads: None,
            part: Part::WHOLE,
            cancel: Arc::default(),
            on_progress: None,
            on_rows: None,
        })
    }

    /// Whether every compressed stream is decoded again, by another decoder, and compared bit for bit. Not by default.
    #[must_use]
    pub fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// The folder that the reports will lie in, for those that name it themselves. Nothing is written there: see [`Report::files`].
    #[must_use]
    pub fn folder(mut self, folder: impl Into<String>) -> Self {
        self.folder = folder.into();
        self
    }

    /// How many threads of its own it computes with. By default it uses those of the process, as many as there are cores.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Measures this part of the captures only: its report is on those alone. What the parts found is joined by [`Job::joining`].
    ///
    /// # Errors
    /// [`JobError::NoParts`] for an analysis that needs all captures at once.
    pub fn part(mut self, part: Part) -> Result<Self, JobError> {
        if part != Part::WHOLE && !self.analysis.is_by_rows() {
            let analysis = self.spec.name;
            return Err(JobError::NoParts { analysis });
        }
        self.part = part;
        Ok(self)
    }

    /// A flag that ends the job, from any thread, when it is set: [`JobError::Cancelled`].
    #[must_use]
    pub fn cancel(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = flag;
        self
    }

    /// Is called by [`Job::run`], on its thread, several times a second.
    #[must_use]
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(tell));
        self
    }

    /// Is called by [`Job::run`], on its thread, with the rows of each capture, in dump order.
    #[must_use]
    pub fn on_rows(mut self, take: impl FnMut(&[Row]) + Send + 'static) -> Self {
        self.on_rows = Some(Box::new(take));
        self
    }

    /// What the analysis is.
    pub fn spec(&self) -> &AnalysisSpec {
        &self.spec
    }

    /// Its settings, defaults too.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The part of the captures that it measures: see [`Job::part`].
    pub fn which_part(&self) -> Part {
        self.part
    }

    /// Whether what is compressed is decoded again: see [`Job::verify`].
    pub fn verifies(&self) -> bool {
        self.verify
    }

    /// What it would go through of this dump; of a part, that part.
    pub fn plan(&self, dump: &Dump) -> Plan {
        let mut plan = self.analysis.plan(dump, &self.filter);
        self.part.keep_of(&mut plan);
        plan
    }

    /// A report on rows that were measured before, with the same settings; of all parts or of some.
    ///
    /// # Errors
    /// [`JobError::NoParts`] for an analysis whose report is made of more than rows.
    pub fn joining(&self) -> Result<Joining, JobError> {
        if !self.analysis.is_by_rows() {
            let analysis = self.spec.name;
            return Err(JobError::NoParts { analysis });
        }
        Ok(Joining {
            analysis: self.spec.name,
            settings: self.settings.clone(),
            mends: self.mends,
            rows_of_capture: self.analysis.rows_of_capture(),
            fold: self.analysis.fold_rows(&self.folder),
        })
    }

    /// The tensors whose streams are compressed for this tensor of a capture: what a benchmark gives to another compressor.
    pub fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        self.analysis.compressed(capture, tensor)
    }

    /// Runs it to the end, on the calling thread and the pool's.
    ///
    /// # Errors
    /// When the filters leave no capture, when it was cancelled, or when it can't go on. A capture that can't be read is no error: it is
    /// left out and named in [`Report::problems`].
    pub fn run(mut self, dump: &Dump) -> Result<Report, JobError> {
        let mut session = self.start(dump)?;
        let mut tell = self.on_progress.take();
        let mut ignore: TakeRows = Box::new(|_| ());
        let take = self.on_rows.as_mut().unwrap_or(&mut ignore);
        while !session.is_done() {
            let wait = if session.step() { Duration::ZERO } else { TICK };
            session.poll(wait, take)?;
            if let Some(tell) = &mut tell {
                tell(session.progress());
            }
        }
        session.poll(Duration::ZERO, take)?;
        Ok(session.finish())
    }

    /// Starts it, for a caller whose thread must not wait: see [`Session`].
    ///
    /// # Errors
    /// When the filters leave no capture that the analysis has rows for, or threads can't be started.
    pub fn start(&self, dump: &Dump) -> Result<Box<dyn Session>, JobError> {
        let mut plan = self.check(dump)?;
        self.part.keep_of(&mut plan);
        let setup = Setup {
            name: self.spec.name,
            settings: self.settings.clone(),
            folder: self.folder.clone(),
            verify: self.verify,
            mends: self.mends,
            threads: self.threads,
            cancel: Arc::clone(&self.cancel),
        };
        self.analysis.start(dump, plan, setup)
    }

    /// Whether it has anything to do on this dump; the plan on the whole dump where it has.
    ///
    /// # Errors
    /// When the filters leave no capture that the analysis has rows for.
    pub fn check(&self, dump: &Dump) -> Result<Plan, JobError> {
        let plan = self.analysis.plan(dump, &self.filter);
        if plan.kept() == 0 {
            return Err(JobError::NoCapture {
                captures: dump.captures.len(),
                stage: self.filter.stage.name(),
                min_seq_len: self.filter.min_seq_len,
                max_seq_len: self.filter.max_seq_len,
            });
        }
        if plan.captures() == 0
            && let Ok(shared) = SharedSettings::try_from(&self.settings)
        {
            return Err(JobError::AllLossless {
                captures: plan.kept(),
                lossless_first_n: shared.lossless_first_n,
            });
        }
        Ok(plan)
    }
}
