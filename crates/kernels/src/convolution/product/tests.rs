//! Products of small integers, which are exact.

use super::*;
use crate::cpu::{Isa, LANES, pair};

/// Rows, vectors, segments, steps: every tile height and panel width, and remainders of both.
const SIZES: [[usize; 4]; 17] = [
    [1, 1, 1, 1],
    [4, 3, 2, 8],
    [5, 4, 3, 8],
    [6, 2, 1, 7],
    [7, 1, 2, 3],
    [9, 5, 1, 9],
    [11, 7, 2, 8],
    [3, 6, 1, 1],
    [15, 1, 4, 8],
    [8, 8, 2, 5],
    [13, 2, 1, 4],
    [2, 3, 5, 2],
    [9, 12, 1, 8],
    [17, 9, 2, 3],
    [10, 10, 1, 6],
    [8, 4, 3, 2],
    [12, 11, 1, 5],
];

#[test]
fn integer_products_are_exact_in_both_orientations_on_every_set() {
    for isa in Isa::available() {
        for [rows, vectors, segments, steps] in SIZES {
            for rows_are_contiguous in [false, true] {
                let bias: Vec<f32> = (0..vectors * LANES).map(|place| (place % 5) as f32 - 2.0).collect();
                let finish = [false, true].map(|rectify| Store::Finish { bias: &bias, rectify });
                for store in [Store::Replace, Store::Add, finish[0], finish[1]] {
                    for packed in [false, true] {
                        for operands in [Operands::Singles, Operands::Pairs] {
                            let sizes = [rows, vectors, segments, steps];
                            check(isa, operands, sizes, rows_are_contiguous, store, packed);
                        }
                    }
                }
            }
        }
    }
}

fn check(
    isa: Isa,
    operands: Operands,
    [rows, vectors, segments, steps]: [usize; 4],
    rows_are_contiguous: bool,
    store: Store<'_>,
    packed: bool,
) {
    const BLOCKS: usize = 2;
    let inner = segments * steps;
    let (left, result) = (rows * inner, rows * vectors * LANES);
    let a = if rows_are_contiguous {
        LeftStrides { block: left, row: 1, segment: steps * rows, step: rows }
    } else {
        LeftStrides { block: left, row: inner, segment: steps, step: 1 }
    };
    let b = if packed {
        Right::Packed
    } else {
        Right::Strided { segment: steps * LANES, step: LANES, vector: inner * LANES }
    };
    let c = ResultStrides { block: result, row: LANES, vector: rows * LANES };
    let product = Product { operands, blocks: BLOCKS, rows, vectors, segments, steps, a, b, c, store };
    // Small integers: every sum is exact in f32, and every integer in bfloat16.
    let left: Vec<[f32; 2]> =
        (0..BLOCKS * left).map(|i| [((i * 7) % 5) as f32 - 2.0, ((i * 13) % 9) as f32 - 4.0]).collect();
    let right: Vec<[f32; 2]> = (0..inner * vectors * LANES)
        .map(|i| [((i * 11) % 7) as f32 - 3.0, ((i * 17) % 11) as f32 - 5.0])
        .collect();
    let elements = |values: &[[f32; 2]]| -> Vec<f32> {
        let element = |&[first, second]: &[f32; 2]| match operands {
            Operands::Singles => first,
            Operands::Pairs => pair(first, second),
        };
        values.iter().map(element).collect()
    };
    let place_in_b = |vector: usize, k: usize| {
        let strided = vector * inner + k;
        if packed {
            packed_order(isa, vectors, inner).position(|place| place == (vector, k)).unwrap_or(usize::MAX)
        } else {
            strided
        }
    };
    let mut found = vec![1.0; BLOCKS * result];
    product.run(isa, std::iter::once(Offsets::default()), &elements(&left), &elements(&right), &mut found);
    for (place, &found) in found.iter().enumerate() {
        let (block, vector) = (place / result, place % result / (rows * LANES));
        let (row, lane) = (place / LANES % rows, place % LANES);
        let mut expected = if store == Store::Add { 1.0 } else { 0.0 };
        for k in 0..inner {
            let (segment, step) = (k / steps, k % steps);
            let left = left[block * a.block + row * a.row + segment * a.segment + step * a.step];
            let right = right[place_in_b(vector, k) * LANES + lane];
            expected += (0..operands.values()).map(|part| left[part] * right[part]).sum::<f32>();
        }
        if let Store::Finish { bias, rectify } = store {
            expected += bias[vector * LANES + lane];
            expected = if rectify { expected.max(0.0) } else { expected };
        }
        assert_eq!(found, expected, "{isa} {product:?} row {row} vector {vector} lane {lane}");
    }
}

#[test]
#[should_panic(expected = "beyond")]
fn an_operand_that_is_too_short_is_refused() {
    let product = Product {
        operands: Operands::Singles,
        blocks: 1,
        rows: 2,
        vectors: 1,
        segments: 1,
        steps: 3,
        a: LeftStrides { block: 0, row: 3, segment: 0, step: 1 },
        b: Right::Strided { segment: 0, step: LANES, vector: 0 },
        c: ResultStrides { block: 0, row: LANES, vector: 0 },
        store: Store::Replace,
    };
    product.run(Isa::portable(), std::iter::once(Offsets::default()), &[0.0; 5], &[0.0; 24], &mut [0.0; 16]);
}
