//! The text of a Python file with one class.

use std::collections::BTreeMap;

use allconv_operators::Start;
use allconv_operators::lowering::{BATCH, Graph, Op, Value};

use super::lines::{Lines, number, tuple};

/// Largest number of values of a fixed tensor that stands in the module where a file holds the others.
const SMALL: usize = 64;

/// Characters of a line of numbers.
const LINE: usize = 100;

/// A class whose `forward` computes `output`.
pub(super) struct Module<'a> {
    /// The name of the class.
    pub(super) name: &'a str,
    /// The documentation of the file.
    pub(super) head: &'a str,
    /// The nodes.
    pub(super) graph: &'a Graph,
    /// The result.
    pub(super) output: Value,
    /// The place of fixed tensors.
    pub(super) constants: Constants,
    /// How parameters start, by name; the others start at 0 and are loaded.
    pub(super) starts: &'a BTreeMap<String, Start>,
}

/// The place of fixed tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constants {
    /// All in the module.
    InModule,
    /// Those of more than [`SMALL`] values in the file of the weights.
    LargeInFile,
}

/// A fixed tensor that the file of the weights holds.
pub(super) struct Stored<'a> {
    pub(super) name: String,
    pub(super) shape: &'a [usize],
    pub(super) values: &'a [f64],
}

impl<'a> Module<'a> {
    /// Returns the text, and the fixed tensors that it expects from the file of the weights.
    pub(super) fn text(&self) -> (String, Vec<Stored<'a>>) {
        let lines = Lines::new(self.graph);
        let (mut held, mut expected, mut stored) = (String::new(), String::new(), Vec::new());
        for (name, shape, values) in lines.constants() {
            if self.constants == Constants::InModule || values.len() <= SMALL {
                held.push_str(&format!(
                    "        \"{name}\": ({}, [\n{}        ]),\n",
                    tuple(shape),
                    wrapped(values)
                ));
            } else {
                expected.push_str(&format!("        \"{name}\": {},\n", tuple(shape)));
                stored.push(Stored { name, shape, values });
            }
        }
        let shapes: String = self
            .graph
            .nodes()
            .iter()
            .filter_map(|node| match &node.op {
                Op::Parameter(path) => {
                    Some(format!("        \"{path}\": {},\n", tuple(self.graph.shape(node.output))))
                }
                _ => None,
            })
            .collect();
        let body = self.body(&lines);
        let helpers: String = HELPERS
            .iter()
            .filter(|(helper, _)| body.contains(&format!(" {helper}(")))
            .map(|(_, text)| *text)
            .collect();
        let table = |comment: &str, name: &str, rows: &str| match rows {
            "" => format!("    {name} = {{}}\n"),
            rows => format!("    # {comment}\n    {name} = {{\n{rows}    }}\n"),
        };
        let tables = [
            table("Parameters by name, with their shapes.", "SHAPES", &shapes),
            table("Fixed tensors by name: shape and values.", "CONSTANTS", &held),
            table(
                "Fixed tensors that the file of the weights holds, with their shapes.",
                "STORED",
                &expected,
            ),
        ]
        .concat();
        let text = format!(
            "\"\"\"{}\n\"\"\"\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n{helpers}\n\
             class {}(nn.Module):\n{tables}\n{INIT}{}\n{TENSOR}\n    def forward(self, images):\n        tensor = self.tensor\n{body}        \
             return {}\n",
            self.head,
            self.name,
            self.beginnings(),
            lines.name(self.output),
        );
        (text, stored)
    }

    /// Returns the lines of `__init__` that give parameters their initial values.
    fn beginnings(&self) -> String {
        let lines: String = self
            .starts
            .iter()
            .filter_map(|(name, start)| start_line(*start).map(|line| (name, line)))
            .map(|(name, line)| format!("            w = self.tensor(\"{name}\")\n            {line}\n"))
            .collect();
        match lines.as_str() {
            "" => lines,
            lines => format!("        with torch.no_grad():\n{lines}"),
        }
    }

    /// Returns the lines of `forward`, those of each stage under a comment with its name and the shape of its result.
    fn body(&self, lines: &Lines<'_>) -> String {
        let mut body = String::new();
        let computed = || {
            let line = |node| lines.line(node).map(|line| (node, line));
            self.graph.nodes().iter().filter_map(line)
        };
        let mut scope = "";
        for (index, (node, line)) in computed().enumerate() {
            if node.scope != scope {
                scope = &node.scope;
                let of_stage = computed().skip(index).take_while(|(other, _)| other.scope == scope);
                let last = of_stage.last().map_or(node, |(last, _)| last);
                let sizes: Vec<String> =
                    self.graph.shape(last.output).iter().map(|size| words(*size)).collect();
                body.push_str(&format!("        # {}: {}\n", scope.trim(), sizes.join(" × ")));
            }
            body.push_str(&format!("        {line}\n"));
        }
        body
    }
}

/// Returns the line that sets the parameter `w` to its initial values, those of He's rule where they are drawn; `None` for 0.
fn start_line(start: Start) -> Option<String> {
    let drawn = "nn.init.kaiming_normal_";
    match start {
        Start::Filled(0.0) | Start::Scaled(0.0) => None,
        Start::Filled(value) => Some(format!("w.fill_({value:?})")),
        Start::Drawn => Some(format!("{drawn}(w)")),
        Start::Scaled(factor) => Some(format!("{drawn}(w).mul_({factor:?})")),
        Start::DrawnTransposed { stride } => {
            Some(format!("nn.init.normal_(w, std=(2 * {stride}**2 / (w[:, 0].numel())) ** 0.5)"))
        }
        Start::DrawnEachRepeated(times) => {
            Some(format!("w.copy_({drawn}(w[::{times}].clone()).repeat_interleave({times}, 0))"))
        }
        Start::DrawnAllRepeated(times) => {
            Some(format!("w.copy_({drawn}(w[: len(w) // {times}].clone()).repeat({times}, 1, 1, 1))"))
        }
    }
}

fn words(size: usize) -> String {
    if size == BATCH { "n".to_owned() } else { size.to_string() }
}

/// Returns numbers in lines of at most [`LINE`] characters.
fn wrapped(values: &[f64]) -> String {
    let (mut text, mut line) = (String::new(), String::new());
    for value in values {
        let next = format!("{}, ", number(*value));
        if line.len() + next.len() > LINE {
            text.push_str(&format!("            {}\n", line.trim_end()));
            line.clear();
        }
        line.push_str(&next);
    }
    text.push_str(&format!("            {}\n", line.trim_end()));
    text
}

/// Makes the parameters and fixed tensors under their names.
const INIT: &str = "    def __init__(self):
        super().__init__()
        for path, shape in self.SHAPES.items():
            *modules, name = path.split(\".\")
            module = self
            for child in modules:
                if child not in dict(module.named_children()):
                    module.add_module(child, nn.Module())
                module = getattr(module, child)
            if name.startswith(\"running_\"):
                module.register_buffer(name, torch.zeros(shape))
            else:
                module.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        for name, (shape, values) in self.CONSTANTS.items():
            values = torch.tensor(values, dtype=torch.float64).reshape(shape)
            self.register_buffer(name, values, persistent=False)
        for name, shape in self.STORED.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
";

/// Finds a tensor by its name.
const TENSOR: &str = "    def tensor(self, path):
        *modules, name = path.split(\".\")
        return getattr(self.get_submodule(\".\".join(modules)), name)
";

/// Functions that PyTorch does not have; each module holds those that it uses.
const HELPERS: [(&str, &str); 3] = [
    (
        "mean_inside",
        "
def mean_inside(x, kernel, stride, border):
    \"\"\"The mean of each window over the positions inside the map.\"\"\"
    inside = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), border), kernel, stride)
    return F.avg_pool2d(F.pad(x, border), kernel, stride) / inside

",
    ),
    (
        "take",
        "
def take(x, axis, places):
    \"\"\"The elements at these places of an axis.\"\"\"
    return x.index_select(axis, torch.tensor(places, device=x.device))

",
    ),
    (
        "phases_to_blocks",
        "
def phases_to_blocks(x, factor):
    \"\"\"Channel (factor * a + b) * C + c becomes row a and column b of a block.\"\"\"
    n, channels, height, width = x.shape
    x = x.reshape(n, factor, factor, channels // factor**2, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(n, -1, factor * height, factor * width)

",
    ),
];
