//! A network: its stages with parameters, run fused for training or one by one for inspection.

use allconv_kernels::{Dropout, Engine, Epilogue, WeightCache};
use allconv_random::{Purpose, step_key};
use burn::backend::DispatchDevice;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use crate::branches::{Branch, BranchLayer, Branches, OpenTarget};
use crate::description::{DescriptionError, NetworkSpec};
use crate::initialise::Initialisation;
use crate::layers::{ActivationLayer, ConvolutionLayer, DropoutLayer, GlobalAverageLayer, Stage};
use crate::normalise_layer::{NormaliseLayer, Phase};
use crate::ops::nhwc::{channels_first, channels_last};
use crate::parameter_source::ParameterSource;
use crate::pass::{Draws, Pass};
use crate::signal_rules::SignalRules;
use crate::stage::{ConvolutionSpec, InitialWeights, StageSpec, Target};
use crate::switches::{SwitchKind, Switches};
use crate::targets::{switches_taken, target_of};
use crate::upsample::Enlargement;
use crate::walk::{StageShape, Walk, walk_stages};

/// Fewest and most images that go through a network together outside training: enough for bands of the smallest maps to be full, few
/// enough for the activations of a layer to stay in the last-level cache. In between, every thread gets one group.
const IMAGES_TOGETHER: [usize; 2] = [16, 32];
/// Pixels of the images that go through together; larger ones go in smaller groups.
const PIXELS_TOGETHER: usize = 16 * 224 * 224;

/// A network with parameters.
///
/// As a Burn [`Module`] it can be put on another device, made ready for evaluation (`valid`) and visited. Its
/// parameters are called as in a PyTorch `nn.Sequential` (or `ModuleList`) of the same stages: `features.N.weight`, N the
/// stage's index.
///
/// A network whose operators all are convolutions, pooling and the like runs on any sides, not only those it was walked for;
/// [`walk_stages`] with the other sides says beforehand whether it does.
#[derive(Module, Debug)]
pub struct Network {
    pub(crate) features: Vec<Stage>,
    #[module(skip)]
    engine: Engine,
}

/// Whether dropout is active, and with which masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is dropped.
    Evaluate,
    /// Dropout with masks that are a function of seed, step, stage and element.
    Train {
        /// The run's seed.
        seed: u64,
        /// The optimiser's step.
        step: u64,
    },
}

/// What every stage of a network returned.
#[derive(Debug)]
pub struct Trace {
    /// The output of each stage, `[n, c, h, w]`.
    pub stages: Vec<Tensor<4>>,
    /// The logits, `[n, classes]`: the last stage's output, flattened.
    pub logits: Tensor<2>,
}

impl Network {
    /// The network of `spec` for `input` (channels, rows, columns) and `classes`, its weights drawn from `seed`.
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
        let walk = walk_stages(&spec.stages(classes)?, input)?;
        Ok(Self::from_walk(&walk, spec.initialisation, seed, engine, device))
    }

    /// The network of stages that have been walked, its weights drawn from `seed`.
    pub fn from_walk(
        walk: &Walk,
        initialisation: Initialisation,
        seed: u64,
        engine: Engine,
        device: &Device,
    ) -> Self {
        let specs = || walk.stages.iter().map(|shape| &shape.stage);
        let build = |(index, shape): (usize, &StageShape)| {
            let source = ParameterSource { initialisation, seed, path: format!("features.{index}"), device };
            match &shape.stage {
                StageSpec::Convolution(convolution) => {
                    Stage::Convolution(convolution_layer(*convolution, shape.input[0], &source))
                }
                StageSpec::Activation(kind) => Stage::Activation(ActivationLayer::new(*kind)),
                StageSpec::Dropout { rate } => Stage::Dropout(DropoutLayer::new(*rate)),
                StageSpec::Downsample(operator) => Stage::Downsample(operator.module(shape.input, &source)),
                StageSpec::Upsample(spec) => {
                    let switches = target_of(specs(), index).map_or(SwitchKind::None, Target::switches);
                    let enlargement = Enlargement { input: shape.input, output: shape.output, switches };
                    Stage::Upsample(spec.operator.module(&enlargement, &source))
                }
                StageSpec::Normalise(spec) => {
                    Stage::Normalise(NormaliseLayer::new(*spec, shape.input[0], &source))
                }
                StageSpec::Keep => branch(Branch::Keep),
                StageSpec::KeepEnlarged { factor } => branch(Branch::KeepEnlarged { factor: *factor }),
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
        Self { features: walk.stages.iter().enumerate().map(build).collect(), engine }
    }

    /// The kernels' engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.features
    }

    /// Logits `[n, classes]` of images `[n, c, h, w]`: [`Self::forward_map`], flattened.
    ///
    /// # Panics
    ///
    /// When the images do not have the channels and size the network was made for.
    pub fn forward(&self, images: Tensor<4>, mode: Mode) -> Tensor<2> {
        logits(self.forward_map(images, mode))
    }

    /// The map `[n, c, h, w]` that the last stage returns for images; convolutions run fused with the activation and dropout behind
    /// them, normalisation and upsampling operators with the activation.
    ///
    /// On the CPU, outside training, the images go through the network a few at a time and the threads on their own groups of
    /// them, so that activations stay in the caches; the map is the same to the last bit.
    ///
    /// # Panics
    ///
    /// When a stage cannot process the images: see [`walk_stages`].
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
        // One run of groups a thread. Every group a task of its own would let a thread that waits inside one group begin the next one
        // on top of it, and so on.
        let share = groups.len().div_ceil(threads);
        let run = |groups: &[Tensor<4>]| {
            let run = |group: &Tensor<4>| channels_last(self.forward_together(group.clone(), mode));
            groups.iter().map(run).collect::<Vec<_>>()
        };
        let maps: Vec<Vec<Tensor<4>>> = groups.par_chunks(share).map(run).collect();
        channels_first(Tensor::cat(maps.concat(), 0))
    }

    /// [`Self::forward_map`] of all images at once.
    pub(crate) fn forward_together(&self, images: Tensor<4>, mode: Mode) -> Tensor<4> {
        let mut x = images;
        let mut branches = Branches::default();
        let mut index = 0;
        while index < self.features.len() {
            let (stages, epilogue) = self.fusible(index, mode);
            x = self.run(index, x, &mut branches, epilogue, mode, SignalRules::GRADIENT);
            index += stages;
        }
        x
    }

    /// The map that the last stage returns, and what each downsampling operator hands over for the way back up, in order.
    pub(crate) fn forward_with_switches(&self, images: Tensor<4>, mode: Mode) -> (Tensor<4>, Vec<Switches>) {
        let mut switches = Vec::new();
        let mut x = images;
        for (index, stage) in self.features.iter().enumerate() {
            x = match stage {
                Stage::Downsample(operator) => {
                    let (y, handed_over) =
                        operator.forward_with_switches(x, &self.pass(index, mode, SignalRules::GRADIENT));
                    switches.push(handed_over);
                    y
                }
                _ => {
                    let mut branches = Branches::default();
                    self.run(index, x, &mut branches, Epilogue::IDENTITY, mode, SignalRules::GRADIENT)
                }
            };
        }
        (x, switches)
    }

    /// The same as [`Self::forward_map`], one stage at a time, with what each returned; the gradients of the results follow `rules`.
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

    /// The logits, one stage at a time: `after` gets each stage's number and what it returned, and what it gives back goes on
    /// in its place. The gradients follow `rules`.
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
        let mut x = images;
        let mut branches = Branches::default();
        for index in 0..self.features.len() {
            x = after(index, self.run(index, x, &mut branches, Epilogue::IDENTITY, mode, rules));
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

    /// How many stages from `index` on run as one, and what follows the first of them.
    fn fusible(&self, index: usize, mode: Mode) -> (usize, Epilogue) {
        let mut epilogue = Epilogue::IDENTITY;
        let mut stages = 1;
        let convolves = matches!(self.features[index], Stage::Convolution(_));
        let activates = convolves || matches!(self.features[index], Stage::Normalise(_) | Stage::Upsample(_));
        if activates && let Some(Stage::Activation(activation)) = self.features.get(index + stages) {
            epilogue.activation = activation.fused();
            stages += 1;
        }
        if convolves && let Some(Stage::Dropout(dropout)) = self.features.get(index + stages) {
            epilogue.dropout = mask(dropout, mode, index + stages);
            stages += 1;
        }
        (stages, epilogue)
    }

    /// What an operator at stage `index` is told.
    fn pass(&self, index: usize, mode: Mode, rules: SignalRules) -> Pass<'_> {
        Pass {
            engine: &self.engine,
            draws: key(mode, index, Purpose::Operator).map(|key| Draws { key }),
            rules,
        }
    }

    fn run(
        &self,
        index: usize,
        x: Tensor<4>,
        branches: &mut Branches,
        epilogue: Epilogue,
        mode: Mode,
        rules: SignalRules,
    ) -> Tensor<4> {
        let engine = &self.engine;
        match &self.features[index] {
            Stage::Convolution(layer) => layer.forward(x, epilogue, engine),
            Stage::Activation(layer) => layer.forward(x, rules.relu),
            Stage::Dropout(layer) => layer.forward(x, mask(layer, mode, index), engine),
            Stage::Downsample(operator) if branches.wants_switches() => {
                let (y, switches) = operator.forward_with_switches(x, &self.pass(index, mode, rules));
                branches.hand_over(switches);
                y
            }
            Stage::Downsample(operator) => operator.forward(x, &self.pass(index, mode, rules)),
            Stage::Upsample(operator) => {
                let OpenTarget { sides, switches, .. } = branches.close_target();
                operator.forward(x, sides, &switches, epilogue.activation, &self.pass(index, mode, rules))
            }
            Stage::Normalise(layer) => {
                let phase = match mode {
                    Mode::Evaluate => Phase::Evaluation,
                    Mode::Train { .. } => Phase::Training,
                };
                layer.forward(x, epilogue.activation, phase, engine)
            }
            Stage::Branch(layer) => layer.forward(x, branches, engine),
            Stage::GlobalAverage(layer) => layer.forward(x, engine),
        }
    }
}

fn branch(kind: Branch) -> Stage {
    Stage::Branch(BranchLayer::new(kind))
}

fn logits(x: Tensor<4>) -> Tensor<2> {
    x.flatten(1, 3)
}

/// The mask of the dropout at stage `index`; `None` outside training.
fn mask(layer: &DropoutLayer, mode: Mode, index: usize) -> Option<Dropout> {
    key(mode, index, Purpose::Dropout).and_then(|key| layer.keyed(key))
}

/// Names the random stream of the stage at `index` in this step; `None` outside training.
fn key(mode: Mode, index: usize, purpose: Purpose) -> Option<u64> {
    match mode {
        Mode::Evaluate => None,
        Mode::Train { seed, step } => Some(step_key(seed, purpose, step, index as u32)),
    }
}

fn convolution_layer(
    spec: ConvolutionSpec,
    channels: usize,
    source: &ParameterSource<'_>,
) -> ConvolutionLayer {
    let ConvolutionSpec { channels_out, kernel: [rows, columns], groups, .. } = spec;
    let shape = [channels_out, channels / groups, rows, columns];
    ConvolutionLayer {
        weight: match spec.initial {
            InitialWeights::Drawn => source.drawn("weight", shape),
            InitialWeights::Scaled(factor) => source.drawn_scaled("weight", shape, factor),
            InitialWeights::Zero => source.filled(shape, 0.0),
        },
        bias: source.filled([channels_out], 0.0),
        spec,
        kept: WeightCache::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_step_never_change() {
        let mode = Mode::Train { seed: 0x0123_4567_89ab_cdef, step: 0x0000_0009_0000_0005 };
        let keys = [Purpose::Dropout, Purpose::Operator].map(|purpose| key(mode, 4, purpose));
        assert_eq!(keys, [Some(0x3834_5c63_8908_c129), Some(0xafee_6f33_d25f_0212)]);
        assert_eq!(key(Mode::Evaluate, 4, Purpose::Dropout), None);
    }
}
