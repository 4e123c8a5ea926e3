//! Elementary functions against correctly rounded values, which `peers/elementary_golden.py` computes with 400 bits, and against
//! their own bits.

use allconv_random::elementary::{cos, exp, exp_f32, exp_m1, hypot, ln, ln_f32, log10, pow, sin, sin_cos};

/// Largest distance from the correctly rounded result, in units of its last place.
const BOUND: u64 = 1;

fn double(bits: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(bits, 16).expect("sixteen hexadecimal digits"))
}

#[test]
fn results_are_within_one_unit_of_the_correctly_rounded_ones() {
    let mut seen = std::collections::BTreeMap::new();
    for line in include_str!("elementary.csv").lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let (name, result) = (fields[0], double(fields[fields.len() - 1]));
        let x = double(fields[1]);
        let found = match name {
            "exp" => exp(x),
            "exp_m1" => exp_m1(x),
            "ln" => ln(x),
            "log10" => log10(x),
            "sin" => sin(x),
            "cos" => cos(x),
            "pow" => pow(x, double(fields[2])),
            "hypot" => hypot(x, double(fields[2])),
            _ => panic!("no function {name}"),
        };
        // Numbers of one sign are ordered as their bits are; mpmath has no negative zero.
        let units =
            if found == result { 0 } else { (found.to_bits() as i64).abs_diff(result.to_bits() as i64) };
        assert!(units <= BOUND, "{name} {x:e}: {found:e} is {units} units from {result:e}");
        let (count, off) = seen.entry(name.to_owned()).or_insert((0, 0));
        (*count, *off) = (*count + 1, *off + u64::from(units > 0));
    }
    println!("values, and how many are a unit off: {seen:?}");
    assert!(seen.len() == 8 && seen.values().all(|(count, _)| *count > 150), "{seen:?}");
}

/// The results of these functions are part of published runs: a change of one of these numbers raises all revisions.
#[test]
fn the_bits_never_change() {
    let hash = |value: &dyn Fn(u32) -> u64| {
        (0..100_000).map(value).flat_map(u64::to_le_bytes).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let unit = |index: u32| (f64::from(index) + 0.5) / 1e5;
    let found = [
        hash(&|index| exp(40.0 * unit(index) - 30.0).to_bits()),
        hash(&|index| exp_m1(4.0 * unit(index) - 2.0).to_bits()),
        hash(&|index| ln(9.0 * unit(index)).to_bits()),
        hash(&|index| log10(9.0 * unit(index)).to_bits()),
        hash(&|index| sin(200.0 * unit(index) - 100.0).to_bits()),
        hash(&|index| cos(200.0 * unit(index) - 100.0).to_bits()),
        hash(&|index| {
            let (sine, cosine) = sin_cos(200.0 * unit(index) - 100.0);
            sine.to_bits() ^ cosine.to_bits().rotate_left(1)
        }),
        hash(&|index| pow(unit(index), f64::from(index % 7919)).to_bits()),
        hash(&|index| hypot(unit(index), 1.0 - f64::from(index)).to_bits()),
        hash(&|index| exp_f32((90.0 * unit(index) - 60.0) as f32).to_bits().into()),
        hash(&|index| ln_f32((90.0 * unit(index)) as f32).to_bits().into()),
    ];
    assert_eq!(found, BITS, "{found:#x?}");
}

const BITS: [u64; 11] = [
    0x64d0_a911_4102_a27e,
    0x78e5_b52d_c798_cef8,
    0xd1ae_6a56_bb79_32da,
    0xf7a3_ae8f_36c3_e4db,
    0x5d3d_1b02_0f42_356e,
    0x0f0d_97e2_4aa5_bf2d,
    0x4d21_b43c_47e8_0c65,
    0x4bf9_f92b_cc7d_0834,
    0xcf12_3eb7_cf52_b32b,
    0x5ad5_63fa_141f_95e8,
    0x22bb_9819_6e82_cfe2,
];
