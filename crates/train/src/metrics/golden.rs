//! Agreement with scikit-image and SciPy: values computed by `peers/torch/dense_tasks_golden.py`, whose formulas make the same inputs.

use allconv_data::{ImageShape, Picture, bicubic};
use serde_json::Value;

use super::{Confusion, Plane, boundary_f1, luma, psnr, ssim};

/// Both implementations compute in f64, in another order of summation.
const BOUND: f64 = 1e-9;

fn expected() -> Value {
    let text = include_str!("../../tests/fixtures/dense.json");
    serde_json::from_str::<Value>(text).unwrap()["metrics"].clone()
}

fn picture(noisy: bool) -> Picture {
    let shape = ImageShape { height: 23, width: 31, channels: 3 };
    let value = |place: usize| {
        let (row, column, channel) = (place / 93, place / 3 % 31, place % 3);
        let clean = (row * 7 + column * 13 + channel * 40 + (row * column) % 31 * 5) % 256;
        let noise = (row * 5 + column * 11 + channel * 3) as i64 % 17 - 8;
        (clean as i64 + if noisy { noise } else { 0 }).clamp(0, 255) as u8
    };
    Picture::new(shape, (0..shape.len()).map(value).collect())
}

fn class_map(predicted: bool) -> Vec<u8> {
    let class = |place: usize| {
        let (mut row, mut column) = ((place / 240) as i64, (place % 240) as i64);
        if predicted {
            (row, column) = (row + 1, column - 2);
            if (row * 7 + column * 3).rem_euclid(241) == 0 {
                return 0;
            }
        }
        if (row - 75).pow(2) + (column - 90).pow(2) < 51 * 51 {
            1
        } else if (row + 2 * column).rem_euclid(270) < 36 {
            2
        } else {
            0
        }
    };
    (0..180 * 240).map(class).collect()
}

fn agrees(name: &str, found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= BOUND * expected.abs(), "{name}: {found}, expected {expected}");
}

#[test]
fn picture_metrics_are_those_of_scikit_image() {
    let golden = expected();
    let [clean, noisy] = [false, true].map(picture);
    let values =
        |picture: &Picture| picture.pixels().iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
    agrees("psnr_rgb", psnr(&values(&clean), &values(&noisy)), &golden["psnr_rgb"]);
    let [first, second] = [&clean, &noisy].map(luma);
    agrees("psnr_y", psnr(&first.values, &second.values), &golden["psnr_y"]);
    let [inner_first, inner_second] = [&first, &second].map(|plane| plane.without_border(2).unwrap());
    agrees("psnr_y_border_2", psnr(&inner_first.values, &inner_second.values), &golden["psnr_y_border_2"]);
    agrees("ssim_y", ssim(&first, &second).unwrap(), &golden["ssim_y"]);
    let red = |picture: &Picture| {
        let values = picture.pixels().iter().step_by(3).map(|value| f64::from(*value)).collect();
        Plane::new(23, 31, values)
    };
    agrees("ssim_red", ssim(&red(&clean), &red(&noisy)).unwrap(), &golden["ssim_red"]);
}

#[test]
fn region_metrics_are_those_of_numpy_and_scipy() {
    let golden = expected();
    let [truth, predicted] = [false, true].map(class_map);
    let mut confusion = Confusion::new(3);
    confusion.count(&truth, &predicted);
    agrees("pixel_error", confusion.pixel_error(), &golden["pixel_error"]);
    for class in 0..3 {
        let overlap = confusion.intersection_over_union(class).unwrap();
        agrees("intersection over union", overlap, &golden["intersection_over_union"][class]);
        agrees("dice", confusion.dice(class).unwrap(), &golden["dice"][class]);
    }
    agrees("boundary_f1", boundary_f1(&truth, &predicted, [180, 240], 3), &golden["boundary_f1"]);
}

/// Set5's bicubic baseline on luma in dB, as the literature prints it (e.g. Dong et al. 2016), and how far off a mean may lie.
const PUBLISHED: [(usize, f64); 3] = [(2, 33.66), (3, 30.39), (4, 28.42)];
const PUBLISHED_BOUND: f64 = 0.05;

#[test]
fn the_bicubic_baseline_of_set5_is_the_published_one() {
    let archive =
        std::env::var_os("ALLCONV_TEST_DATA").map(|folder| std::path::PathBuf::from(folder).join("set5.tar"));
    let Some(archive) = archive.filter(|path| path.is_file()) else {
        println!("skipped: ALLCONV_TEST_DATA names no folder with set5.tar");
        return;
    };
    let mut files = Vec::new();
    let limits = allconv_data::import::entry::EntryLimits::default();
    allconv_data::import::source::walk(&archive, &limits, &mut |entry| {
        files.push(entry);
        Ok(())
    })
    .unwrap();
    for (scale, published) in PUBLISHED {
        let ending = format!("SRF_{scale}_HR.png");
        let values: Vec<f64> = files
            .iter()
            .filter(|entry| entry.path.ends_with(&ending))
            .map(|entry| {
                let picture = Picture::decode(&entry.path, &entry.bytes).unwrap();
                let enlarged = bicubic::enlarge(&bicubic::shrink(&picture, scale), scale);
                let [truth, found] =
                    [&picture, &enlarged].map(|p| luma(p).without_border(scale).unwrap().values);
                psnr(&truth, &found)
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 5.0;
        println!("×{scale}: {mean:.3} dB, published {published}");
        assert_eq!(values.len(), 5);
        assert!((mean - published).abs() <= PUBLISHED_BOUND, "×{scale}: {mean:.3} dB");
    }
}
