//! Measures one unit in the pool: decodes its captures, inspects and measures them. Whatever fails, even by a panic, affects that unit
//! only.

use super::caveats::{Mends, Signs};
use super::error::{JobError, MeasureError};
use super::report::CaptureInfo;
use super::unit::{Analysis, Extras, Found, Member, Unit};
use super::unit_state::find;
use crate::dump::{Fetched, Problem, Queries};
use crate::tensor::{Shape, Tensor};
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
