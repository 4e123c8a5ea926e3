//! Networks written as lists of stages.

use allconv_nets::{DownsampleConfig, Engine, Mode, Network, NetworkSpec, models, walk};
use burn::tensor::Device;

use crate::support::noise_images;

/// All-CNN-C as a person writes it; `docs/networks.md` holds the same lines.
const ALL_CNN_C: &str = r#"
architecture = { stages = [
    { convolution = { channels = 96 } }, "relu",
    { convolution = { channels = 96 } }, "relu",
    "slot",
    { dropout = { rate = 0.5 } },
    { convolution = { channels = 192 } }, "relu",
    { convolution = { channels = 192 } }, "relu",
    "slot",
    { dropout = { rate = 0.5 } },
    { convolution = { channels = 192, padding = 0 } }, "relu",
    { convolution = { channels = 192, kernel = 1 } }, "relu",
    "classes", "relu",
    "global_average",
] }
downsample = { strided_conv = { kernel = 3, stride = 2 } }
input_dropout = 0.2
"#;

fn read(text: &str) -> NetworkSpec {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The parameters after a step of plain SGD in training mode.
fn stepped(spec: &NetworkSpec) -> Vec<allconv_nets::Parameter> {
    let device = Device::flex().autodiff();
    let mut network = Network::initialise(spec, [3, 32, 32], 10, 3, Engine::detect(), &device).unwrap();
    let images = noise_images(1, [2, 3, 32, 32], &device);
    let loss = network.forward(images, Mode::Train { seed: 3, step: 1 }).square().mean();
    let gradients = network.gradients(&mut loss.backward());
    network.replace(|path, values| {
        let gradient = gradients.iter().find(|gradient| gradient.path == path).unwrap();
        values.iter_mut().zip(&gradient.values).for_each(|(value, gradient)| *value -= 0.1 * gradient);
    });
    network.parameters()
}

#[test]
fn all_cnn_c_written_as_a_list_has_the_same_bits_after_a_step() {
    let (listed, named) = (read(ALL_CNN_C), models::named("all_cnn_c").unwrap());
    assert_eq!(listed.stages(10), named.stages(10));
    let narrow = [&listed, &named].map(|spec| stepped(&spec.clone().with_width(0.25)));
    assert_eq!(narrow[0], narrow[1]);
    assert_ne!(narrow[0], {
        let device = Device::flex();
        let spec = listed.with_width(0.25);
        Network::initialise(&spec, [3, 32, 32], 10, 3, Engine::detect(), &device).unwrap().parameters()
    });
}

#[test]
fn a_list_survives_writing_and_reading() {
    for text in [
        ALL_CNN_C,
        "architecture = { stages = [ { convolution = { channels = 8, kernel = 5, stride = 2, groups = 1, bias = false } }, \
         { normalisation = \"batch\" }, { leaky_relu = { slope = 0.1 } }, \"keep\", { convolution = { channels = 8 } }, \"add\", \
         \"keep\", \"concatenate\", \"global_average\", \"classes\" ] }",
    ] {
        let spec = read(text);
        let written = toml::to_string(&spec).unwrap();
        assert_eq!(read(&written), spec, "{written}");
        assert!(walk(&spec, [3, 32, 32], 10).is_ok(), "{written}");
    }
}

#[test]
fn a_residual_block_of_a_list_is_that_of_a_resnet() {
    let block = r#"
        "keep", { convolution = { channels = 6, bias = false } }, { normalisation = "batch" }, "relu", "slot",
        { convolution = { channels = 6, bias = false } }, { normalisation = "batch" },
        "exchange", { convolution = { channels = 6, kernel = 1, stride = 2, bias = false } }, { normalisation = "batch" },
        "add", "relu""#;
    let listed = read(&format!(
        "architecture = {{ stages = [ {{ convolution = {{ channels = 3, bias = false }} }}, {{ normalisation = \"batch\" }}, \"relu\", \
         {block}, \"global_average\", \"classes\" ] }}\ndownsample = {{ blur_pool = {{}} }}"
    ));
    let resnet = read(
        "architecture = { resnet = { layers = 8, width = 0.1875, shortcut = \"projection\" } }\ndownsample = { blur_pool = {} }",
    );
    let (listed, resnet) = (listed.stages(10).unwrap(), resnet.stages(10).unwrap());
    // Behind the dropout of the input and the first convolution; the resnet has a block more before this one.
    let exchange = |stages: &[allconv_nets::StageSpec]| {
        stages.iter().position(|stage| stage.label() == "exchange").unwrap()
    };
    let (here, there) = (exchange(&listed), exchange(&resnet));
    assert_eq!(listed[here - 8..here + 5], resnet[there - 8..there + 5]);
}

#[test]
fn every_operator_stands_in_a_slot_of_a_list_as_in_the_paper_s_network() {
    for operator in DownsampleConfig::examples() {
        let with = |spec: &NetworkSpec| {
            NetworkSpec { downsample: Some(operator.clone()), ..spec.clone() }.stages(10)
        };
        assert_eq!(with(&read(ALL_CNN_C)), with(&models::named("all_cnn_c").unwrap()), "{operator:?}");
    }
}

#[test]
fn lists_that_cannot_be_are_refused_with_the_stage() {
    let list = |stages: &str| format!("architecture = {{ stages = [ {stages} ] }}");
    let end = "\"classes\", \"global_average\"";
    for (text, reason) in [
        (list("\"relu\", \"global_average\""), "a list with 0 of `classes`"),
        (list("\"classes\", \"classes\", \"global_average\""), "a list with 2 of `classes`"),
        (list("\"classes\""), "a list with 0 of `global_average`"),
        (list(&format!("{end}, {{ convolution = {{ channels = 3 }} }}")), "behind `classes`"),
        (
            list(&format!("\"relu\", {{ convolution = {{ channels = 0 }} }}, {end}")),
            "stage 2 of `architecture.stages`: `convolution.channels` is 0, but must be from 1 to 65536",
        ),
        (
            list(&format!("{{ dropout = {{ rate = 1.0 }} }}, {end}")),
            "stage 1 of `architecture.stages`: `dropout.rate` is 1",
        ),
        (
            list(&format!("{{ normalisation = \"none\" }}, {end}")),
            "stage 1 of `architecture.stages`: `normalisation` is `none`",
        ),
        (
            list(&format!("\"slot\", {end}")),
            "stage 1 of `architecture.stages`: `downsample = max_pool` cannot be used here: there is no convolution before the slot",
        ),
        (
            list(&format!("\"add\", {end}")),
            "stage 1 (add) cannot process an input of 8×8: no map is kept for it",
        ),
        (
            list(&format!("\"keep\", {{ convolution = {{ channels = 5 }} }}, \"add\", {end}")),
            "stage 3 (add) cannot process an input of 8×8: the map kept for it is 3×8×8, this one 5×8×8",
        ),
        (
            list(&format!("{{ convolution = {{ channels = 4, kernel = 9, padding = 0 }} }}, {end}")),
            "stage 1 (conv 9×9) cannot process an input of 8×8",
        ),
        (
            format!("{}\ndownsample = {{ max_pool = {{}} }}", list(end)),
            "`stages` reduces no resolution; leave it out",
        ),
    ] {
        let error = walk(&read(&text), [3, 8, 8], 10).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    for (text, reason) in [
        (list("{ conv = { channels = 3 } }"), "unknown variant `conv`"),
        (list("{ convolution = { channels = 3, size = 3 } }"), "unknown field `size`"),
        (list("{ convolution = {} }"), "missing field `channels`"),
    ] {
        let error = toml::from_str::<NetworkSpec>(&text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
