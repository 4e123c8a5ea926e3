//! `allconv bench` for networks of dense tasks: a step of gradient descent on the mean squared difference from a fixed target map.

use allconv_nets::{Mode, Network, Walk, images_to_tensor};
use allconv_random::elementary::sin;
use allconv_train::{Optimizer, Preset};
use anyhow::{Context, ensure};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// A network with images and target maps.
pub(crate) struct DenseBench {
    network: Network,
    batch: usize,
    input: [usize; 3],
    output: [usize; 3],
}

impl DenseBench {
    /// A benchmark of `network` with its shape walk on `batch` images.
    pub(crate) fn new(network: Network, batch: usize, walk: &Walk) -> DenseBench {
        DenseBench { network, batch, input: walk.input, output: walk.output() }
    }

    /// Returns a function that makes one training step, given its number.
    pub(crate) fn training(&self) -> anyhow::Result<impl FnMut(u64) -> anyhow::Result<()> + use<>> {
        let settings = (Preset::named("springenberg2015").context("the preset is registered")?.settings)();
        let device = Device::flex().autodiff();
        let (images, target) =
            (waves(self.batch, self.input, &device), waves(self.batch, self.output, &device));
        let (mut network, mut optimizer) = (self.network.clone(), Optimizer::new(&settings));
        Ok(move |step| {
            let output = network.forward_map(images.clone(), Mode::Train { seed: 0, step });
            let loss = (output - target.clone()).square().mean();
            let mut gradients = loss.backward();
            optimizer
                .step(&mut network, &mut gradients, 1e-4)
                .map_err(|norm| anyhow::anyhow!("the gradient of step {step} has norm {norm}"))?;
            network.absorb_statistics();
            Ok(())
        })
    }

    /// Returns a function that makes one forward pass.
    pub(crate) fn inference(&self) -> impl FnMut(u64) -> anyhow::Result<()> + use<> {
        let (network, values) = (self.network.valid(), self.batch * self.output.iter().product::<usize>());
        let images = waves(self.batch, self.input, &Device::flex());
        move |_| {
            let output = network.forward_map(images.clone(), Mode::Evaluate).into_data();
            ensure!(
                output.num_elements() == values,
                "{} values in an output of {values}",
                output.num_elements()
            );
            Ok(())
        }
    }
}

/// Returns images in [−1, 1] in which neighbouring values differ.
fn waves(batch: usize, [channels, height, width]: [usize; 3], device: &Device) -> Tensor<4> {
    let values = (0..batch * channels * height * width).map(|index| sin(index as f64 * 0.7) as f32).collect();
    images_to_tensor(values, [batch, height, width, channels], device)
}
