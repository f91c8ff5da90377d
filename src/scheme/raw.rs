//! Stores elements as they are: for sinks, recent tokens, and tensors that no other scheme can store.

use super::codec::{About, Codec, Corrupt, Unfit};
use crate::tensor::{Tensor, TensorError};

/// The identity: stored bytes are the tensor's.
pub(super) struct Raw;

impl Codec for Raw {
    fn name(&self) -> String {
        "raw".to_owned()
    }

    fn unfit(&self, _: &About) -> Option<Unfit> {
        None
    }

    fn encode(&self, tensor: &Tensor, _: &About) -> Vec<u8> {
        tensor.bytes().to_vec()
    }

    fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
        Tensor::new(about.dtype, about.shape, bytes.to_vec()).map_err(|error| match error {
            TensorError::WrongSize { expected, found } => Corrupt::Length {
                expected: expected as u64,
                found: found as u64,
            },
            error => Corrupt::Content(error.to_string()),
        })
    }

    fn restore_in_place(&self, values: &mut [f32], about: &About) -> u64 {
        (values.len() * about.dtype.size()) as u64
    }
}
