//! Plans which pairs are measured again: for each engine and class the smallest within the limit, and a few finer ones, since few queries,
//! and the sum of K's and V's errors, predict a pair's error only to within some tens of percent.

use super::candidate::{Candidate, Class, Engine, Method, coded_name};
use super::choose::{Limit, Offer, rounded, smallest};
use super::found::Pair;

/// A choice to be made among pairs, which are sorted by size.
#[derive(Clone, Debug)]
pub struct Planned {
    pub class: Class,
    pub engine: Option<Engine>,
    pub lossless: bool,
    /// Indices of the pairs.
    pub pairs: Vec<usize>,
}

/// Factors by which the coded scheme's interpolated steps are varied: the step that uses up the limit lies between them.
const FACTORS: [f64; 3] = [1.1, 0.97, 0.84];

/// Factors of the limit for which a packed pair is searched.
const TIGHTER: [f64; 2] = [1.0, 0.7];

/// All choices, and the pairs that they refer to.
pub fn plan(
    candidates: &[Candidate],
    k: &[Offer],
    v: &[Offer],
    limit: Limit,
) -> (Vec<Planned>, Vec<Pair>) {
    let mut plan = Plan::default();
    for engine in Engine::ALL {
        let allowed = |k: &Offer, v: &Offer| {
            k.engine == Some(engine)
                && v.engine == Some(engine)
                && (engine.mixes() || k.scheme == v.scheme)
        };
        let pairs = tighter(candidates, k, v, limit, allowed);
        plan.add(Class::Engine, Some(engine), false, pairs);
    }
    for class in [Class::Packed, Class::Reference] {
        // All packed formats may be combined here. Those of engines are another class.
        let allowed = |k: &Offer, v: &Offer| k.class == class && v.class == class;
        let pairs = tighter(candidates, k, v, limit, allowed);
        plan.add(class, None, false, pairs);
    }
    plan.add(Class::Stored, None, false, coded(k, v, limit));
    plan.add(Class::Stored, None, true, lossless(candidates, k, v));
    (plan.choices, plan.pairs)
}

#[derive(Default)]
struct Plan {
    choices: Vec<Planned>,
    /// The pairs of all choices, each once.
    pairs: Vec<Pair>,
}

impl Plan {
    /// Adds a choice among these pairs, if there are any.
    fn add(&mut self, class: Class, engine: Option<Engine>, lossless: bool, some: Vec<Pair>) {
        let mut places = Vec::new();
        for pair in some {
            let known = self.pairs.iter().position(|known| *known == pair);
            let place = known.unwrap_or(self.pairs.len());
            if known.is_none() {
                self.pairs.push(pair);
            }
            if !places.contains(&place) {
                places.push(place);
            }
        }
        if !places.is_empty() {
            self.choices.push(Planned {
                class,
                engine,
                lossless,
                pairs: places,
            });
        }
    }
}

/// The coded scheme around the steps of the smallest pair within the limit; empty if there is none.
fn coded(k: &[Offer], v: &[Offer], limit: Limit) -> Vec<Pair> {
    let allowed = |k: &Offer, v: &Offer| k.step.is_some() && v.step.is_some();
    let Some((k, v)) = smallest(k, v, limit, allowed) else {
        return Vec::new();
    };
    let at =
        |offer: &Offer, factor: f64| coded_candidate(rounded(offer.step.unwrap_or(1.0) * factor));
    let pair = |factor| Pair {
        k: at(k, factor),
        v: at(v, factor),
    };
    FACTORS.map(pair).to_vec()
}

/// Lossless storing of both; empty if it was not tried.
fn lossless(candidates: &[Candidate], k: &[Offer], v: &[Offer]) -> Vec<Pair> {
    let least = |offers: &[Offer]| {
        let plain = offers
            .iter()
            .filter(|offer| offer.class == Class::Stored && offer.step.is_none());
        find(
            candidates,
            plain.min_by(|a, b| a.bytes.total_cmp(&b.bytes))?,
        )
    };
    let pair = least(k).zip(least(v)).map(|(k, v)| Pair { k, v });
    pair.into_iter().collect()
}

fn tighter(
    candidates: &[Candidate],
    k: &[Offer],
    v: &[Offer],
    limit: Limit,
    allowed: impl Fn(&Offer, &Offer) -> bool,
) -> Vec<Pair> {
    let mut found = Vec::new();
    for factor in TIGHTER {
        let limit = limit.times(factor);
        if let Some((k, v)) = smallest(k, v, limit, &allowed)
            && let (Some(k), Some(v)) = (find(candidates, k), find(candidates, v))
        {
            found.push(Pair { k, v });
        }
    }
    found
}

fn find(candidates: &[Candidate], offer: &Offer) -> Option<Candidate> {
    let mut same = candidates.iter().filter(|candidate| {
        candidate.name == offer.scheme
            && candidate.class == offer.class
            && candidate.engine == offer.engine
    });
    // A method may be listed with and without kept tokens. With none to keep, offers do not tell which, and both are the same.
    let exact = (same.clone()).find(|candidate| candidate.keeps_tokens == offer.keeps_tokens);
    exact.or_else(|| same.next()).cloned()
}

/// The coded scheme at a step, as a candidate.
pub fn coded_candidate(step: f64) -> Candidate {
    Candidate {
        name: coded_name(step),
        class: Class::Stored,
        engine: None,
        keeps_tokens: true,
        method: Method::Coded(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::explore::candidate::field;
    use crate::analysis::explore::settings::LimitKind;

    #[test]
    fn of_a_method_with_and_without_kept_tokens_the_one_that_was_chosen_is_planned() {
        let candidates = field(&[Class::Reference], &[], true);
        let offer = |keeps_tokens, bytes| Offer {
            scheme: "truncate 2".to_owned(),
            class: Class::Reference,
            engine: None,
            bytes,
            error: 0.0,
            step: None,
            keeps_tokens,
        };
        for keeps in [true, false] {
            let offers = [offer(keeps, 8.0), offer(!keeps, 9.0)];
            let limit = Limit {
                kind: LimitKind::Index,
                value: 0.01,
            };
            let (_, pairs) = plan(&candidates, &offers, &offers, limit);
            let planned = pairs.iter().map(|pair| pair.k.keeps_tokens);
            assert_eq!(planned.collect::<Vec<_>>(), [keeps]);
        }
    }
}
