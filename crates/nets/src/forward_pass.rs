//! One pass of a batch through the stages of a network, stage by stage.

use allconv_kernels::{Dropout, Engine, Epilogue};
use allconv_operators::{Destination, Draws, Pass, SignalRules, Switches};
use allconv_random::Purpose;
use burn::tensor::Tensor;

use crate::branches::{Branches, OpenTarget};
use crate::layers::{DropoutLayer, Stage};
use crate::mode::Mode;

/// A pass through stages: its mode, its signal rules and the branches.
pub(crate) struct ForwardPass<'a> {
    stages: &'a [Stage],
    engine: &'a Engine,
    mode: Mode,
    rules: SignalRules,
    branches: Branches,
}

impl<'a> ForwardPass<'a> {
    /// Returns a pass through these stages whose gradients follow `rules`.
    pub(crate) fn new(stages: &'a [Stage], engine: &'a Engine, mode: Mode, rules: SignalRules) -> Self {
        Self { stages, engine, mode, rules, branches: Branches::default() }
    }

    /// Returns the output of the stage at `index` for `x`, followed by the epilogue.
    pub(crate) fn run(&mut self, index: usize, x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
        let engine = self.engine;
        match &self.stages[index] {
            Stage::Convolution(layer) => layer.forward(x, epilogue, engine),
            Stage::Activation(layer) => layer.forward(x, self.rules.relu),
            Stage::Dropout(layer) => layer.forward(x, self.mask(layer, index), engine),
            Stage::Downsample(_) if self.branches.wants_switches() => {
                let (y, switches) = self.run_with_switches(index, x);
                self.branches.hand_over(switches);
                y
            }
            Stage::Downsample(operator) => operator.forward(x, &self.told(index)),
            Stage::Upsample(operator) => {
                let OpenTarget { size, switches, .. } = self.branches.close_target();
                let to = Destination { size, switches: &switches, activation: epilogue.activation };
                operator.forward(x, &to, &self.told(index))
            }
            Stage::Normalise(layer) => layer.forward(x, epilogue.activation, self.mode, engine),
            Stage::Branch(layer) => layer.forward(x, &mut self.branches, engine),
            Stage::GlobalAverage(layer) => layer.forward(x, engine),
        }
    }

    /// Returns the output of the stage at `index` for `x`, and its switches for the upsampling operator.
    pub(crate) fn run_with_switches(&mut self, index: usize, x: Tensor<4>) -> (Tensor<4>, Switches) {
        match &self.stages[index] {
            Stage::Downsample(operator) => operator.forward_with_switches(x, &self.told(index)),
            _ => (self.run(index, x, Epilogue::IDENTITY), Switches::None),
        }
    }

    /// Returns how many stages from `index` on run fused, and the epilogue of the first of them.
    pub(crate) fn fusible(&self, index: usize) -> (usize, Epilogue) {
        let mut epilogue = Epilogue::IDENTITY;
        let mut stages = 1;
        let convolves = matches!(self.stages[index], Stage::Convolution(_));
        let activates = convolves || matches!(self.stages[index], Stage::Normalise(_) | Stage::Upsample(_));
        if activates && let Some(Stage::Activation(activation)) = self.stages.get(index + stages) {
            epilogue.activation = activation.fused();
            stages += 1;
        }
        if convolves && let Some(Stage::Dropout(dropout)) = self.stages.get(index + stages) {
            epilogue.dropout = self.mask(dropout, index + stages);
            stages += 1;
        }
        (stages, epilogue)
    }

    /// Returns the context of an operator at stage `index`.
    fn told(&self, index: usize) -> Pass<'a> {
        let draws = self.mode.key(index, Purpose::Operator).map(|key| Draws { key });
        Pass { engine: self.engine, draws, rules: self.rules }
    }

    /// Returns the mask of the dropout at stage `index`; `None` outside training.
    fn mask(&self, layer: &DropoutLayer, index: usize) -> Option<Dropout> {
        self.mode.key(index, Purpose::Dropout).and_then(|key| layer.keyed(key))
    }
}
