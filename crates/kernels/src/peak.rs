//! The rate of multiply-adds that this machine reaches, against which kernels are measured.

use std::time::Instant;

use crate::cpu::{Arithmetic, Isa, Kernel, LANES, Simd, Wide, dispatch, dispatch_pairs, pair};
use crate::engine::Engine;

/// Independent chains of multiply-adds: more than the eight that hide their latency, and few enough for sixteen registers.
const CHAINS: usize = 12;
/// Multiply-adds of a chain in one burst: some milliseconds, as long as a layer.
const LINKS: usize = 1 << 22;
/// The same on the portable set, whose multiply-adds are emulated.
const PORTABLE_LINKS: usize = 1 << 18;
/// Bursts, of which the fastest counts.
const BURSTS: usize = 7;

/// Measures the operations per second (two a multiply-add) that all threads of rayon's current pool reach together in registers alone, on
/// operands of the engine's accuracy class.
///
/// The fastest of a few bursts of some milliseconds. On the portable set multiply-adds are emulated, unless every CPU of the build target
/// has an instruction for them. For bfloat16, products of pairs.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate, to a few digits")]
pub fn measured_peak(engine: &Engine) -> f64 {
    let (isa, in_pairs) = (engine.isa(), engine.accuracy().rounds_operands());
    let links = if isa == Isa::portable() { PORTABLE_LINKS } else { LINKS };
    let vectors = CHAINS * links * isa.wide_vectors() * LANES;
    let operations = 2 * if in_pairs { 2 } else { 1 } * vectors * rayon::current_num_threads();
    let burst = || {
        let start = Instant::now();
        let sums = rayon::broadcast(|_| {
            let mut sum = 0.0;
            if in_pairs {
                dispatch_pairs(isa, Pairs { links, sum: &mut sum });
            } else {
                dispatch(isa, Singles { links, sum: &mut sum });
            }
            sum
        });
        // The result of the chains, which proves that they ran.
        let expected = if in_pairs { links as f32 } else { 2.0 };
        assert!(
            sums.iter().all(|sum| (sum / (expected * CHAINS as f32) - 1.0).abs() < 0.01),
            "multiply-adds gave {sums:?}"
        );
        start.elapsed().as_secs_f64()
    };
    operations as f64 / (0..BURSTS).map(|_| burst()).fold(f64::INFINITY, f64::min)
}

/// One thread's burst of multiply-adds, and the sum of the chains' first lanes.
struct Singles<'a> {
    links: usize,
    sum: &'a mut f32,
}

impl Kernel for Singles<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let wide = simd.wide();
        let (half, one) = (wide.splat(0.5), wide.splat(1.0));
        // x = x / 2 + 1 tends to 2 from anywhere.
        *self.sum = chains(wide, self.links, |x| wide.mul_add(x, half, one));
    }
}

/// One thread's burst of products of pairs, and the sum of the chains' first lanes.
struct Pairs<'a> {
    links: usize,
    sum: &'a mut f32,
}

impl Kernel for Pairs<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let wide = simd.wide();
        let halves = wide.splat(pair(0.5, 0.5));
        let ones = wide.splat(pair(1.0, 1.0));
        // x = x + 1 counts the steps: f32 holds every integer that far.
        *self.sum = chains(wide, self.links, |x| wide.dot_pairs(halves, ones, x));
    }
}

/// Runs the chains from zero, step by step; returns the sum of their first lanes.
#[inline(always)]
fn chains<W: Wide>(wide: W, links: usize, link: impl Fn(W::Vector) -> W::Vector) -> f32 {
    let mut chains = [wide.splat(0.0); CHAINS];
    for _ in 0..links {
        for chain in &mut chains {
            *chain = link(*chain);
        }
    }
    let total = chains.iter().fold(wide.splat(0.0), |total, &chain| wide.add(total, chain));
    let mut lanes = [0.0_f32; 2 * LANES];
    // SAFETY: the array holds the two parts that a wide vector has at most.
    unsafe { wide.store(lanes.as_mut_ptr(), LANES, total) };
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Accuracy;

    #[test]
    fn the_peak_is_plausible_on_every_available_set() {
        for isa in Isa::available() {
            for accuracy in [Accuracy::F32, Accuracy::Bf16] {
                let peak = measured_peak(&Engine::new(isa, accuracy)) / 1e9;
                // At most twice the widest machine there is, per thread; at least something, however busy this one is.
                let threads = rayon::current_num_threads() as f64;
                assert!(peak > 0.0 && peak < 800.0 * threads, "{isa} {accuracy:?}: {peak} GFLOP/s");
            }
        }
    }
}
