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
use super::shared_settings::{SharedSettings, Stage};
use super::spec::{AnalysisSpec, Built};
use super::task::Setup;
use super::unit::Extras;
use super::value::{Choices, Value};
use crate::dump::Dump;
use crate::tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long [`Job::run`] waits for results before it checks for cancellation and reports progress.
const TICK: Duration = Duration::from_millis(50);

/// Receives rows as captures are measured.
type TakeRows = Box<dyn FnMut(&[Row]) + Send>;

/// An analysis with its settings and options, ready to run.
pub struct Job {
    spec: AnalysisSpec,
    settings: Settings,
    analysis: Built,
    filter: Filter,
    mends: Mends,
    extras: Extras,
    folder: String,
    threads: Option<usize>,
    part: Part,
    cancel: Arc<AtomicBool>,
    on_progress: Option<Box<dyn FnMut(Progress) + Send>>,
    on_rows: Option<TakeRows>,
}

impl Job {
    /// Creates a job for the analysis called `name` (see [`AnalysisSpec::name`]). Each setting is a pair of its flag and its value, typed
    /// or as the command line's text; settings that are not given have their defaults.
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
    /// [`JobError::UnknownAnalysis`], or [`JobError::Settings`] with every invalid setting.
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
            extras: Extras::default(),
            folder: String::new(),
            threads: None,
            part: Part::WHOLE,
            cancel: Arc::default(),
            on_progress: None,
            on_rows: None,
        })
    }

    /// Whether every compressed stream is decoded again by an independent decoder and compared bit for bit. Off by default.
    #[must_use]
    pub fn verify(mut self, verify: bool) -> Self {
        self.extras.verify = verify;
        self
    }

    /// Whether rows tell what rounding to nearest would give where mantissas are cut ([`TensorRow::rounded_mae`](super::TensorRow::rounded_mae)).
    /// Off by default: no report file holds it, and it takes time.
    #[must_use]
    pub fn rounding(mut self, rounding: bool) -> Self {
        self.extras.rounding = rounding;
        self
    }

    /// The folder that reports refer to where they name their own location. Nothing is written there: see [`Report::files`].
    #[must_use]
    pub fn folder(mut self, folder: impl Into<String>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Number of threads in a pool of the job's own. By default the process's pool is used, with a thread for each core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Measures only this part of the captures; the report covers that part. [`Job::joining`] joins the reports of all parts.
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

    /// A flag that cancels the job when it is set, from any thread: the job then fails with [`JobError::Cancelled`].
    #[must_use]
    pub fn cancel(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = flag;
        self
    }

    /// Sets a function that [`Job::run`] calls several times a second, on its own thread, with the progress so far.
    #[must_use]
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(tell));
        self
    }

    /// Sets a function that [`Job::run`] calls, on its own thread, with the rows of each capture, in dump order.
    #[must_use]
    pub fn on_rows(mut self, take: impl FnMut(&[Row]) + Send + 'static) -> Self {
        self.on_rows = Some(Box::new(take));
        self
    }

    /// Spec of the analysis.
    pub fn spec(&self) -> &AnalysisSpec {
        &self.spec
    }

    /// All settings, including those left at their defaults.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The part of the captures that is measured: see [`Job::part`].
    pub fn which_part(&self) -> Part {
        self.part
    }

    /// Whether compressed streams are decoded again: see [`Job::verify`].
    pub fn verifies(&self) -> bool {
        self.extras.verify
    }

    /// The captures of `dump` that the job would measure; only those of its part, where it has one.
    pub fn plan(&self, dump: &Dump) -> Plan {
        let mut plan = self.analysis.plan(dump, &self.filter);
        self.part.keep_of(&mut plan);
        plan
    }

    /// Starts a report from rows that were measured earlier with the same settings, by all parts or by some.
    ///
    /// # Errors
    /// [`JobError::NoParts`] for an analysis whose report needs more than rows.
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

    /// Measures every capture that it is given: for captures that were chosen by stage and length before, and may since have been cut.
    #[must_use]
    pub fn of_chosen(mut self) -> Self {
        self.filter = Filter {
            stage: Stage::Both,
            min_seq_len: 0,
            max_seq_len: 0,
        };
        self
    }

    /// The tensors that the analysis compresses for `tensor`: a benchmark gives them to other compressors.
    pub fn compressed(&self, capture: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        self.analysis.compressed(capture, tensor)
    }

    /// Runs the job to its end, on the calling thread and a pool.
    ///
    /// # Errors
    /// When the filters keep no capture, when the job is cancelled, or when it can't continue. A capture that can't be read is no error: it
    /// is left out and listed in [`Report::problems`].
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

    /// Starts the job without waiting, for callers whose thread must not block: see [`Session`].
    ///
    /// # Errors
    /// When the filters keep no capture that the analysis has rows for, or threads can't be started.
    pub fn start(&self, dump: &Dump) -> Result<Box<dyn Session>, JobError> {
        let mut plan = self.check(dump)?;
        self.part.keep_of(&mut plan);
        let setup = Setup {
            name: self.spec.name,
            settings: self.settings.clone(),
            folder: self.folder.clone(),
            extras: self.extras,
            mends: self.mends,
            threads: self.threads,
            cancel: Arc::clone(&self.cancel),
        };
        self.analysis.start(dump, plan, setup)
    }

    /// The plan for the whole dump, where the job has something to measure in it.
    ///
    /// # Errors
    /// When the filters keep no capture that the analysis has rows for.
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
