//! Difficulty of the synthetic dataset for a linear classifier.

use allconv_data::{
    Augmentation, DataDirectory, DatasetOptions, Loader, LoaderSettings, Order, Position, Preprocess,
    SampleSource, SyntheticSettings, open, prepare,
};
use allconv_random::elementary::exp_f32;

const CLASSES: usize = 10;

/// Multinomial logistic regression, trained by stochastic gradient descent.
struct Linear {
    /// One row of class weights for each value of an image.
    weights: Vec<[f32; CLASSES]>,
    biases: [f32; CLASSES],
}

impl Linear {
    fn scores(&self, image: &[f32]) -> [f32; CLASSES] {
        let mut scores = self.biases;
        for (row, value) in self.weights.iter().zip(image) {
            scores.iter_mut().zip(row).for_each(|(score, weight)| *score += weight * value);
        }
        scores
    }

    fn step(&mut self, image: &[f32], label: usize, rate: f32) {
        let scores = self.scores(image);
        let highest = scores.iter().copied().fold(f32::MIN, f32::max);
        let mut slopes = scores.map(|score| exp_f32(score - highest));
        let sum: f32 = slopes.iter().sum();
        slopes.iter_mut().for_each(|slope| *slope *= rate / sum);
        slopes[label] -= rate;
        for (row, value) in self.weights.iter_mut().zip(image) {
            row.iter_mut().zip(slopes).for_each(|(weight, slope)| *weight -= slope * value);
        }
        self.biases.iter_mut().zip(slopes).for_each(|(bias, slope)| *bias -= slope);
    }

    fn accuracy(&self, split: &impl SampleSource) -> f64 {
        let mut image = vec![0.0; self.weights.len()];
        let right = (0..split.sample_count())
            .filter(|&sample| {
                split.read_image(sample, &mut image).expect("an image in memory");
                let scores = self.scores(&image);
                let best =
                    (0..CLASSES).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).expect("ten classes");
                best == split.label(sample).expect("in memory") as usize
            })
            .count();
        right as f64 / split.sample_count() as f64
    }
}

#[test]
fn a_linear_classifier_stays_below_40_percent_but_learns_something() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = DataDirectory::new(folder.path());
    let synthetic = SyntheticSettings { train: 6000, test: 1000, ..SyntheticSettings::default() };
    let options = DatasetOptions { validation: 1000, train_images: None, synthetic, view: None };
    let dataset = open("synthetic", &directory, &options).expect("valid options");
    let data = prepare(&dataset, &[Preprocess::Standardize], &directory).expect("prepared");
    let settings = LoaderSettings {
        batch_size: 1,
        seed: 1,
        order: Order::Shuffled,
        augmentation: Augmentation::default(),
        workers: 0,
        prefetch: 0,
    };
    let mut linear = Linear { weights: vec![[0.0; CLASSES]; data.shape.len()], biases: [0.0; CLASSES] };
    let loader = Loader::new(data.train.clone(), settings).expect("valid settings");
    let validation = data.validation.expect("held out");
    // The best epoch is taken, so that the bound does not rest on a badly trained classifier.
    let mut best = 0.0f64;
    for epoch in 0..6 {
        for batch in loader.batches(Position { epoch, batch: 0 }, epoch + 1) {
            let batch = batch.expect("an image in memory");
            linear.step(&batch.images, batch.labels[0] as usize, 1e-4 / (1.0 + epoch as f32));
        }
        best = best.max(linear.accuracy(&validation));
    }
    println!("linear classifier: {:.1} % on held-out images", 100.0 * best);
    assert!(best < 0.40, "a linear classifier reaches {best}");
    assert!(best > 0.15, "a linear classifier that reaches only {best} was not trained");
}
