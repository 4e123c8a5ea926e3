//! The rate of multiply-adds that this machine reaches, against which kernels are measured.

use std::time::Instant;

use crate::isa::Isa;
use crate::simd::{Kernel, LANES, Simd, Wide, dispatch};

/// Independent chains of multiply-adds: more than the eight that hide their latency, and few enough for sixteen registers.
const CHAINS: usize = 12;
/// Multiply-adds of a chain in one burst: some milliseconds, as long as a layer.
const LINKS: usize = 1 << 22;
/// Bursts, of which the fastest counts.
const BURSTS: usize = 7;

/// Operations per second (two a multiply-add) that all threads of rayon's current pool reach together in registers alone.
///
/// The fastest of a few bursts of some milliseconds. On the portable set, which has no fused instruction, a multiplication
/// and an addition.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate, to a few digits")]
pub fn measured_peak(isa: Isa) -> f64 {
    let operations = 2 * CHAINS * LINKS * isa.wide_vectors() * LANES * rayon::current_num_threads();
    let burst = || {
        let start = Instant::now();
        let sums = rayon::broadcast(|_| {
            let mut sum = 0.0;
            dispatch(isa, Burst(&mut sum));
            sum
        });
        // The chains converge to 2, which proves that they ran.
        assert!(
            sums.iter().all(|sum| (sum - 2.0 * CHAINS as f32).abs() < 0.1),
            "multiply-adds gave {sums:?}"
        );
        start.elapsed().as_secs_f64()
    };
    operations as f64 / (0..BURSTS).map(|_| burst()).fold(f64::INFINITY, f64::min)
}

/// One thread's burst, and the sum of the chains' first lanes.
struct Burst<'a>(&'a mut f32);

impl Kernel for Burst<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let wide = simd.wide();
        let (half, one) = ([0.5_f32; 2 * LANES], [1.0_f32; 2 * LANES]);
        let mut sum = [0.0_f32; 2 * LANES];
        // SAFETY: all three arrays hold the two parts that a wide vector has at most.
        unsafe {
            let (half, one) = (wide.load(half.as_ptr(), LANES), wide.load(one.as_ptr(), LANES));
            // x = x / 2 + 1 tends to 2 from anywhere.
            let mut chains = [wide.zero(); CHAINS];
            for _ in 0..LINKS {
                for chain in &mut chains {
                    *chain = wide.mul_add(*chain, half, one);
                }
            }
            let total = chains.iter().fold(wide.zero(), |total, &chain| wide.add(total, chain));
            wide.store(sum.as_mut_ptr(), LANES, total);
        }
        *self.0 = sum[0];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_plausible_on_every_available_set() {
        for isa in Isa::available() {
            let peak = measured_peak(isa) / 1e9;
            // Between one operation every few cycles and twice the widest machine there is, per thread.
            let threads = rayon::current_num_threads() as f64;
            assert!(peak > 0.2 && peak < 400.0 * threads, "{isa}: {peak} GFLOP/s");
        }
    }
}
