//! A network: its stages with parameters, run fused for training or one by one for inspection.

use allconv_kernels::{Engine, Epilogue};
use allconv_operators::operations::{channels_first, channels_last};
use allconv_operators::{Enlargement, Initialisation, ParameterSource, SignalRules, SwitchKind, Switches};
use burn::backend::DispatchDevice;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use crate::branches::{Branch, BranchLayer};
use crate::description::{NetworkSpec, walk};
use crate::error::DescriptionError;
use crate::forward_pass::ForwardPass;
use crate::layers::{ActivationLayer, ConvolutionLayer, DropoutLayer, GlobalAverageLayer, Stage};
use crate::mode::Mode;
use crate::normalise_layer::NormaliseLayer;
use crate::stage::{StageSpec, Target};
use crate::stage_name::StageName;
use crate::stage_shape::StageShape;
use crate::targets::{switches_taken, target_of};
use crate::walk::Walk;

/// Fewest and most images that go through a network together outside training: enough for bands of the smallest maps to be full, few
/// enough for the activations of a layer to stay in the last-level cache. In between, every thread processes one group.
const IMAGES_TOGETHER: [usize; 2] = [16, 32];
/// Pixels of the images that go through together; larger ones go in smaller groups.
const PIXELS_TOGETHER: usize = 16 * 224 * 224;

/// A network with parameters.
///
/// As a Burn [`Module`] it can be put on another device, made ready for evaluation (`valid`) and visited. Its
/// parameters are called as in a PyTorch `nn.Sequential` (or `ModuleList`) of the same stages: `features.N.weight`, N the
/// stage's index; where an architecture is known under other names, by those: see [`StageName`].
///
/// A network whose operators all are convolutions, pooling and the like runs on any height and width, not only those it was walked for;
/// [`walk_stages`](crate::walk_stages) with another height and width checks beforehand whether it does.
#[derive(Module, Debug)]
pub struct Network {
    pub(crate) features: Vec<Stage>,
    #[module(skip)]
    pub(crate) names: Vec<StageName>,
    #[module(skip)]
    engine: Engine,
}

/// The output of every stage of a network.
#[derive(Debug)]
pub struct Trace {
    /// The output of each stage, `[n, c, h, w]`.
    pub stages: Vec<Tensor<4>>,
    /// The logits, `[n, classes]`: the last stage's output, flattened.
    pub logits: Tensor<2>,
}

impl Network {
    /// Returns the network of `spec` for `input` (channels, rows, columns) and `classes`, its weights drawn from `seed`.
    ///
    /// On a device with autodiff every parameter keeps its gradient.
    ///
    /// # Errors
    ///
    /// A description out of range, or an input that a stage cannot process.
    ///
    /// # Example
    ///
    /// ```
    /// use allconv_nets::{images_to_tensor, models, Engine, Mode, Network};
    /// use burn::tensor::Device;
    ///
    /// let (spec, device) = (models::named("all_cnn_c")?.with_width(0.25), Device::flex());
    /// let network = Network::initialise(&spec, [3, 32, 32], 10, 0, Engine::detect(), &device)?;
    /// let images = images_to_tensor(vec![0.5; 2 * 32 * 32 * 3], [2, 32, 32, 3], &device);
    /// assert_eq!(network.forward(images, Mode::Evaluate).dims(), [2, 10]);
    /// # Ok::<(), allconv_nets::DescriptionError>(())
    /// ```
    pub fn initialise(
        spec: &NetworkSpec,
        input: [usize; 3],
        classes: usize,
        seed: u64,
        engine: Engine,
        device: &Device,
    ) -> Result<Self, DescriptionError> {
        let walk = walk(spec, input, classes)?;
        Ok(Self::from_walk(&walk, spec.initialisation, seed, engine, device))
    }

    /// Returns the network of stages that have been walked, its weights drawn from `seed`.
    pub fn from_walk(
        walk: &Walk,
        initialisation: Initialisation,
        seed: u64,
        engine: Engine,
        device: &Device,
    ) -> Self {
        let specs = || walk.stages.iter().map(|shape| &shape.stage);
        let build = |(index, shape): (usize, &StageShape)| {
            let source = ParameterSource { initialisation, seed, path: shape.name.path.clone(), device };
            match &shape.stage {
                StageSpec::Convolution(convolution) => {
                    Stage::Convolution(ConvolutionLayer::new(*convolution, shape.input[0], &source))
                }
                StageSpec::Activation(kind) => Stage::Activation(ActivationLayer::new(*kind)),
                StageSpec::Dropout { rate } => Stage::Dropout(DropoutLayer::new(*rate)),
                StageSpec::Downsample(operator) => Stage::Downsample(operator.layer(shape.input, &source)),
                StageSpec::Upsample(spec) => {
                    let switches = target_of(specs(), index).map_or(SwitchKind::None, Target::switches);
                    let enlargement = Enlargement { input: shape.input, output: shape.output, switches };
                    Stage::Upsample(spec.operator.layer(&enlargement, &source))
                }
                StageSpec::Normalise(spec) => {
                    Stage::Normalise(NormaliseLayer::new(*spec, shape.input[0], &source))
                }
                StageSpec::Keep => branch(Branch::Keep),
                StageSpec::KeepEnlarged { factor } => branch(Branch::KeepEnlarged { factor: *factor }),
                StageSpec::Exchange => branch(Branch::Exchange),
                StageSpec::PadChannels { channels_out } => {
                    branch(Branch::PadChannels { channels_out: *channels_out })
                }
                StageSpec::Concatenate => branch(Branch::Concatenate),
                StageSpec::Add { scale } => branch(Branch::Add { scale: *scale }),
                StageSpec::Target(target) => {
                    let factor = match target {
                        Target::Before(_) => 1,
                        Target::Enlarged(factor) => *factor,
                    };
                    branch(Branch::Target { factor, wanted: switches_taken(specs(), index) })
                }
                StageSpec::GlobalAverage => Stage::GlobalAverage(GlobalAverageLayer {}),
            }
        };
        Self {
            features: walk.stages.iter().enumerate().map(build).collect(),
            names: walk.stages.iter().map(|shape| shape.name.clone()).collect(),
            engine,
        }
    }

    /// Returns the kernels' engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.features
    }

    /// Returns the logits `[n, classes]` of images `[n, c, h, w]`: [`Self::forward_map`], flattened.
    ///
    /// # Panics
    ///
    /// When the images do not have the channels and size the network was made for.
    pub fn forward(&self, images: Tensor<4>, mode: Mode) -> Tensor<2> {
        logits(self.forward_map(images, mode))
    }

    /// Returns the map `[n, c, h, w]` that the last stage returns for images; convolutions run fused with the activation and dropout after
    /// them, normalisation and upsampling operators with the activation.
    ///
    /// On the CPU, outside training, the images go through the network a few at a time and the threads on their own groups of
    /// them, so that activations stay in the caches; the map is the same to the last bit.
    ///
    /// # Panics
    ///
    /// When a stage cannot process the images: see [`walk_stages`](crate::walk_stages).
    ///
    /// # Example
    ///
    /// ```
    /// use allconv_nets::{images_to_tensor, models, Engine, Mode, Network};
    /// use burn::tensor::Device;
    ///
    /// let (spec, device) = (models::named("sr_u_net")?.with_width(0.25), Device::flex());
    /// let network = Network::initialise(&spec, [3, 48, 48], 3, 0, Engine::detect(), &device)?;
    /// let images = images_to_tensor(vec![0.5; 13 * 17 * 3], [1, 13, 17, 3], &device);
    /// assert_eq!(network.forward_map(images, Mode::Evaluate).dims(), [1, 3, 26, 34]);
    /// # Ok::<(), allconv_nets::DescriptionError>(())
    /// ```
    pub fn forward_map(&self, images: Tensor<4>, mode: Mode) -> Tensor<4> {
        let [count, _, height, width] = images.dims();
        let apart =
            matches!(images.device().as_dispatch(), DispatchDevice::Flex(_)) && mode == Mode::Evaluate;
        let threads = rayon::current_num_threads();
        let [fewest, most] = IMAGES_TOGETHER;
        let together = count.div_ceil(threads).clamp(fewest, most);
        let together = (PIXELS_TOGETHER / (height * width)).clamp(1, together);
        if !apart || count <= together {
            return self.forward_together(images, mode);
        }
        let groups: Vec<Tensor<4>> = images.split(together, 0);
        // One run of groups per thread. With a task per group, a thread that waits inside one group could begin the next one
        // on top of it, and so on.
        let per_thread = groups.len().div_ceil(threads);
        let run = |groups: &[Tensor<4>]| {
            let run = |group: &Tensor<4>| channels_last(self.forward_together(group.clone(), mode));
            groups.iter().map(run).collect::<Vec<_>>()
        };
        let maps: Vec<Vec<Tensor<4>>> = groups.par_chunks(per_thread).map(run).collect();
        channels_first(Tensor::cat(maps.concat(), 0))
    }

    /// Computes [`Self::forward_map`] of all images at once.
    fn forward_together(&self, images: Tensor<4>, mode: Mode) -> Tensor<4> {
        let mut pass = self.forward_pass(mode, SignalRules::GRADIENT);
        let mut x = images;
        let mut index = 0;
        while index < self.features.len() {
            let (stages, epilogue) = pass.fusible(index);
            x = pass.run(index, x, epilogue);
            index += stages;
        }
        x
    }

    /// Returns the map that the last stage returns, and the switches of each downsampling operator, in order: for
    /// stages that contain no upsampling operators.
    ///
    /// # Panics
    ///
    /// As [`Self::forward`].
    pub fn forward_with_switches(&self, images: Tensor<4>, mode: Mode) -> (Tensor<4>, Vec<Switches>) {
        let mut pass = self.forward_pass(mode, SignalRules::GRADIENT);
        let mut switches = Vec::new();
        let mut x = images;
        for (index, stage) in self.features.iter().enumerate() {
            let (y, taken) = pass.run_with_switches(index, x);
            if matches!(stage, Stage::Downsample(_)) {
                switches.push(taken);
            }
            x = y;
        }
        (x, switches)
    }

    /// Returns the same as [`Self::forward_map`], one stage at a time, with the output of each; the gradients of the results follow
    /// `rules`.
    ///
    /// # Panics
    ///
    /// As [`Self::forward`].
    pub fn forward_traced(&self, images: Tensor<4>, mode: Mode, rules: SignalRules) -> Trace {
        let mut stages = Vec::with_capacity(self.features.len());
        let logits = self.forward_through(images, mode, rules, |_, y| {
            stages.push(y.clone());
            y
        });
        Trace { stages, logits }
    }

    /// Returns the logits, one stage at a time: `after` gets each stage's number and what it returned, and the network continues with its
    /// result. The gradients follow `rules`.
    ///
    /// # Panics
    ///
    /// As [`Self::forward`].
    pub fn forward_through(
        &self,
        images: Tensor<4>,
        mode: Mode,
        rules: SignalRules,
        mut after: impl FnMut(usize, Tensor<4>) -> Tensor<4>,
    ) -> Tensor<2> {
        let mut pass = self.forward_pass(mode, rules);
        let mut x = images;
        for index in 0..self.features.len() {
            x = after(index, pass.run(index, x, Epilogue::IDENTITY));
        }
        logits(x)
    }

    /// Folds the statistics of the last training batch into the running statistics of batch normalisation, which evaluation uses.
    ///
    /// To be called once after each step that is to count: a forward pass in training only notes its statistics. Without batch
    /// normalisation nothing happens.
    pub fn absorb_statistics(&mut self) {
        for stage in &mut self.features {
            if let Stage::Normalise(layer) = stage {
                layer.absorb_statistics();
            }
        }
    }

    fn forward_pass(&self, mode: Mode, rules: SignalRules) -> ForwardPass<'_> {
        ForwardPass::new(&self.features, &self.engine, mode, rules)
    }
}

fn branch(kind: Branch) -> Stage {
    Stage::Branch(BranchLayer::new(kind))
}

fn logits(x: Tensor<4>) -> Tensor<2> {
    x.flatten(1, 3)
}
