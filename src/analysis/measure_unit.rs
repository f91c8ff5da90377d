//! Measures one unit in the pool: decodes its captures, inspects and measures them. A capture that does not decode, even by a panic, is left
//! out and reported; a panic while measuring ends the job, but not the pool.

use super::caveats::{Mends, Signs};
use super::error::{JobError, MeasureError};
use super::report::CaptureInfo;
use super::unit::{Analysis, Extras, Found, Member, Unit};
use super::unit_state::find;
use crate::dump::{Fault, Fetched, Problem, Queries};
use crate::tensor::{Shape, Tensor};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Result of measuring a unit, and those of its captures that turned out to be unusable.
pub(super) struct Outcome<F> {
    pub unit: usize,
    pub worker: usize,
    pub seen: Seen,
    pub result: Result<Option<F>, JobError>,
}

/// What decoding a unit's captures showed; captures are identified by their indices in the dump.
#[derive(Default)]
pub(super) struct Seen {
    /// Captures that turned out to be unusable.
    pub problems: Vec<(usize, Problem)>,
    /// Shape and signs of the usable captures.
    pub signs: Vec<(usize, Shape, Signs)>,
}

/// The capture's description for rows, with the shape and type that mends may have changed.
fn info_of(info: &Arc<CaptureInfo>, mends: &Mends, k: &Tensor, v: &Tensor) -> Arc<CaptureInfo> {
    if mends.is_none() {
        return Arc::clone(info);
    }
    let heads = [k, v].map(|tensor| tensor.shape().kv_heads as u64);
    Arc::new(CaptureInfo {
        seq_len: k.shape().seq_len as u64,
        kv_heads: heads[0],
        v_kv_heads: (heads[1] != heads[0]).then_some(heads[1]),
        bytes_per_elem: k.dtype().size() as u32,
        dtype: k.dtype().name(),
        ..(**info).clone()
    })
}

/// A unit whose bytes were fetched.
pub(super) struct Arrived {
    pub captures: Vec<Arc<CaptureInfo>>,
    /// Fetched bytes of each capture, with its index in the dump.
    pub fetched: Vec<(usize, Fetched)>,
    pub queries: Vec<(Arc<Queries>, Tensor)>,
}

/// Decodes a unit's captures and measures them together; a capture that does not decode is left out and reported as a problem.
pub(super) fn measure<F: Found>(
    analysis: &dyn Analysis<Found = F>,
    unit: Arrived,
    extras: Extras,
    mends: &Mends,
    cancel: &Arc<AtomicBool>,
    seen: &mut Seen,
) -> Result<Option<F>, JobError> {
    let Arrived {
        captures,
        fetched: arrived,
        queries,
    } = unit;
    let first = arrived.first().map(|(_, fetched)| &fetched.capture().path);
    let path = first.cloned().unwrap_or_default();
    // A panic must not take the pool down with it.
    let measured = catch_unwind(AssertUnwindSafe(|| {
        let mut members = Vec::with_capacity(arrived.len());
        for (index, fetched) in arrived {
            let capture = Arc::clone(fetched.capture());
            let decoded =
                catch_unwind(AssertUnwindSafe(|| fetched.decode())).unwrap_or_else(|panic| {
                    let why = format!("internal error: {}", message_of(&*panic));
                    Err(Problem::new(&capture.path, Fault::Broken(why)))
                });
            match (decoded, find(&captures, index)) {
                (Ok(loaded), Some(info)) => {
                    let signs = Signs::of(&loaded.k, &loaded.v);
                    seen.signs.push((index, loaded.k.shape(), signs));
                    let (k, v) = mends.apply(&signs, loaded.k, loaded.v);
                    members.push(Member {
                        info: info_of(info, mends, &k, &v),
                        capture,
                        k,
                        v,
                    });
                }
                (Err(problem), _) => seen.problems.push((index, problem)),
                (Ok(_), None) => {}
            }
        }
        let unit = Unit::new(members, queries, extras, Arc::clone(cancel));
        unit.map(|unit| analysis.measure(&unit)).transpose()
    }));
    match measured {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(MeasureError::Cancelled)) => Err(JobError::Cancelled),
        Ok(Err(error)) => Err(JobError::Measure {
            capture: path,
            error,
        }),
        Err(panic) => Err(JobError::Panic {
            capture: path,
            message: message_of(&*panic),
        }),
    }
}

/// The message of a panic.
fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
    message.unwrap_or_default()
}
