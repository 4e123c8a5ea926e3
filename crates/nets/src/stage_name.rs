//! What the parameters of a stage are called in checkpoints and in exported weights.

use allconv_operators::parameters::Parameter;

/// The name of a stage: what stands before `.weight` and `.bias`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageName {
    /// The name, as of a PyTorch module: `layer1.0.conv1`.
    pub path: String,
    /// The form in which weights are given out and taken.
    pub weights: WeightForm,
}

/// The form in which the weights of a convolution are given out and taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightForm {
    /// As the stage holds them: `[c_out, c_in, rows, columns]`.
    Maps,
    /// Those of PyTorch's `nn.Linear` over the flattened map: `[c_out, c_in · rows · columns]`, the same values in the same order.
    Linear,
}

impl StageName {
    /// The name of stage `index` of a network that gives its stages no names of their own: that of a PyTorch `nn.Sequential`.
    pub fn sequential(index: usize) -> Self {
        Self::of_module(format!("features.{index}"))
    }

    /// The name of a convolution, a normalisation or an operator.
    pub(crate) fn of_module(path: impl Into<String>) -> Self {
        Self { path: path.into(), weights: WeightForm::Maps }
    }

    /// The name of a convolution whose weights are those of an `nn.Linear`.
    pub(crate) fn of_linear(path: impl Into<String>) -> Self {
        Self { path: path.into(), weights: WeightForm::Linear }
    }
}

/// Turns the path of a parameter inside of `features`, `N.rest`, into the name that it is given out by.
pub(crate) fn named(names: &[StageName], path: &str) -> String {
    let (name, rest) = stage_of(names, path);
    format!("{}.{rest}", name.path)
}

/// The same parameter under the name, and in the form, that it is given out by.
pub(crate) fn given_out(names: &[StageName], parameter: Parameter) -> Parameter {
    let Parameter { path, shape, values } = parameter;
    let inside = path.strip_prefix("features.").unwrap_or(&path);
    let (name, rest) = stage_of(names, inside);
    let shape = match (name.weights, &*shape) {
        (WeightForm::Linear, [outputs, inputs @ ..]) if rest == "weight" => {
            vec![*outputs, inputs.iter().product()]
        }
        _ => shape,
    };
    Parameter { path: format!("{}.{rest}", name.path), shape, values }
}

/// The stage that a parameter belongs to, and the rest of its path.
fn stage_of<'a, 'b>(names: &'a [StageName], path: &'b str) -> (&'a StageName, &'b str) {
    let found =
        path.split_once('.').and_then(|(index, rest)| Some((names.get(index.parse::<usize>().ok()?)?, rest)));
    match found {
        Some(found) => found,
        None => panic!("parameter `{path}` belongs to none of the {} stages", names.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_given_out_under_the_names_of_their_stages() {
        let names = [StageName::sequential(0), StageName::of_linear("fc")];
        let parameter = |path: &str, shape: &[usize]| Parameter {
            path: path.to_owned(),
            shape: shape.to_vec(),
            values: vec![0.0; shape.iter().product()],
        };
        for (path, shape, given, as_shape) in [
            ("features.0.weight", &[4, 3, 2, 2][..], "features.0.weight", &[4, 3, 2, 2][..]),
            ("features.1.weight", &[4, 3, 2, 2], "fc.weight", &[4, 12]),
            ("features.1.bias", &[4], "fc.bias", &[4]),
        ] {
            assert_eq!(given_out(&names, parameter(path, shape)), parameter(given, as_shape));
        }
        assert_eq!(named(&names, "1.bias"), "fc.bias");
    }
}
