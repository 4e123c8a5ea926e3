//! Preprocessing agrees with an independent computation in NumPy (`tests/fixtures/preprocess.py`).

use allconv_data::augment::ImageShape;
use allconv_data::{DataDirectory, Dataset, Images, Preprocess, Split, prepare};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    height: usize,
    width: usize,
    channels: usize,
    train: Vec<u8>,
    test: Vec<u8>,
    results: Vec<GoldenResult>,
}

#[derive(Deserialize)]
struct GoldenResult {
    steps: Vec<Preprocess>,
    train: Vec<f64>,
    test: Vec<f64>,
}

/// Largest error relative to the largest value: sums of 60 products of numbers with 24 bits.
const RELATIVE_ERROR: f64 = 60.0 / (1 << 24) as f64;

#[test]
fn every_list_of_steps_agrees_with_numpy() {
    let golden: Golden = serde_json::from_str(include_str!("fixtures/preprocess.json")).expect("the fixture");
    let shape = ImageShape { height: golden.height, width: golden.width, channels: golden.channels };
    let split = |pixels: &[u8]| {
        Images::Stored(Split::new(pixels.to_vec(), vec![0; pixels.len() / shape.len()], shape))
    };
    let dataset = Dataset {
        name: "golden".to_string(),
        classes: vec!["only".to_string()],
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        train: split(&golden.train),
        validation: None,
        test: split(&golden.test),
        content_hash: "golden".to_string(),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = DataDirectory::new(folder.path());
    assert!(golden.results.len() >= 4);
    for result in &golden.results {
        let prepared = prepare(&dataset, &result.steps, &directory).expect("prepared");
        for (found, expected) in [(&prepared.train, &result.train), (&prepared.test, &result.test)] {
            let images: Vec<f32> = (0..found.len())
                .flat_map(|sample| found.image(sample).expect("in memory").to_vec())
                .collect();
            assert_eq!(images.len(), expected.len());
            let largest = expected.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
            for (place, (&found, &expected)) in images.iter().zip(expected).enumerate() {
                let error = (f64::from(found) - expected).abs() / largest;
                assert!(error <= RELATIVE_ERROR, "{:?}, value {place}: {found} and {expected}", result.steps);
            }
        }
    }
}
