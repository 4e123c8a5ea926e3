//! A product cut into panels of columns and tiles of rows, and the register tile.

use super::ahead::Ahead;
use super::packed::panel_width;
use super::shape::{Product, Right, Store};
use crate::cpu::{LANES, LINE, Simd, Single, Wide, prefetch_to_write};

/// Where the operands of a product, or of a part of it, begin.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) a: *const f32,
    pub(super) b: *const f32,
    pub(super) c: *mut f32,
}

/// Splits the columns into panels of at most three wide vectors and the rows into tiles.
///
/// A panel stays in the first-level cache while the rows pass by. Four rows by three vectors (twelve accumulators,
/// three vectors of B, one broadcast of A) fill the sixteen registers of AVX2, eight rows those of AVX-512; narrower panels
/// take more rows, to keep enough multiply-adds in flight.
///
/// # Safety
/// The operands must have the `extents()` of the product.
#[inline(always)]
pub(super) unsafe fn panels<S: Simd, const PAIRS: bool>(simd: S, ahead: &mut Ahead<'_>, places: Places) {
    let (product, together, Places { a, b, c }) = (ahead.product, <S::Wide as Wide>::VECTORS, places);
    let mut first = 0;
    while first < product.vectors {
        let width = panel_width(together, product.vectors - first);
        // SAFETY: `first + width <= vectors`, so the panel lies within both operands.
        unsafe {
            let (b, strides) = match product.b {
                Right::Strided { segment, step, vector } => (b.add(first * vector), [segment, step, vector]),
                Right::Packed => {
                    let start = product.segments * product.steps * first * LANES;
                    (b.add(start), [product.steps * width * LANES, width * LANES, LANES])
                }
            };
            let places = Places { a, b, c: c.add(first * product.c.vector) };
            if width.is_multiple_of(together) {
                panel::<S::Wide, PAIRS>(simd.wide(), [first, width / together], strides, ahead, places);
            } else {
                panel::<Single<S>, PAIRS>(Single(simd), [first, width], strides, ahead, places);
            }
        }
        first += width;
    }
}

/// Returns the number of register tiles of a product, about: as many as its panels would have with rows in tiles of the full height.
pub(super) fn count<S: Simd>(product: &Product<'_>) -> usize {
    let [.., height] = <S::Wide as Wide>::ROWS;
    let panels = product.vectors.div_ceil(3 * <S::Wide as Wide>::VECTORS);
    panels * product.blocks * product.rows.div_ceil(height)
}

/// Computes all rows of one panel of one, two or three wide vectors, from its first vector on.
///
/// # Safety
/// As [`panels`], for a panel of `width` wide vectors.
#[inline(always)]
unsafe fn panel<W: Wide, const PAIRS: bool>(
    simd: W,
    [first, width]: [usize; 2],
    strides: [usize; 3],
    ahead: &mut Ahead<'_>,
    places: Places,
) {
    // SAFETY: the caller's.
    unsafe {
        match width {
            1 => rows::<W, PAIRS, 1>(simd, first, strides, ahead, places),
            2 => rows::<W, PAIRS, 2>(simd, first, strides, ahead, places),
            _ => rows::<W, PAIRS, 3>(simd, first, strides, ahead, places),
        }
    }
}

/// Computes all rows of one panel of `WIDTH` wide vectors, in tiles.
///
/// # Safety
/// As [`panels`], for a panel of `WIDTH` wide vectors.
#[inline(always)]
unsafe fn rows<W: Wide, const PAIRS: bool, const WIDTH: usize>(
    simd: W,
    first: usize,
    strides: [usize; 3],
    ahead: &mut Ahead<'_>,
    places: Places,
) {
    let (product, Places { a, b, c }) = (ahead.product, places);
    for block in 0..product.blocks {
        let mut row = 0;
        while row < product.rows {
            let height = tile_height(W::ROWS[WIDTH - 1], product.rows - row);
            ahead.fetch();
            // SAFETY: the tile starts at `row` of `block` and has at most the rows left, so it lies within A and C.
            unsafe {
                let a = a.add(block * product.a.block + row * product.a.row);
                let c = c.add(block * product.c.block + row * product.c.row);
                let places = Places { a, b, c };
                if let Store::Finish { .. } = product.store {
                    claim::<W, WIDTH>(product, height, c);
                }
                match height {
                    8 => tile::<W, PAIRS, 8, WIDTH>(simd, product, strides, places),
                    7 => tile::<W, PAIRS, 7, WIDTH>(simd, product, strides, places),
                    6 => tile::<W, PAIRS, 6, WIDTH>(simd, product, strides, places),
                    5 => tile::<W, PAIRS, 5, WIDTH>(simd, product, strides, places),
                    4 => tile::<W, PAIRS, 4, WIDTH>(simd, product, strides, places),
                    3 => tile::<W, PAIRS, 3, WIDTH>(simd, product, strides, places),
                    2 => tile::<W, PAIRS, 2, WIDTH>(simd, product, strides, places),
                    _ => tile::<W, PAIRS, 1, WIDTH>(simd, product, strides, places),
                }
                if let Store::Finish { bias, rectify } = product.store {
                    let bias = bias.as_ptr().add(first * LANES);
                    finish::<W, WIDTH>(simd, product, height, (bias, rectify), c);
                }
            }
            row += height;
        }
    }
}

/// Returns the number of rows of the next tile when `left` rows are left: the full height, unless that would leave a tile of one or two
/// rows, which has too few multiply-adds in flight.
#[inline(always)]
const fn tile_height(full: usize, left: usize) -> usize {
    match (full, left) {
        (6, 7 | 8) => 4,
        _ if left < full => left,
        _ => full,
    }
}

/// Computes one register tile: `HEIGHT` rows by `WIDTH` wide vectors.
///
/// # Safety
/// As [`panels`], for `HEIGHT` rows and `WIDTH` wide vectors.
#[inline(always)]
unsafe fn tile<W: Wide, const PAIRS: bool, const HEIGHT: usize, const WIDTH: usize>(
    simd: W,
    product: &Product<'_>,
    strides: [usize; 3],
    Places { a, b, c }: Places,
) {
    let [b_segment, b_step, b_vector] = strides;
    let mut sums = [[simd.splat(0.0); WIDTH]; HEIGHT];
    for segment in 0..product.segments {
        // SAFETY: segment and step stay below their counts, so every load lies within the operands.
        unsafe {
            let mut a = a.add(segment * product.a.segment);
            let mut b = b.add(segment * b_segment);
            for _ in 0..product.steps {
                let right: [W::Vector; WIDTH] =
                    std::array::from_fn(|vector| simd.load(b.add(vector * W::VECTORS * b_vector), b_vector));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let left = simd.broadcast(a.add(row * product.a.row));
                    for (sum, &right) in sums.iter_mut().zip(&right) {
                        *sum = if PAIRS {
                            simd.dot_pairs(left, right, *sum)
                        } else {
                            simd.mul_add(left, right, *sum)
                        };
                    }
                }
                // `wrapping_add`: after the last step the pointers may leave the operands, unread.
                a = a.wrapping_add(product.a.step);
                b = b.wrapping_add(b_step);
            }
        }
    }
    // SAFETY: the tile lies within C.
    unsafe { store(simd, product, &sums, c) };
}

/// Stores the sums of a tile.
///
/// # Safety
/// As [`tile`], for a tile of C.
#[inline(always)]
unsafe fn store<W: Wide, const HEIGHT: usize, const WIDTH: usize>(
    simd: W,
    product: &Product<'_>,
    sums: &[[W::Vector; WIDTH]; HEIGHT],
    c: *mut f32,
) {
    let c_vector = product.c.vector;
    // SAFETY: the tile lies within C.
    unsafe {
        match product.store {
            // What is finished is replaced first.
            Store::Replace | Store::Finish { .. } => {
                for (row, sums) in sums.iter().enumerate() {
                    for (vector, &sum) in sums.iter().enumerate() {
                        simd.store(
                            c.add(row * product.c.row + vector * W::VECTORS * c_vector),
                            c_vector,
                            sum,
                        );
                    }
                }
            }
            Store::Add => {
                for (row, sums) in sums.iter().enumerate() {
                    for (vector, &sum) in sums.iter().enumerate() {
                        let target = c.add(row * product.c.row + vector * W::VECTORS * c_vector);
                        simd.store(target, c_vector, simd.add(simd.load(target, c_vector), sum));
                    }
                }
            }
        }
    }
}

/// Claims the lines of a tile that is going to be finished.
#[inline(always)]
fn claim<W: Wide, const WIDTH: usize>(product: &Product<'_>, height: usize, c: *const f32) {
    for row in 0..height {
        for vector in (0..WIDTH * W::VECTORS).step_by(LINE / LANES) {
            prefetch_to_write(c.wrapping_add(row * product.c.row + vector * product.c.vector));
        }
    }
}

/// Adds the bias to a tile, and rectifies it if need be. Inside [`tile`] it would take registers that the products need.
///
/// # Safety
/// As [`tile`], for a tile of C; the bias must hold `WIDTH` wide vectors.
#[inline(always)]
unsafe fn finish<W: Wide, const WIDTH: usize>(
    simd: W,
    product: &Product<'_>,
    height: usize,
    (bias, rectify): (*const f32, bool),
    c: *mut f32,
) {
    let c_vector = product.c.vector;
    for vector in 0..WIDTH {
        let place = vector * W::VECTORS;
        // SAFETY: the tile lies within C, and the bias holds its vectors.
        unsafe {
            let bias = simd.load(bias.add(place * LANES), LANES);
            for row in 0..height {
                let target = c.add(row * product.c.row + place * c_vector);
                let z = simd.add(simd.load(target, c_vector), bias);
                simd.store(target, c_vector, if rectify { simd.rectify(z) } else { z });
            }
        }
    }
}
