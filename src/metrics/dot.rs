//! Dot product of f32 in 32 lanes, in the order of additions of OpenBLAS's AVX2 kernel on any machine.

use multiversion::multiversion;

const LANES: usize = 32;

/// Accumulates a dot product piece by piece, in order.
#[derive(Clone)]
pub(super) struct Dot {
    lanes: [f32; LANES],
    tail: f64,
}

impl Default for Dot {
    fn default() -> Self {
        Self {
            lanes: [0.0; LANES],
            tail: 0.0,
        }
    }
}

impl Dot {
    /// Adds the products of `a` and `b`, which are the values from index `start` on of vectors with `len` values.
    pub fn add(&mut self, a: &[f32], b: &[f32], start: usize, len: usize) {
        let whole = (len / LANES * LANES).clamp(start, start + a.len()) - start;
        let (tail_a, tail_b) = (&a[whole..], &b[whole..]);
        let (a, b) = (&a[..whole], &b[..whole]);
        let head = (start.next_multiple_of(LANES) - start).min(whole);
        self.part(&a[..head], &b[..head], start % LANES);
        let (lanes_a, rest_a) = a[head..].as_chunks::<LANES>();
        let (lanes_b, rest_b) = b[head..].as_chunks::<LANES>();
        add(&mut self.lanes, lanes_a, lanes_b);
        self.part(rest_a, rest_b, 0);
        for (a, b) in tail_a.iter().zip(tail_b) {
            self.tail += f64::from(a * b);
        }
    }

    fn part(&mut self, a: &[f32], b: &[f32], first: usize) {
        for ((lane, a), b) in self.lanes[first..].iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }

    /// The dot product.
    pub fn finish(&self) -> f32 {
        let sum = |lane: usize| {
            (self.lanes[lane] + self.lanes[lane + 8])
                + (self.lanes[lane + 16] + self.lanes[lane + 24])
        };
        let quarter = |lane: usize| sum(lane) + sum(lane + 4);
        let product = (quarter(0) + quarter(1)) + (quarter(2) + quarter(3));
        (f64::from(product) + self.tail) as f32
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn add(lanes: &mut [f32; LANES], a: &[[f32; LANES]], b: &[[f32; LANES]]) {
    let mut sums = *lanes;
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    *lanes = sums;
}
