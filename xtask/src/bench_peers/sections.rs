//! The sections of rows that are measured, with the ratio that each must reach and its goal.

use super::targets::Target;

/// Rows that belong together.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    /// Its heading on the page.
    pub(crate) title: &'static str,
    /// Whether the rows are measured in several rounds.
    pub(crate) repeated: bool,
    /// Training steps and inference of networks.
    pub(crate) cases: &'static [Case],
    /// Anything else.
    pub(crate) others: &'static [Other],
}

/// Training steps or inference of one network.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) pass: &'static str,
    pub(crate) model: &'static str,
    pub(crate) width: &'static str,
    pub(crate) batch: &'static str,
    /// Timed steps of a round.
    pub(crate) steps: &'static str,
    /// Our accuracy class; the peers compute in bf16 for the bf16 classes, in f32 for the others.
    pub(crate) precision: &'static str,
    /// Instruction set that both sides are limited to; none for the best available.
    pub(crate) isa: Option<&'static str>,
    pub(crate) target: Target,
    /// MiB that our steps may take, where that is a row of its own.
    pub(crate) memory: Option<Target>,
}

impl Case {
    /// Returns a description of the work.
    pub(crate) fn title(&self) -> String {
        let Case { pass, model, width, batch, precision, .. } = self;
        let isa = self.isa.map_or_else(String::new, |isa| format!(", {isa}"));
        format!("{pass} `{model}` × {width}, batch {batch}, {precision}{isa}")
    }

    /// Returns the precision of the peers.
    pub(crate) fn peer_precision(&self) -> &'static str {
        if self.precision.starts_with("bf16") { "bf16" } else { "f32" }
    }
}

/// A comparison that is not a network's step.
pub(crate) enum Other {
    /// allconv on two threads and on one.
    Threads,
    /// The layers of a U-Net.
    DecoderLayers,
    /// Batches of the loader and the steps that use them, and JPEG decoding and Pillow's.
    Data,
}

/// Training or inference of All-CNN-C at batch 128.
const fn all_cnn_c(pass: &'static str, precision: &'static str, target: Target) -> Case {
    let (model, width, batch, steps, isa) = ("all_cnn_c", "1.0", "128", "7", None);
    Case { pass, model, width, batch, steps, precision, isa, target, memory: None }
}

/// A row of the wide table, in f32.
const fn wide(
    pass: &'static str,
    model: &'static str,
    width: &'static str,
    batch: &'static str,
    steps: &'static str,
) -> Case {
    let (precision, isa, target) = ("f32", None, Target::new(1.3, 2.0));
    Case { pass, model, width, batch, steps, precision, isa, target, memory: None }
}

/// Returns a row of a network for large images, in f32.
const fn large(
    pass: &'static str,
    model: &'static str,
    width: &'static str,
    batch: &'static str,
    steps: &'static str,
) -> Case {
    Case { target: Target::new(1.2, 1.8), ..wide(pass, model, width, batch, steps) }
}

/// Inference of a residual network, or one of the Visual Geometry Group, in f32.
const fn inferred(model: &'static str, batch: &'static str, steps: &'static str) -> Case {
    Case { target: Target::new(1.0, 1.5), ..wide("infer", model, "1.0", batch, steps) }
}

/// The networks for CIFAR.
const NETWORKS: [&str; 12] = [
    "all_cnn_c",
    "model_a",
    "strided_cnn_a",
    "convpool_cnn_a",
    "all_cnn_a",
    "model_b",
    "strided_cnn_b",
    "convpool_cnn_b",
    "all_cnn_b",
    "model_c",
    "strided_cnn_c",
    "convpool_cnn_c",
];

/// Every network at its full width, but All-CNN-C, which has a section of its own, at half; and every network at a quarter.
const fn networks() -> [Case; 2 * NETWORKS.len()] {
    let mut cases = [wide("train", NETWORKS[0], "0.5", "128", "7"); 2 * NETWORKS.len()];
    let mut index = 0;
    while index < NETWORKS.len() {
        if index > 0 {
            cases[2 * index] = wide("train", NETWORKS[index], "1.0", "128", "3");
        }
        cases[2 * index + 1] = wide("train", NETWORKS[index], "0.25", "128", "9");
        index += 1;
    }
    cases
}

/// All sections.
pub(crate) const SECTIONS: [Section; 12] = [
    Section {
        name: "main",
        title: "Training All-CNN-C",
        repeated: true,
        cases: &[Case {
            memory: Some(Target::depth_first(180.0, None, 100.0)),
            ..all_cnn_c("train", "f32", Target::depth_first(2.8, Some(2.3), 3.1))
        }],
        others: &[],
    },
    Section {
        name: "bf16",
        title: "Training All-CNN-C in bfloat16, beside PyTorch's autocast to bfloat16",
        repeated: true,
        cases: &[
            all_cnn_c("train", "bf16", Target::depth_first(2.4, Some(1.5), 2.8)),
            all_cnn_c("train", "bf16-fast", Target::depth_first(2.7, Some(1.5), 3.2)),
        ],
        others: &[],
    },
    Section {
        name: "infer",
        title: "Inference",
        repeated: true,
        cases: &[
            all_cnn_c("infer", "f32", Target::new(2.5, 2.9)),
            Case { target: Target::new(1.35, 2.0), ..wide("infer", "all_cnn_c", "1.0", "1", "50") },
            wide("infer", "model_a", "1.0", "1", "50"),
            wide("infer", "strided_cnn_b", "1.0", "1", "50"),
            large("infer", "u_net", "0.25", "1", "7"),
        ],
        others: &[],
    },
    Section {
        name: "infer-bf16",
        title: "Inference in bfloat16",
        repeated: true,
        cases: &[
            all_cnn_c("infer", "bf16", Target::new(1.8, 2.3)),
            all_cnn_c("infer", "bf16-fast", Target::new(1.6, 2.3)),
        ],
        others: &[],
    },
    Section {
        name: "avx2",
        title: "All-CNN-C with both sides held to AVX2",
        repeated: true,
        cases: &[Case { isa: Some("avx2"), ..all_cnn_c("train", "f32", Target::new(2.0, 2.6)) }],
        others: &[],
    },
    Section {
        name: "threads",
        title: "All-CNN-C on two threads, beside ours on one",
        repeated: true,
        cases: &[],
        others: &[Other::Threads],
    },
    Section {
        name: "small",
        title: "Small batches",
        repeated: false,
        cases: &[
            wide("train", "all_cnn_c", "1.0", "32", "9"),
            wide("train", "model_a", "1.0", "32", "9"),
            wide("train", "strided_cnn_b", "1.0", "32", "9"),
        ],
        others: &[],
    },
    Section {
        name: "large",
        title: "Large images",
        repeated: true,
        cases: &[Case {
            target: Target::depth_first(1.5, Some(1.2), 2.0),
            ..large("train", "all_cnn_imagenet", "1.0", "8", "5")
        }],
        others: &[Other::DecoderLayers],
    },
    Section {
        name: "dense",
        title: "Networks that return a map",
        repeated: true,
        cases: &[
            Case { target: Target::new(1.65, 2.2), ..large("train", "u_net", "0.25", "2", "5") },
            large("train", "sr_u_net", "1.0", "16", "7"),
            large("train", "edsr_baseline", "0.5", "16", "7"),
        ],
        others: &[],
    },
    Section {
        name: "networks",
        title: "The other networks for CIFAR, and narrow ones",
        repeated: false,
        cases: &networks(),
        others: &[],
    },
    Section {
        name: "classic",
        title: "Residual networks and those of the Visual Geometry Group",
        repeated: true,
        cases: &[
            large("train", "resnet18", "1.0", "8", "5"),
            large("train", "resnet20", "1.0", "128", "7"),
            large("train", "vgg16_bn_cifar", "1.0", "128", "3"),
            inferred("resnet18", "8", "7"),
            inferred("resnet20", "128", "7"),
            inferred("vgg16_bn_cifar", "128", "3"),
        ],
        others: &[],
    },
    Section { name: "data", title: "Data", repeated: false, cases: &[], others: &[Other::Data] },
];

#[cfg(test)]
mod tests {
    use super::super::peers::Peer;
    use super::*;

    #[test]
    fn every_network_for_cifar_is_measured_at_two_widths() {
        let networks = networks();
        for name in NETWORKS {
            let widths: Vec<&str> =
                networks.iter().filter(|case| case.model == name).map(|case| case.width).collect();
            let full = if name == "all_cnn_c" { "0.5" } else { "1.0" };
            assert_eq!(widths, [full, "0.25"], "{name}");
        }
    }

    #[test]
    fn bfloat16_is_compared_with_bfloat16() {
        for name in ["bf16", "infer-bf16"] {
            let section = SECTIONS.iter().find(|section| section.name == name).unwrap();
            assert!(section.cases.iter().all(|case| case.peer_precision() == "bf16"));
        }
        assert_eq!(SECTIONS[1].cases[0].title(), "train `all_cnn_c` × 1.0, batch 128, bf16");
    }

    #[test]
    fn inference_is_compared_with_every_runtime_that_has_its_precision() {
        for case in SECTIONS.iter().flat_map(|section| section.cases) {
            let names: Vec<&str> = Peer::of(case).iter().map(|peer| peer.name()).collect();
            let expected = match (case.pass, case.peer_precision()) {
                ("train", _) => &["PyTorch"][..],
                (_, "f32") => &["PyTorch", "ONNX Runtime", "OpenVINO"],
                _ => &["PyTorch", "OpenVINO"],
            };
            assert_eq!(names, expected, "{}", case.title());
        }
    }

    #[test]
    fn rows_with_targets_of_their_own_are_repeated() {
        let of = |name: &str| SECTIONS.iter().find(|section| section.name == name).unwrap();
        assert!(
            ["main", "bf16", "infer", "infer-bf16", "threads", "large", "dense", "classic"]
                .iter()
                .all(|name| of(name).repeated)
        );
    }
}
