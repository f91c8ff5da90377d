//! What the coded scheme chose for a dump's tensors. The passes over the dump share it, since choosing takes longer than applying what was
//! chosen.

use crate::scheme::{Tkc, Transforms};
use crate::tensor::Kv;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory limit in bytes; choices that find no room are made again when they are needed.
const MAX_MEMORY: usize = 64 << 20;

/// A tensor, and what choices depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    run: String,
    layer: i64,
    kv: Kv,
    choice_step: u64,
}

impl Key {
    /// The key of K or V of a layer, by its run and number, for a coded scheme with the settings of the analysis.
    pub fn new((run, layer): (&str, i64), kv: Kv, tkc: &Tkc) -> Self {
        Self {
            run: run.to_owned(),
            layer,
            kv,
            choice_step: Tkc::choice_step(tkc.step).to_bits(),
        }
    }
}

/// Choices so far.
#[derive(Debug, Default)]
pub struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    choices: HashMap<Key, Arc<Transforms>>,
    /// Bytes of memory that they take.
    memory: usize,
}

impl Known {
    /// What was chosen for a tensor; `None` if it has to be chosen again.
    pub fn get(&self, key: &Key) -> Option<Arc<Transforms>> {
        self.state().choices.get(key).cloned()
    }

    /// Remembers what was chosen for a tensor, if there is memory for it.
    pub fn add(&self, key: Key, transforms: &Arc<Transforms>) {
        let mut state = self.state();
        let memory = state.memory + transforms.memory();
        if memory <= MAX_MEMORY {
            state.memory = memory;
            state.choices.insert(key, Arc::clone(transforms));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever panicked, the state is whole: nothing in here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
