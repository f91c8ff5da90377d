//! One unit in the pool: its captures are decoded, looked at and measured. What is wrong with one of them, a panic too, stays with it.

use super::caveats::{Mends, Signs};
use super::error::{JobError, MeasureError};
use super::report::CaptureInfo;
use super::unit::{Analysis, Found, Member, Unit};
use super::unit_state::find;
use crate::dump::{Fetched, Problem, Queries};
use crate::tensor::{Shape, Tensor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What became of a unit, and its captures that turned out to be unusable.
pub(super) struct Outcome<F> {
    pub unit: usize,
    pub worker: usize,
    pub seen: Seen,
    pub result: Result<Option<F>, JobError>,
}

/// What was seen of a unit's captures, by their places in the dump.
#[derive(Default)]
pub(super) struct Seen {
    /// Those that turned out to be unusable.
    pub problems: Vec<(usize, Problem)>,
    /// What the others show.
    pub signs: Vec<(usize, Shape, Signs)>,
}

/// What rows say of a capture, which may have been mended.
fn info_of(info: &Arc<CaptureInfo>, mends: &Mends, k: &Tensor) -> Arc<CaptureInfo> {
    if mends.is_none() {
        return Arc::clone(info);
    }
    Arc::new(CaptureInfo {
        seq_len: k.shape().seq_len as u64,
        kv_heads: k.shape().kv_heads as u64,
        bytes_per_elem: k.dtype().size() as u32,
        dtype: k.dtype().name(),
        ..(**info).clone()
    })
}

/// A unit as it was fetched.
pub(super) struct Arrived {
    pub captures: Vec<Arc<CaptureInfo>>,
    /// By index in the dump.
    pub fetched: Vec<(usize, Fetched)>,
    pub queries: Vec<(Arc<Queries>, Tensor)>,
}

/// Decodes the captures and measures what they make up; a capture that does not decode is a problem, and left out.
pub(super) fn measure<F: Found>(
    analysis: &dyn Analysis<Found = F>,
    unit: Arrived,
    verify: bool,
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
            match (fetched.decode(), find(&captures, index)) {
                (Ok(loaded), Some(info)) => {
                    let signs = Signs::of(&loaded.k, &loaded.v);
                    seen.signs.push((index, loaded.k.shape(), signs));
                    let (k, v) = mends.apply(&signs, loaded.k, loaded.v);
                    members.push(Member {
                        info: info_of(info, mends, &k),
                        capture,
                        k,
                        v,
                    });
                }
                (Err(problem), _) => seen.problems.push((index, problem)),
                (Ok(_), None) => {}
            }
        }
        let unit = Unit::new(members, queries, verify, Arc::clone(cancel));
        unit.map(|unit| analysis.measure(&unit)).transpose()
    }));
    match measured {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(MeasureError::Cancelled)) => Err(JobError::Cancelled),
        Ok(Err(error)) => Err(JobError::Measure {
            capture: path,
            error,
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(JobError::Panic {
                capture: path,
                message: message.unwrap_or_default(),
            })
        }
    }
}
