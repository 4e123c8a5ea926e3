//! The vector traits that fast kernels are written over.
//!
//! A kernel is a [`Kernel`] value whose `run` is generic over [`Simd`] and `#[inline(always)]`, so that it is compiled
//! once per instruction set inside a function that enables it. Instruction-set files hold instructions, not decisions.

use super::pair::pair;

/// Arithmetic on vectors of f32 of some length, with the same results to the last bit on every set. A value of an implementing type is the
/// proof that the CPU has the instructions.
pub(crate) trait Arithmetic: Copy {
    /// A vector.
    type Vector: Copy;
    /// Copies of one value.
    fn splat(self, value: f32) -> Self::Vector;
    /// Computes `a + b`
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Computes `a - b`
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Computes `a * b`
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Computes `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Computes `c - a * b`, rounded once.
    fn negated_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Computes `max(a, 0)`, except that NaN stays NaN.
    fn rectify(self, a: Self::Vector) -> Self::Vector;
    /// Returns the value that comes first in every [pair] of bfloat16, as f32.
    fn first_of_pairs(self, pairs: Self::Vector) -> Self::Vector;
    /// Returns the value that comes second in every pair of bfloat16, as f32.
    fn second_of_pairs(self, pairs: Self::Vector) -> Self::Vector;

    /// Computes `c + first(a) * first(b) + second(a) * second(b)` for pairs of bfloat16, in this order, rounded after each addition:
    /// a product of two bfloat16 is exact in f32. The instruction for it (AVX512_BF16) takes denormal numbers for zeros.
    #[inline(always)]
    fn dot_pairs(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        dot_pairs_by_parts(self, a, b, c)
    }
}

/// Computes [`Arithmetic::dot_pairs`] by two multiply-adds.
#[inline(always)]
pub(super) fn dot_pairs_by_parts<A: Arithmetic>(
    simd: A,
    a: A::Vector,
    b: A::Vector,
    c: A::Vector,
) -> A::Vector {
    let first = simd.mul_add(simd.first_of_pairs(a), simd.first_of_pairs(b), c);
    simd.mul_add(simd.second_of_pairs(a), simd.second_of_pairs(b), first)
}

/// Vectors of [`LANES`] elements.
pub(crate) trait Simd: Arithmetic {
    /// The vectors that products of matrices and transforms are computed on: these, or wider ones.
    type Wide: Wide;
    /// Returns the instructions on wide vectors, which the CPU has as well.
    fn wide(self) -> Self::Wide;
    /// Returns a vector of copies of the element at `source`.
    ///
    /// # Safety
    /// The element must be readable.
    unsafe fn broadcast(self, source: *const f32) -> Self::Vector;
    /// Loads a vector; no alignment is needed.
    ///
    /// # Safety
    /// `LANES` elements from `source` on must be readable.
    unsafe fn load(self, source: *const f32) -> Self::Vector;
    /// Stores a vector; no alignment is needed.
    ///
    /// # Safety
    /// `LANES` elements from `target` on must be writable.
    unsafe fn store(self, target: *mut f32, value: Self::Vector);
}

/// Elements of a vector, and the channel block of every scratch layout. The same for all instruction sets, so that maps lie
/// and sums run alike on all of them.
pub(crate) const LANES: usize = 8;

/// Vectors that span one or more of the layout's vectors, which may lie apart.
pub(crate) trait Wide: Arithmetic {
    /// Vectors of [`LANES`] elements in a wide one.
    const VECTORS: usize;
    /// Rows of a register tile of one, two and three wide vectors: together with the operands they fill the registers,
    /// and at least eight accumulators keep the multiply-adds in flight.
    const ROWS: [usize; 3];
    /// Returns a vector of copies of the element at `source`.
    ///
    /// # Safety
    /// The element must be readable.
    unsafe fn broadcast(self, source: *const f32) -> Self::Vector;
    /// Loads a wide vector whose parts lie `distance` elements apart; no alignment is needed.
    ///
    /// # Safety
    /// `LANES` elements from every part on must be readable.
    unsafe fn load(self, source: *const f32, distance: usize) -> Self::Vector;
    /// Stores a wide vector in parts that lie `distance` elements apart; no alignment is needed.
    ///
    /// # Safety
    /// `LANES` elements from every part on must be writable.
    unsafe fn store(self, target: *mut f32, distance: usize, value: Self::Vector);
    /// Loads a wide vector whose parts adjoin; no alignment is needed.
    ///
    /// # Safety
    /// `VECTORS * LANES` elements from `source` on must be readable.
    unsafe fn load_adjoining(self, source: *const f32) -> Self::Vector;
    /// Stores a wide vector in parts that adjoin; no alignment is needed.
    ///
    /// # Safety
    /// `VECTORS * LANES` elements from `target` on must be writable.
    unsafe fn store_adjoining(self, target: *mut f32, value: Self::Vector);

    /// Stores [pairs](pair) of the neighbours in a wide vector; no alignment is needed.
    ///
    /// # Safety
    /// `VECTORS * LANES / 2` elements from `target` on must be writable.
    #[inline(always)]
    unsafe fn store_neighbours_paired(self, target: *mut f32, value: Self::Vector) {
        // SAFETY: the caller's.
        unsafe { store_neighbours_by_elements(self, target, value) };
    }

    /// Stores [pairs](pair) of the elements of the two parts of a wide vector; no alignment is needed.
    ///
    /// # Safety
    /// `LANES` elements from `target` on must be writable.
    ///
    /// # Panics
    /// When the wide vector has other than two parts.
    #[inline(always)]
    unsafe fn store_parts_paired(self, target: *mut f32, value: Self::Vector) {
        // SAFETY: the caller's.
        unsafe { store_parts_by_elements(self, target, value) };
    }

    /// Stores a wide vector of [pairs](pair) of values in two places, whose parts lie `distance` elements apart in both.
    ///
    /// # Safety
    /// `LANES` elements from every part of `firsts` and `seconds` on must be readable, and `VECTORS * LANES` from `pairs` on writable.
    #[inline(always)]
    unsafe fn pair_places(self, firsts: *const f32, seconds: *const f32, distance: usize, pairs: *mut f32) {
        // SAFETY: the caller's.
        unsafe { pair_places_by_elements::<Self>(firsts, seconds, distance, pairs) };
    }
}

/// Computes [`Wide::pair_places`], element by element.
///
/// # Safety
/// As there.
#[inline(always)]
pub(super) unsafe fn pair_places_by_elements<W: Wide>(
    firsts: *const f32,
    seconds: *const f32,
    distance: usize,
    pairs: *mut f32,
) {
    for place in 0..W::VECTORS * LANES {
        let source = place / LANES * distance + place % LANES;
        // SAFETY: the part is one of those that the caller guarantees, and the place is below the number of pairs.
        unsafe { *pairs.add(place) = pair(*firsts.add(source), *seconds.add(source)) };
    }
}

/// Computes [`Wide::store_neighbours_paired`], element by element.
///
/// # Safety
/// As there.
#[inline(always)]
pub(super) unsafe fn store_neighbours_by_elements<W: Wide>(simd: W, target: *mut f32, value: W::Vector) {
    // SAFETY: the caller's.
    unsafe { store_paired(simd, target, value, |place| [2 * place, 2 * place + 1]) };
}

/// Computes [`Wide::store_parts_paired`], element by element.
///
/// # Safety
/// As there.
#[inline(always)]
pub(super) unsafe fn store_parts_by_elements<W: Wide>(simd: W, target: *mut f32, value: W::Vector) {
    assert!(W::VECTORS == 2, "only two parts can be paired");
    // SAFETY: the caller's, as half of two vectors is one.
    unsafe { store_paired(simd, target, value, |lane| [lane, LANES + lane]) };
}

/// Stores pairs of elements of a wide vector, chosen by their places, half as many as there are elements.
///
/// # Safety
/// `VECTORS * LANES / 2` elements from `target` on must be writable.
#[inline(always)]
unsafe fn store_paired<W: Wide>(
    simd: W,
    target: *mut f32,
    value: W::Vector,
    places: impl Fn(usize) -> [usize; 2],
) {
    let mut values = [0.0; 2 * LANES];
    assert!(W::VECTORS <= 2);
    // SAFETY: `values` holds a wide vector, and the caller guarantees room for half as many pairs.
    unsafe {
        simd.store_adjoining(values.as_mut_ptr(), value);
        for place in 0..W::VECTORS * LANES / 2 {
            let [first, second] = places(place);
            *target.add(place) = pair(values[first], values[second]);
        }
    }
}

/// The operations of the vectors in a newtype's first field, but for `splat` and `dot_pairs`.
macro_rules! delegate_arithmetic {
    () => { delegate_arithmetic! {
        add(a, b); sub(a, b); mul(a, b); mul_add(a, b, c); negated_mul_add(a, b, c); rectify(a);
        first_of_pairs(pairs); second_of_pairs(pairs);
    } };
    ($($operation:ident($($operand:ident),*);)*) => { $(
        #[inline(always)]
        fn $operation(self, $($operand: Self::Vector),*) -> Self::Vector {
            self.0.$operation($($operand),*)
        }
    )* };
}
pub(super) use delegate_arithmetic;

/// The vectors of `S` as wide vectors of one part, for a CPU with sixteen registers, of which twelve accumulate.
#[derive(Clone, Copy)]
pub(crate) struct Single<S>(pub(crate) S);

impl<S: Arithmetic> Arithmetic for Single<S> {
    type Vector = S::Vector;

    #[inline(always)]
    fn splat(self, value: f32) -> S::Vector {
        self.0.splat(value)
    }

    delegate_arithmetic!();

    #[inline(always)]
    fn dot_pairs(self, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
        self.0.dot_pairs(a, b, c)
    }
}

impl<S: Simd> Wide for Single<S> {
    const VECTORS: usize = 1;
    const ROWS: [usize; 3] = [8, 6, 4];

    #[inline(always)]
    unsafe fn broadcast(self, source: *const f32) -> S::Vector {
        // SAFETY: the caller guarantees a readable element.
        unsafe { self.0.broadcast(source) }
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32, _distance: usize) -> S::Vector {
        // SAFETY: the caller guarantees the one part.
        unsafe { self.0.load(source) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, _distance: usize, value: S::Vector) {
        // SAFETY: the caller guarantees the one part.
        unsafe { self.0.store(target, value) }
    }

    #[inline(always)]
    unsafe fn load_adjoining(self, source: *const f32) -> S::Vector {
        // SAFETY: the caller guarantees the one part.
        unsafe { self.0.load(source) }
    }

    #[inline(always)]
    unsafe fn store_adjoining(self, target: *mut f32, value: S::Vector) {
        // SAFETY: the caller guarantees the one part.
        unsafe { self.0.store(target, value) }
    }
}

/// A computation that is compiled for every instruction set.
pub(crate) trait Kernel {
    /// Computes; implementations are `#[inline(always)]`, or they lose the instruction set.
    fn run<S: Simd>(self, simd: S);
}
