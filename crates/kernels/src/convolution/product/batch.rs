//! Products on a batch of operands.

use super::ahead::Ahead;
use super::shape::{Offsets, Operands, Product, Store};
use super::tiles::{self, Places};
use crate::cpu::{Isa, Kernel, LANES, Simd, dispatch, dispatch_pairs};

impl Product<'_> {
    /// Runs the product once per entry of `offsets`.
    ///
    /// # Panics
    /// When an operand would reach beyond its slice.
    pub(crate) fn run(
        &self,
        isa: Isa,
        offsets: impl Iterator<Item = Offsets>,
        a: &[f32],
        b: &[f32],
        c: &mut [f32],
    ) {
        self.run_before(isa, offsets, None, [a, b], c);
    }

    /// Runs as [`Self::run`], where the operands at the offsets `after` are likely to be multiplied next: operands that are not packed are
    /// fetched ahead.
    ///
    /// # Panics
    /// When an operand would reach beyond its slice.
    pub(crate) fn run_before(
        &self,
        isa: Isa,
        mut offsets: impl Iterator<Item = Offsets>,
        after: Option<Offsets>,
        [a, b]: [&[f32]; 2],
        c: &mut [f32],
    ) {
        // One type of iterator, so that the kernel is compiled once per instruction set.
        let batch = Batch { product: self, offsets: &mut offsets, after, a, b, c };
        match self.operands {
            Operands::Singles => dispatch(isa, OfSingles(batch)),
            Operands::Pairs => dispatch_pairs(isa, OfPairs(batch)),
        }
    }
}

struct Batch<'a> {
    product: &'a Product<'a>,
    offsets: &'a mut dyn Iterator<Item = Offsets>,
    after: Option<Offsets>,
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
}

/// A batch whose elements are numbers.
struct OfSingles<'a>(Batch<'a>);

impl Kernel for OfSingles<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.0.run::<S, false>(simd);
    }
}

/// A batch whose elements are pairs.
struct OfPairs<'a>(Batch<'a>);

impl Kernel for OfPairs<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.0.run::<S, true>(simd);
    }
}

impl Batch<'_> {
    #[inline(always)]
    fn run<S: Simd, const PAIRS: bool>(self, simd: S) {
        let product = self.product;
        let sizes = [product.blocks, product.rows, product.vectors, product.segments, product.steps];
        assert!(!sizes.contains(&0), "an empty product: {product:?}");
        if let Store::Finish { bias, .. } = product.store {
            assert!(bias.len() >= product.vectors * LANES, "{} biases for {product:?}", bias.len());
        }
        let extents = product.extents();
        let mut following = self.offsets.next();
        while let Some(offsets) = following {
            following = self.offsets.next();
            assert!(
                offsets.a + extents.a <= self.a.len()
                    && offsets.b + extents.b <= self.b.len()
                    && offsets.c + extents.c <= self.c.len(),
                "{product:?} at {offsets:?} reaches {extents:?}, beyond {}, {}, {}",
                self.a.len(),
                self.b.len(),
                self.c.len()
            );
            // Pointers that are fetched from, never read.
            let next = following
                .or(self.after)
                .map(|next| [self.a.as_ptr().wrapping_add(next.a), self.b.as_ptr().wrapping_add(next.b)]);
            let ahead = &mut Ahead::new(product, next, tiles::count::<S>(product));
            // SAFETY: the three operands, `extents` long from their offsets on, lie in their slices.
            unsafe {
                let (a, b) = (self.a.as_ptr().add(offsets.a), self.b.as_ptr().add(offsets.b));
                let c = self.c.as_mut_ptr().add(offsets.c);
                tiles::panels::<S, PAIRS>(simd, ahead, Places { a, b, c });
            }
        }
    }
}
