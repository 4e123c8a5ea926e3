//! The order of a packed right operand in memory: that in which the tiles read it.

use super::pairs::pair_rows;
use crate::cpu::{Isa, LANES};

/// Returns the number of vectors of the next panel when `left` are left, for wide vectors of `together`.
///
/// Three wide vectors, unless that would leave a single one; an odd number ends in a panel of three narrow vectors.
pub(super) const fn panel_width(together: usize, left: usize) -> usize {
    match (together, left) {
        (_, 0..=3) => left,
        (1, 4) => 2,
        (1, _) => 3,
        (_, 5) => 2,
        (_, 4 | 7 | 8) => 4,
        _ => 6,
    }
}

/// Returns the vectors of a packed operand in the order in which they lie, as `(vector, inner row)`: panel by panel, inside a
/// panel row by row.
pub(crate) fn packed_order(isa: Isa, vectors: usize, steps: usize) -> impl Iterator<Item = (usize, usize)> {
    let together = isa.wide_vectors();
    let panels = std::iter::successors(Some((0, panel_width(together, vectors))), move |&(first, width)| {
        Some((first + width, panel_width(together, vectors - first - width)))
    });
    let panels = panels.take_while(move |&(first, _)| first < vectors);
    panels.flat_map(move |(first, width)| {
        (0..steps).flat_map(move |step| (first..first + width).map(move |v| (v, step)))
    })
}

/// A panel of a packed operand.
pub(crate) struct Panel<'a> {
    /// Which operand it belongs to, and its first vector there.
    pub(crate) operand: usize,
    pub(crate) first: usize,
    /// Vectors.
    pub(crate) width: usize,
    /// `[step][vector][lane]`.
    pub(crate) elements: &'a mut [f32],
}

/// Returns the panels of packed operands of `vectors` by `steps` vectors.
pub(crate) fn packed_panels(isa: Isa, [vectors, steps]: [usize; 2], operands: &mut [f32]) -> Vec<Panel<'_>> {
    let mut panels = Vec::new();
    for (operand, mut rest) in operands.chunks_exact_mut(vectors * steps * LANES).enumerate() {
        let mut first = 0;
        while first < vectors {
            let width = panel_width(isa.wide_vectors(), vectors - first);
            let (elements, left) = rest.split_at_mut(width * steps * LANES);
            panels.push(Panel { operand, first, width, elements });
            (first, rest) = (first + width, left);
        }
    }
    panels
}

/// Pairs the inner rows of packed operands of `vectors` by `steps` vectors, an even number, in [`packed_order`]: panel by panel
/// the rows 0 and 1, 2 and 3, …
pub(crate) fn pair_packed(isa: Isa, [vectors, steps]: [usize; 2], packed: &[f32], pairs: &mut [f32]) {
    assert!(steps.is_multiple_of(2), "{steps} steps cannot be paired");
    let operand = vectors * steps * LANES;
    for (mut packed, mut pairs) in packed.chunks_exact(operand).zip(pairs.chunks_exact_mut(operand / 2)) {
        let mut left = vectors;
        while left > 0 {
            let width = panel_width(isa.wide_vectors(), left);
            let (panel, panels) = packed.split_at(width * steps * LANES);
            let (pairs_of_panel, pairs_left) = pairs.split_at_mut(panel.len() / 2);
            pair_rows(isa, panel, [steps, width * LANES], pairs_of_panel);
            (packed, pairs, left) = (panels, pairs_left, left - width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::pair;

    #[test]
    fn panels_lie_in_the_packed_order() {
        for isa in Isa::available() {
            for vectors in [1, 4, 5, 7, 13] {
                let steps = 3;
                let mut operands = vec![f32::NAN; 2 * vectors * steps * LANES];
                for panel in packed_panels(isa, [vectors, steps], &mut operands) {
                    for (place, target) in panel.elements.chunks_exact_mut(LANES).enumerate() {
                        let (step, vector) = (place / panel.width, panel.first + place % panel.width);
                        target.fill(((panel.operand * vectors + vector) * steps + step) as f32);
                    }
                }
                let one = |operand: usize| {
                    packed_order(isa, vectors, steps)
                        .map(move |(v, step)| ((operand * vectors + v) * steps + step) as f32)
                };
                let expected = (0..2).flat_map(one).flat_map(|value| [value; LANES]);
                assert!(operands.into_iter().eq(expected), "{isa}, {vectors} vectors");
            }
        }
    }

    #[test]
    fn pairs_lie_in_the_packed_order_of_half_as_many_steps() {
        for isa in Isa::available() {
            for vectors in [1, 2, 5, 7, 12] {
                let steps = 6;
                let value = |(vector, step): (usize, usize)| (vector * steps + step) as f32;
                let packed: Vec<f32> =
                    packed_order(isa, vectors, steps).flat_map(|place| [value(place); LANES]).collect();
                let mut pairs = vec![f32::NAN; packed.len() / 2];
                pair_packed(isa, [vectors, steps], &packed, &mut pairs);
                let expected = packed_order(isa, vectors, steps / 2)
                    .flat_map(|(v, s)| [pair(value((v, 2 * s)), value((v, 2 * s + 1))).to_bits(); LANES]);
                assert!(pairs.iter().map(|pair| pair.to_bits()).eq(expected), "{isa}, {vectors} vectors");
            }
        }
    }
}
