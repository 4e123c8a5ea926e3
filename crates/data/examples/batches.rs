//! From a dataset's name to batches of a training epoch: `cargo run -p allconv-data --example batches`.

use allconv_data::{
    Augmentation, DataDirectory, DataError, DatasetOptions, Loader, LoaderSettings, Order, Position,
    Preprocess, SyntheticSettings, open, prepare,
};

fn main() -> Result<(), DataError> {
    // Any registry name works here; "synthetic" needs no files.
    let directory = DataDirectory::new("data");
    let synthetic = SyntheticSettings { train: 1000, test: 200, ..SyntheticSettings::default() };
    let options = DatasetOptions { validation: 100, train_images: None, synthetic, view: None };
    let dataset = open("synthetic", &directory, &options)?;
    println!("{}: {} images to train on, classes {:?}", dataset.name, dataset.train.len(), dataset.classes);

    let data = prepare(&dataset, &[Preprocess::Standardize], &directory)?;
    let settings = LoaderSettings {
        batch_size: 128,
        seed: 1,
        order: Order::Shuffled,
        augmentation: Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() },
        workers: 2,
        prefetch: 4,
    };
    let loader = Loader::new(data.train, settings)?;
    // Starting in the middle gives exactly the batches that a run from the beginning has there.
    for batch in loader.batches(Position { epoch: 0, batch: 4 }, 1) {
        let batch = batch?;
        let mean = batch.images.iter().sum::<f32>() / batch.images.len() as f32;
        println!("{} images of {}×{}, mean {mean:+.3}", batch.len(), batch.height, batch.width);
    }
    Ok(())
}
