//! Enlargement by weighted sums of neighbouring positions, with softmax weights of its own at every position.

use rayon::prelude::*;

use super::resample::{WIDE, Write, chunk, weigh};
use crate::cpu::{Kernel, LANES, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::Scalar;

/// The maps of [`reassembly_forward`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblyGeometry {
    /// Images.
    pub batch: usize,
    /// Rows of the smaller map.
    pub height: usize,
    /// Columns of the smaller map.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Height and width of the neighbourhood in positions, odd.
    pub kernel: usize,
    /// Factor by which height and width grow.
    pub factor: usize,
}

impl ReassemblyGeometry {
    /// Returns the number of weights of each position of the smaller map: `kernel²` neighbours times `factor²` positions of its block,
    /// neighbours first.
    #[must_use]
    pub const fn weights(&self) -> usize {
        self.kernel * self.kernel * self.factor * self.factor
    }

    fn image(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn check<T>(&self, weights: &[T], x: &[T], y: &[T]) {
        assert!(self.kernel % 2 == 1 && self.factor > 0 && self.image() > 0, "{self:?}");
        check_len("the smaller map", x.len(), self.batch * self.image());
        check_len("the larger map", y.len(), x.len() * self.factor * self.factor);
        check_len("the weights", weights.len(), x.len() / self.channels * self.weights());
    }

    /// Lists the neighbours of a position that lie on the map: place in the neighbourhood, and position.
    #[inline(always)]
    fn list_neighbours(&self, row: usize, column: usize, neighbours: &mut Vec<(usize, usize)>) {
        let around = self.kernel / 2;
        neighbours.clear();
        for down in around.saturating_sub(row)..self.kernel.min(self.height + around - row) {
            for across in around.saturating_sub(column)..self.kernel.min(self.width + around - column) {
                let position = (row + down - around) * self.width + column + across - around;
                neighbours.push((down * self.kernel + across, position));
            }
        }
    }

    /// Returns the position in the larger map of one of a block by its number, row by row.
    #[inline(always)]
    fn position_in_block(&self, [row, column]: [usize; 2], number: usize) -> usize {
        let (down, across) = (number / self.factor, number % self.factor);
        (row * self.factor + down) * self.width * self.factor + column * self.factor + across
    }
}

/// Computes `y[n, s·i+a, s·j+b, c] = Σ over neighbours (u, v) of weights[n,i,j,(u,v),(a,b)] · x[n, i+u−k/2, j+v−k/2, c]`, zeros beyond the
/// edges.
///
/// Shapes: `x` `[N, H, W, C]`, `y` `[N, sH, sW, C]`, weights `[N, H, W, kernel², factor²]`.
///
/// # Panics
/// When a slice has the wrong length or the kernel is even.
pub fn reassembly_forward<T: Scalar>(
    engine: &Engine,
    geometry: &ReassemblyGeometry,
    weights: &[T],
    x: &[T],
    y: &mut [T],
) {
    geometry.check(weights, x, y);
    let line = geometry.width * geometry.channels * geometry.factor.pow(2);
    let of_line = geometry.width * geometry.weights();
    y.par_chunks_mut(line).zip(weights.par_chunks(of_line)).enumerate().for_each(|(line, (y, weights))| {
        let (image, row) = (line / geometry.height, line % geometry.height);
        let x = &x[image * geometry.image()..][..geometry.image()];
        dispatch(engine.isa(), Forward { geometry, row, weights, x, y });
    });
}

/// Computes the gradients of [`reassembly_forward`] behind [`reassembly_weights`](fn@super::reassembly_weights): of `x` and of the logits.
///
/// # Panics
/// As [`reassembly_forward`].
pub fn reassembly_backward<T: Scalar>(
    engine: &Engine,
    geometry: &ReassemblyGeometry,
    weights: &[T],
    [x, dy]: [&[T]; 2],
    [dx, dlogits]: [&mut [T]; 2],
) {
    geometry.check(weights, x, dy);
    check_len("the gradient of the smaller map", dx.len(), x.len());
    check_len("the gradient of the logits", dlogits.len(), weights.len());
    let (image, of_image) = (geometry.image(), weights.len() / geometry.batch.max(1));
    let gradients = dx.par_chunks_mut(image).zip(dlogits.par_chunks_mut(of_image));
    let maps = x.par_chunks(image).zip(dy.par_chunks(image * geometry.factor.pow(2)));
    gradients.zip(maps).zip(weights.par_chunks(of_image)).for_each(|(((dx, dlogits), (x, dy)), weights)| {
        dispatch(engine.isa(), Backward { geometry, weights, x, dy, dx, dlogits });
    });
}

/// The blocks of one row of the smaller map.
struct Forward<'a, T> {
    geometry: &'a ReassemblyGeometry,
    row: usize,
    weights: &'a [T],
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { geometry, row, weights, x, y } = self;
        let (channels, block) = (geometry.channels, geometry.factor.pow(2));
        let (mut neighbours, mut terms) = (Vec::new(), Vec::new());
        for (column, weights) in weights.chunks_exact(geometry.weights()).enumerate() {
            geometry.list_neighbours(row, column, &mut neighbours);
            for number in 0..block {
                terms.clear();
                for (place, position) in &neighbours {
                    terms.push((*position, weights[place * block + number]));
                }
                let position = geometry.position_in_block([0, column], number);
                weigh(&terms, channels, x, &mut y[position * channels..][..channels], Write::Over);
            }
        }
    }
}

/// One image.
struct Backward<'a, T> {
    geometry: &'a ReassemblyGeometry,
    weights: &'a [T],
    x: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
    dlogits: &'a mut [T],
}

impl<T: Scalar> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { geometry, weights, x, dy, dx, dlogits } = self;
        let ReassemblyGeometry { height, width, channels, kernel, factor, .. } = *geometry;
        let (block, each) = (factor * factor, geometry.weights());
        let (mut neighbours, mut terms) = (Vec::new(), Vec::new());
        dlogits.fill(T::ZERO);
        for row in 0..height {
            for column in 0..width {
                let this = row * width + column;
                geometry.list_neighbours(row, column, &mut neighbours);
                // Each neighbour reads this position at the opposite place.
                terms.clear();
                for (place, position) in &neighbours {
                    let weights =
                        &weights[position * each + (kernel * kernel - 1 - place) * block..][..block];
                    for (number, weight) in weights.iter().enumerate() {
                        let larger = geometry.position_in_block([position / width, position % width], number);
                        terms.push((larger, *weight));
                    }
                }
                weigh(&terms, channels, dy, &mut dx[this * channels..][..channels], Write::Over);
                let (weights, dlogits) =
                    (&weights[this * each..][..each], &mut dlogits[this * each..][..each]);
                for number in 0..block {
                    let larger = geometry.position_in_block([row, column], number);
                    let dy = &dy[larger * channels..][..channels];
                    let mut mean = T::ZERO;
                    for (place, position) in &neighbours {
                        let product = dot(dy, &x[position * channels..][..channels]);
                        dlogits[place * block + number] = product;
                        mean += weights[place * block + number] * product;
                    }
                    // Beyond the edges the value is 0, and so is its product.
                    for place in 0..kernel * kernel {
                        let index = place * block + number;
                        dlogits[index] = weights[index] * (dlogits[index] - mean);
                    }
                }
            }
        }
    }
}

/// Returns the sum of products, each lane for itself and the lanes at the end.
#[inline(always)]
fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut sums = [[T::ZERO; LANES]; WIDE / LANES];
    let mut first = 0;
    while first + WIDE <= a.len() {
        let (a, b): (&[T; WIDE], &[T; WIDE]) = (chunk(&a[first..]), chunk(&b[first..]));
        for vector in 0..WIDE / LANES {
            for lane in 0..LANES {
                sums[vector][lane] += a[vector * LANES + lane] * b[vector * LANES + lane];
            }
        }
        first += WIDE;
    }
    let mut total = T::ZERO;
    for lanes in sums {
        for sum in lanes {
            total += sum;
        }
    }
    for place in first..a.len() {
        total += a[place] * b[place];
    }
    total
}

#[cfg(test)]
mod tests {
    use super::super::reassembly_weights;
    use super::*;
    use crate::cpu::Isa;
    use crate::numbers::{Accuracy, Elementary};
    use allconv_random::elementary::exp;

    fn values<T: Scalar>(count: usize, seed: usize) -> Vec<T> {
        let value = |index: usize| ((index * 7919 + seed * 104_729) % 1009) as f64 / 504.0 - 1.0;
        (0..count).map(|index| T::from_f64(value(index))).collect()
    }

    fn geometry(channels: usize, kernel: usize, factor: usize) -> ReassemblyGeometry {
        ReassemblyGeometry { batch: 2, height: 3, width: 4, channels, kernel, factor }
    }

    fn operands<T: Scalar>(geometry: &ReassemblyGeometry) -> [Vec<T>; 3] {
        let positions = 2 * 3 * 4;
        let larger = positions * geometry.channels * geometry.factor.pow(2);
        [
            values(positions * geometry.weights(), 1),
            values(positions * geometry.channels, 2),
            values(larger, 3),
        ]
    }

    fn result<T: Scalar + Elementary>(
        isa: Isa,
        geometry: &ReassemblyGeometry,
        logits: &[T],
        x: &[T],
    ) -> (Vec<T>, Vec<T>) {
        let engine = Engine::new(isa, Accuracy::F32);
        let mut weights = vec![T::ZERO; logits.len()];
        let mut y = vec![T::ZERO; x.len() * geometry.factor.pow(2)];
        reassembly_weights(&engine, geometry, logits, &mut weights);
        reassembly_forward(&engine, geometry, &weights, x, &mut y);
        (weights, y)
    }

    fn gradients<T: Scalar + Elementary>(isa: Isa, geometry: &ReassemblyGeometry) -> [Vec<T>; 2] {
        let [logits, x, dy] = operands::<T>(geometry);
        let (weights, _) = result(isa, geometry, &logits, &x);
        let (mut dx, mut dlogits) = (x.clone(), logits.clone());
        let engine = Engine::new(isa, Accuracy::F32);
        reassembly_backward(&engine, geometry, &weights, [&x, &dy], [&mut dx, &mut dlogits]);
        [dx, dlogits]
    }

    /// Returns the definition, value by value.
    fn by_definition(geometry: &ReassemblyGeometry, logits: &[f64], x: &[f64]) -> Vec<f64> {
        let ReassemblyGeometry { height, width, channels, kernel, factor, .. } = *geometry;
        let [rows, columns] = [height * factor, width * factor];
        let value = |index: usize| {
            let (channel, column) = (index % channels, index / channels % columns);
            let (row, image) = (index / channels / columns % rows, index / channels / columns / rows);
            let position = (image * height + row / factor) * width + column / factor;
            let logit = |place: usize| {
                let block = row % factor * factor + column % factor;
                exp(logits[(position * kernel * kernel + place) * factor * factor + block])
            };
            let neighbour = |place: usize| {
                let [down, across] = [row / factor + place / kernel, column / factor + place % kernel];
                let around = kernel / 2;
                let inside =
                    (around..height + around).contains(&down) && (around..width + around).contains(&across);
                let position = || (image * height + down - around) * width + across - around;
                if inside { x[position() * channels + channel] } else { 0.0 }
            };
            let sum: f64 = (0..kernel * kernel).map(logit).sum();
            (0..kernel * kernel).map(|place| logit(place) / sum * neighbour(place)).sum()
        };
        (0..x.len() * factor * factor).map(value).collect()
    }

    #[test]
    fn results_agree_with_the_definition_on_every_instruction_set() {
        for geometry in [geometry(43, 3, 2), geometry(5, 5, 3), geometry(1, 1, 1)] {
            let [logits, x, _] = operands::<f64>(&geometry);
            let expected = by_definition(&geometry, &logits, &x);
            let single = |all: &[f64]| all.iter().map(|value| *value as f32).collect::<Vec<_>>();
            for isa in Isa::available() {
                let double = result(isa, &geometry, &logits, &x).1;
                let single = result(isa, &geometry, &single(&logits), &single(&x)).1;
                for ((double, single), expected) in double.iter().zip(single).zip(&expected) {
                    assert!((double - expected).abs() < 1e-14, "{isa}: {double} and {expected}");
                    assert!((f64::from(single) - expected).abs() < 2e-6, "{isa}: {single} and {expected}");
                }
            }
        }
    }

    #[test]
    fn gradients_agree_with_central_differences_and_single_precision_with_double() {
        for geometry in [geometry(35, 3, 2), geometry(2, 5, 1)] {
            let [logits, x, dy] = operands::<f64>(&geometry);
            let [dx, dlogits] = gradients::<f64>(Isa::detect(), &geometry);
            const STEP: f64 = 1e-6;
            let numeric = |index: usize, of_x: bool| {
                let at = |step: f64| -> f64 {
                    let (mut logits, mut x) = (logits.clone(), x.clone());
                    if of_x {
                        x[index] += step
                    } else {
                        logits[index] += step
                    }
                    by_definition(&geometry, &logits, &x).iter().zip(&dy).map(|(y, dy)| y * dy).sum()
                };
                (at(STEP) - at(-STEP)) / (2.0 * STEP)
            };
            for (gradient, of_x) in [(&dx, true), (&dlogits, false)] {
                for index in (0..gradient.len()).step_by(gradient.len() / 20) {
                    let numeric = numeric(index, of_x);
                    assert!((numeric - gradient[index]).abs() < 1e-7, "{numeric} and {}", gradient[index]);
                }
            }
            for isa in Isa::available() {
                let single = gradients::<f32>(isa, &geometry);
                for (found, exact) in single.iter().flatten().zip(dx.iter().chain(&dlogits)) {
                    assert!((f64::from(*found) - exact).abs() < 1e-5, "{isa}: {found} and {exact}");
                }
            }
        }
    }
}
