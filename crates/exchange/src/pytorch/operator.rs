//! One operator as a Python class.

use std::collections::BTreeMap;

use allconv_nets::{
    ActivationKind, DescriptionError, DownsampleConfig, Slot, StageSpec, SwitchKind, Target, UpsampleConfig,
    UpsampleSpec, Walk, walk_stages,
};
use allconv_operators::lowering::Graph;
use allconv_operators::{Bias, Enlargement, OPERATORS, Start};

use super::module::{Constants, Module};
use crate::ExchangeError;

/// Largest factor that is tried for an operator that enlarges.
const LARGEST_FACTOR: usize = 64;

/// An operator of either direction.
#[derive(Clone, Debug)]
pub enum AnyOperator {
    /// One that reduces.
    Down(DownsampleConfig),
    /// One that enlarges.
    Up(UpsampleConfig),
}

impl AnyOperator {
    /// Returns its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Down(operator) => operator.name(),
            Self::Up(operator) => operator.name(),
        }
    }

    /// Returns its stages for maps of channels, rows and columns.
    fn walk(&self, input: [usize; 3]) -> Result<Walk, ExchangeError> {
        let refused = |reason: String| ExchangeError::Operator { operator: self.name(), reason };
        let described = |error: DescriptionError| refused(error.to_string());
        match self {
            Self::Down(operator) => {
                let mut stages = Vec::new();
                Slot::new(&mut stages, input[0], ActivationKind::Relu).place(operator).map_err(described)?;
                if stages.is_empty() {
                    return Err(refused(
                        "it changes later convolutions and computes nothing itself".to_owned(),
                    ));
                }
                walk_stages(&stages, input).map_err(described)
            }
            Self::Up(operator) if operator.needs() != SwitchKind::None => Err(refused(
                "it needs what an operator that reduces hands over; export a network that holds both"
                    .to_owned(),
            )),
            Self::Up(operator) => {
                operator.check().map_err(|error| refused(error.to_string()))?;
                let of = |factor: usize, channels_out: usize| {
                    let spec = UpsampleSpec { operator: operator.clone(), channels_out };
                    let stages = [StageSpec::Target(Target::Enlarged(factor)), StageSpec::Upsample(spec)];
                    walk_stages(&stages, input)
                };
                let found = (2..=LARGEST_FACTOR)
                    .find_map(|factor| (1..=input[0]).rev().find_map(|channels| of(factor, channels).ok()));
                match found {
                    Some(walk) => Ok(walk),
                    None => of(2, input[0]).map_err(described),
                }
            }
        }
    }
}

/// Returns the text of a Python file with a class whose `forward` computes an operator in evaluation, for maps of `input` channels, rows and
/// columns; its parameters start as they do here, weights by He's rule.
///
/// # Errors
/// [`ExchangeError::Operator`] for an operator that does not stand alone, or refuses the settings or the shape.
pub fn operator_module(operator: &AnyOperator, input: [usize; 3]) -> Result<String, ExchangeError> {
    let mut walk = operator.walk(input)?;
    let specs: Vec<Vec<(String, Start)>> = starts(&walk);
    if specs.iter().filter(|specs| !specs.is_empty()).count() == 1 {
        walk.stages.iter_mut().for_each(|shape| shape.name.path.clear());
    }
    // Some operators read parameters for their nodes: as they start.
    let mut values = Vec::new();
    let mut beginnings = BTreeMap::new();
    for (shape, specs) in walk.stages.iter().zip(specs) {
        for (name, start) in specs {
            let prefix = match shape.name.path.as_str() {
                "" => String::new(),
                path => format!("{path}."),
            };
            if let Start::Filled(value) = start {
                values.push((format!("{prefix}{name}"), vec![f64::from(value); STRIDES]));
            }
            beginnings.insert(format!("{prefix}{name}"), start);
        }
    }
    let mut graph = Graph::new(values);
    let images = graph.input(input);
    let output = walk.lower(&mut graph, images);
    let head = head(operator.name(), input, graph.is_sized());
    let module = Module {
        name: &class_name(operator.name()),
        head: &head,
        graph: &graph,
        output,
        constants: Constants::InModule,
        starts: &beginnings,
    };
    Ok(module.text().0)
}

/// Values of a parameter that nodes depend on: the two strides of `diff_stride`.
const STRIDES: usize = 2;

/// Returns the parameters of every stage with their starts.
fn starts(walk: &Walk) -> Vec<Vec<(String, Start)>> {
    let of = |shape: &allconv_nets::StageShape| match &shape.stage {
        StageSpec::Convolution(spec) => {
            let bias = (spec.bias == Bias::Added).then(|| ("bias".to_owned(), Start::Filled(0.0)));
            std::iter::once(("weight".to_owned(), spec.initial.start())).chain(bias).collect()
        }
        StageSpec::Downsample(operator) => {
            operator.parameters(shape.input).into_iter().map(|spec| (spec.name, spec.start)).collect()
        }
        StageSpec::Upsample(spec) => {
            let (input, output) = (shape.input, shape.output);
            let enlargement = Enlargement { input, output, switches: SwitchKind::None };
            spec.operator.parameters(&enlargement).into_iter().map(|spec| (spec.name, spec.start)).collect()
        }
        _ => Vec::new(),
    };
    walk.stages.iter().map(of).collect()
}

/// Returns the documentation of the file.
fn head(name: &str, [channels, height, width]: [usize; 3], is_sized: bool) -> String {
    let description = OPERATORS.iter().find(|(_, description)| description.name == name);
    let (statement, formula, source) = match description {
        Some((_, description)) => (description.statement, description.formula, description.source),
        None => ("", "", ""),
    };
    let size = match is_sized {
        true => format!("{height} × {width} (height × width) alone"),
        false => "any height and width".to_owned(),
    };
    format!(
        "{name}: {statement}\n\n{formula}\nSource: {source}.\n\nWritten by `allconv operators export`; it needs torch alone. It computes what \
         evaluation computes, for maps [n, {channels}, h, w]\nof {size}."
    )
}

/// Returns `blur_pool` as `BlurPool`.
fn class_name(name: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    name.split('_').map(capital).collect()
}
