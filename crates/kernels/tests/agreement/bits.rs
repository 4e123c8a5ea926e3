//! Bit-exact properties of convolutions: any number of threads, any instruction set, and the results of each class's
//! numerics revision.

use allconv_kernels::{Accuracy, ConvBackward, ConvGeometry, Engine, Epilogue, Isa};

use crate::case::{Case, epilogue, square};

#[test]
fn results_are_bit_identical_for_any_number_of_threads() {
    for (number, geometry) in [
        square(5, 16, [24, 16], 3, 1, 1),
        square(5, 17, [10, 24], 3, 2, 1),
        square(2, 24, [8, 8], 2, 1, 0),
        square(37, 6, [8, 8], 3, 1, 0),
        square(3, 24, [3, 8], 5, 1, 2),
        square(6, 9, [16, 10], 1, 1, 0),
        ConvGeometry { groups: 8, ..square(4, 16, [8, 8], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(geometry, epilogue(number, 11), 500 + number as u32);
        for isa in Isa::available() {
            for accuracy in Accuracy::ALL {
                for algorithm in case.planned(&Engine::new(isa, accuracy)).candidates() {
                    let results = [1, 2, 3].map(|threads| {
                        let pool = rayon::ThreadPoolBuilder::new()
                            .num_threads(threads)
                            .build()
                            .expect("threads start");
                        pool.install(|| {
                            let engine = Engine::new(isa, accuracy);
                            let convolution = case.planned(&engine).preferring(algorithm);
                            let y = case.fast(&convolution, &vec![1.0; case.dy.len()]);
                            // A second run on used scratch memory must not differ either.
                            assert_eq!(
                                y,
                                case.fast(&convolution, &vec![1.0; case.dy.len()]),
                                "second run, {geometry:?}"
                            );
                            y
                        })
                    });
                    assert_eq!(results[0], results[1], "1 and 2 threads, {geometry:?}");
                    assert_eq!(results[0], results[2], "1 and 3 threads, {geometry:?}");
                }
            }
        }
    }
}

#[test]
fn leaving_out_the_input_gradient_changes_nothing_else() {
    let case = Case::new(square(3, 11, [3, 12], 3, 1, 1), Epilogue::RELU, 9);
    let convolution = case.planned(&Engine::detect());
    let (reference, _) = case.reference();
    let full = case.fast(&convolution, &reference[0]);
    let saved: Vec<f32> = reference[0].iter().map(|&y| y as f32).collect();
    let mut dweight = vec![f32::NAN; case.weight.len()];
    convolution.prepare(&case.weight).backward(ConvBackward {
        x: &case.x,
        y: &saved,
        dy: &case.dy,
        epilogue: Epilogue::RELU,
        dx: None,
        dweight: &mut dweight,
        dbias: None,
    });
    assert_eq!(dweight, full[2]);
}

#[test]
fn instruction_sets_agree_to_the_last_bit() {
    let sets = Isa::available();
    println!("instruction sets compared: {sets:?}");
    for (number, geometry) in [
        square(2, 24, [40, 72], 3, 1, 1),
        square(2, 17, [10, 24], 3, 2, 1),
        square(9, 6, [16, 33], 3, 1, 0),
        square(2, 12, [48, 96], 5, 1, 2),
        square(1, 20, [3, 56], 7, 2, 3),
        ConvGeometry { groups: 8, ..square(2, 9, [8, 8], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(geometry, epilogue(number, 5), 900 + number as u32);
        for accuracy in Accuracy::ALL {
            for algorithm in case.planned(&Engine::new(Isa::detect(), accuracy)).candidates() {
                let results = sets.iter().map(|&isa| {
                    let convolution = case.planned(&Engine::new(isa, accuracy)).preferring(algorithm);
                    case.fast(&convolution, &vec![1.0; case.dy.len()])
                });
                let results: Vec<_> = results.collect();
                for pair in results.windows(2) {
                    assert_eq!(pair[0], pair[1], "{accuracy:?} {algorithm:?} {geometry:?}");
                }
            }
        }
    }
}

/// What all results hash to on every instruction set, class by class. Runs are compared and continued across versions of this
/// program: whoever changes one of these raises the revision of its class too.
const RESULTS: [(Accuracy, u32, u64); 4] = [
    (Accuracy::Exact, 1, 6_744_434_244_006_609_026),
    (Accuracy::F32, 1, 13_169_415_038_922_971_660),
    (Accuracy::Bf16, 2, 4_758_793_487_360_383_028),
    (Accuracy::Bf16Fast, 1, 13_785_486_989_870_774_106),
];

#[test]
fn results_are_to_the_last_bit_those_of_this_numerics_revision() {
    for isa in Isa::available() {
        let found = RESULTS
            .map(|(accuracy, ..)| (accuracy, accuracy.numerics_revision(), hash_of_results(isa, accuracy)));
        assert_eq!(found, RESULTS, "{isa}");
    }
}

/// Computes the FNV-1a hash of the bits of every element of every pass, by every algorithm.
fn hash_of_results(isa: Isa, accuracy: Accuracy) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (number, geometry) in [
        square(3, 24, [40, 72], 3, 1, 1),
        square(5, 17, [10, 24], 3, 2, 1),
        square(37, 6, [16, 33], 3, 1, 0),
        square(2, 12, [48, 96], 5, 1, 2),
        square(2, 33, [3, 56], 7, 2, 3),
        square(3, 13, [9, 20], 2, 1, 0),
        square(6, 9, [64, 10], 1, 1, 0),
        ConvGeometry { groups: 8, ..square(2, 9, [8, 8], 3, 1, 1) },
        ConvGeometry { groups: 2, dilation: [2, 1], ..square(2, 15, [20, 6], 3, 1, 2) },
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(geometry, epilogue(number, 17), 1300 + number as u32);
        for convolution in case.by_every_algorithm(&Engine::new(isa, accuracy)) {
            for value in case.fast(&convolution, &vec![1.0; case.dy.len()]).iter().flatten() {
                hash = (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    hash
}

/// Returns the values rounded to eight significant bits, ties to even.
fn rounded(values: &[f32]) -> Vec<f32> {
    let nearest = |value: f32| {
        // The exponent alone is the power of two below the value.
        let exponent = f64::from(value).to_bits() & (0x7ff << 52);
        let unit = f64::from_bits(exponent).max(f64::MIN_POSITIVE) / 128.0;
        ((f64::from(value) / unit).round_ties_even() * unit) as f32
    };
    values.iter().copied().map(nearest).collect()
}

#[test]
fn bf16_is_exact_arithmetic_on_rounded_operands_wherever_nothing_is_transformed() {
    for (number, geometry) in [
        square(2, 12, [10, 24], 3, 2, 1),
        square(2, 9, [3, 16], 5, 1, 2),
        square(3, 6, [16, 9], 1, 1, 0),
        ConvGeometry { groups: 8, ..square(2, 9, [8, 8], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        let case = Case::new(geometry, Epilogue::IDENTITY, 700 + number as u32);
        let [x, weight, dy] = [&case.x, &case.weight, &case.dy].map(|operand| rounded(operand));
        assert!(x != case.x && weight != case.weight && dy != case.dy);
        let on_rounded = Case { x, weight, dy, bias: case.bias.clone(), ..case };
        let y = vec![0.0; case.dy.len()];
        for isa in Isa::available() {
            for class in [Accuracy::Bf16, Accuracy::Bf16Fast] {
                let exact = case.planned(&Engine::new(isa, Accuracy::Exact));
                let direct = exact.candidates()[0];
                let found = case.fast(&case.planned(&Engine::new(isa, class)).preferring(direct), &y);
                let expected = on_rounded.fast(&exact, &y);
                for pass in 0..3 {
                    assert_eq!(found[pass], expected[pass], "pass {pass} {isa} {class:?} {geometry:?}");
                }
                // The bias gradient has no product: it sums what was given.
                assert_eq!(found[3], case.fast(&exact, &y)[3], "{isa} {class:?} {geometry:?}");
            }
        }
    }
}
