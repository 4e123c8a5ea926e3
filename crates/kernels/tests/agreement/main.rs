//! Every fast convolution against the definition in f64: awkward shapes and random geometries, all passes, every instruction set of this
//! CPU, every accuracy class, within the stated error bounds. `bits` compares results of convolutions with each other, `every_kernel` those
//! of all kernels.

mod bits;
mod case;
mod every_kernel;

use allconv_kernels::{ConvGeometry, Epilogue, Padding};

use case::{Case, Stream, Worst, epilogue, square};

#[test]
fn awkward_sizes_of_the_paper_s_kernels_agree() {
    let mut worst = Worst::default();
    for size in 1..=17 {
        for (number, (kernel, stride, padding)) in [
            (3, 1, 1),
            (3, 2, 1),
            (3, 1, 0),
            (1, 1, 0),
            (5, 1, 2),
            (2, 1, 0),
            (2, 2, 0),
            (3, 1, 5),
            (2, 3, 0),
            (3, 2, 0),
        ]
        .into_iter()
        .enumerate()
        {
            if size + 2 * padding < kernel {
                continue;
            }
            let channels = [[3, 10], [8, 24], [17, 5], [1, 1], [9, 33]][(size + number) % 5];
            let geometry = square(1 + size % 3, size, channels, kernel, stride, padding);
            let found = Case::new(geometry, epilogue(size + number, 7), (size * 100 + number) as u32).check();
            worst.add(found);
        }
    }
    println!("largest errors: {worst}");
}

#[test]
fn random_geometries_agree_in_all_passes() {
    let mut stream = Stream { key: 20_260, counter: 0 };
    let mut worst = Worst::default();
    let mut cases = 0;
    while cases < 150 {
        let groups = [1, 1, 1, 2, 3][stream.between(0, 4)];
        let depthwise = stream.between(0, 7) == 0;
        let channels_in = groups * stream.between(1, 14);
        let geometry = ConvGeometry {
            batch: stream.between(1, 5),
            height_in: stream.between(1, 13),
            width_in: stream.between(1, 13),
            channels_in,
            channels_out: if depthwise { channels_in } else { groups * stream.between(1, 14) },
            kernel: [stream.between(1, 4), stream.between(1, 4)],
            stride: [stream.between(1, 3), stream.between(1, 3)],
            padding: Padding {
                top: stream.between(0, 4),
                bottom: stream.between(0, 4),
                left: stream.between(0, 4),
                right: stream.between(0, 4),
            },
            dilation: [stream.between(1, 2), stream.between(1, 3)],
            groups: if depthwise { channels_in } else { groups },
        };
        if geometry.validate().is_err() {
            continue;
        }
        let found = Case::new(geometry, epilogue(cases, 1), cases as u32).check();
        worst.add(found);
        cases += 1;
    }
    println!("largest errors: {worst}");
}

#[test]
fn several_bands_and_slots_agree() {
    let mut worst = Worst::default();
    for (number, geometry) in [
        square(3, 24, [16, 24], 3, 1, 1),
        square(19, 8, [10, 12], 3, 1, 1),
        square(2, 40, [3, 9], 3, 1, 1),
        square(2, 33, [12, 20], 3, 2, 1),
        square(40, 6, [24, 16], 3, 1, 0),
        square(1, 30, [4, 8], 5, 1, 2),
        square(2, 21, [8, 8], 2, 3, 0),
        ConvGeometry { groups: 2, ..square(2, 20, [20, 6], 3, 1, 1) },
        ConvGeometry { groups: 12, ..square(2, 20, [12, 12], 3, 2, 1) },
        // The runs of channels of a depthwise convolution, from the longest to what is left over.
        ConvGeometry { groups: 96, ..square(2, 7, [96, 96], 3, 2, 1) },
        ConvGeometry { groups: 64, ..square(1, 6, [64, 64], 3, 1, 1) },
        ConvGeometry { groups: 43, ..square(1, 6, [43, 43], 3, 1, 1) },
        ConvGeometry { dilation: [2, 2], ..square(2, 20, [9, 6], 3, 1, 2) },
    ]
    .into_iter()
    .enumerate()
    {
        worst.add(Case::new(geometry, epilogue(number, 3), number as u32).check());
    }
    // Whole blocks and tiles with an epilogue that needs only the value: computed straight into the map, 1×1 from the map too.
    for (number, geometry) in [
        square(40, 6, [24, 16], 1, 1, 0),
        square(2, 40, [3, 16], 3, 1, 1),
        square(5, 12, [16, 24], 3, 1, 1),
        square(3, 16, [8, 16], 3, 2, 1),
        ConvGeometry { groups: 2, ..square(3, 20, [32, 48], 1, 1, 0) },
        ConvGeometry { groups: 2, ..square(3, 12, [32, 16], 3, 1, 1) },
    ]
    .into_iter()
    .enumerate()
    {
        for epilogue in [Epilogue::IDENTITY, Epilogue::RELU] {
            worst.add(Case::new(geometry, epilogue, 900 + number as u32).check());
        }
    }
    println!("largest errors: {worst}");
}
