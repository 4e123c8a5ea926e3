//! Models by name, the paper's and others: each name is an alias for one value of the description.

use allconv_operators::downsample::{ConvPool, FoldedStride, MaxPool, StridedConv};
use allconv_operators::{DownsampleConfig, Initialisation};

use crate::architectures::{
    AllCnnImagenet, Architecture, Autoencoder, Base, Edsr, LargeAllCnn, Resnet, SkipOverAll, Springenberg,
    SuperResolutionUNet, UNet, Vgg, VggHead,
};
use crate::description::NetworkSpec;
use crate::error::DescriptionError;
use crate::norm::Norm;

/// One named model.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// The paper's name in snake case.
    pub name: &'static str,
    /// The input the paper gives it, or a training crop: channels, rows, columns.
    pub input: [usize; 3],
    /// The number of classes the paper gives it, or of channels of the map that it returns.
    pub classes: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Cifar(Base, Rule),
    Large,
    Imagenet,
    UNet,
    EdsrBaseline,
    SuperResolutionUNet,
    Autoencoder,
    Resnet(usize),
    Vgg(usize, Norm),
    VggOfCifar(usize),
}

/// The four rules of table 2.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Base,
    Strided,
    ConvPool,
    AllConv,
}

const fn cifar(name: &'static str, base: Base, rule: Rule) -> Model {
    Model { name, input: [3, 32, 32], classes: 10, kind: Kind::Cifar(base, rule) }
}

const fn residual(name: &'static str, layers: usize) -> Model {
    Model { name, input: [3, 32, 32], classes: 10, kind: Kind::Resnet(layers) }
}

const fn imagenet(name: &'static str, kind: Kind) -> Model {
    Model { name, input: [3, 224, 224], classes: 1000, kind }
}

/// Every named model: the paper's in its order, then those for dense tasks, then residual networks and those of the Visual Geometry Group.
pub const MODELS: [Model; 29] = [
    cifar("model_a", Base::A, Rule::Base),
    cifar("strided_cnn_a", Base::A, Rule::Strided),
    cifar("convpool_cnn_a", Base::A, Rule::ConvPool),
    cifar("all_cnn_a", Base::A, Rule::AllConv),
    cifar("model_b", Base::B, Rule::Base),
    cifar("strided_cnn_b", Base::B, Rule::Strided),
    cifar("convpool_cnn_b", Base::B, Rule::ConvPool),
    cifar("all_cnn_b", Base::B, Rule::AllConv),
    cifar("model_c", Base::C, Rule::Base),
    cifar("strided_cnn_c", Base::C, Rule::Strided),
    cifar("convpool_cnn_c", Base::C, Rule::ConvPool),
    cifar("all_cnn_c", Base::C, Rule::AllConv),
    Model { name: "large_all_cnn", input: [3, 126, 126], classes: 10, kind: Kind::Large },
    Model { name: "all_cnn_imagenet", input: [3, 224, 224], classes: 1000, kind: Kind::Imagenet },
    Model { name: "u_net", input: [1, 512, 512], classes: 2, kind: Kind::UNet },
    Model { name: "edsr_baseline", input: [3, 48, 48], classes: 3, kind: Kind::EdsrBaseline },
    Model { name: "sr_u_net", input: [3, 48, 48], classes: 3, kind: Kind::SuperResolutionUNet },
    Model { name: "autoencoder", input: [3, 32, 32], classes: 3, kind: Kind::Autoencoder },
    residual("resnet20", 20),
    residual("resnet32", 32),
    residual("resnet56", 56),
    imagenet("resnet18", Kind::Resnet(18)),
    imagenet("resnet34", Kind::Resnet(34)),
    imagenet("resnet50", Kind::Resnet(50)),
    imagenet("vgg11", Kind::Vgg(11, Norm::None)),
    imagenet("vgg11_bn", Kind::Vgg(11, Norm::Batch)),
    imagenet("vgg16", Kind::Vgg(16, Norm::None)),
    imagenet("vgg16_bn", Kind::Vgg(16, Norm::Batch)),
    Model { name: "vgg16_bn_cifar", input: [3, 32, 32], classes: 10, kind: Kind::VggOfCifar(16) },
];

impl Model {
    /// Returns the description of this model.
    pub fn spec(&self) -> NetworkSpec {
        match self.kind {
            Kind::Cifar(base, rule) => {
                let architecture = Architecture::Springenberg(Springenberg::plain(base, 1.0));
                let downsample = Some(match rule {
                    Rule::Base => DownsampleConfig::MaxPool(MaxPool::default()),
                    Rule::Strided => DownsampleConfig::FoldedStride(FoldedStride::default()),
                    Rule::ConvPool => DownsampleConfig::ConvPool(ConvPool::default()),
                    Rule::AllConv => DownsampleConfig::StridedConv(StridedConv::default()),
                });
                NetworkSpec { downsample, ..NetworkSpec::new(architecture) }
            }
            Kind::Large => NetworkSpec::new(Architecture::LargeAllCnn(LargeAllCnn::default())),
            Kind::Imagenet => NetworkSpec::new(Architecture::AllCnnImagenet(AllCnnImagenet::default())),
            Kind::UNet => by_he(Architecture::UNet(UNet::default())),
            Kind::EdsrBaseline => by_he(Architecture::Edsr(Edsr::baseline(2))),
            Kind::SuperResolutionUNet => by_he(Architecture::SuperResolutionUNet(SuperResolutionUNet {
                residual: SkipOverAll::Bicubic,
                ..SuperResolutionUNet::of_scale(2)
            })),
            Kind::Autoencoder => by_he(Architecture::Autoencoder(Autoencoder::default())),
            Kind::Resnet(layers) => by_he(Architecture::Resnet(Resnet::plain(layers))),
            Kind::VggOfCifar(layers) => {
                let (norm, head) = (Norm::Batch, VggHead::Average);
                by_he(Architecture::Vgg(Vgg { norm, head, ..Vgg::plain(layers) }))
            }
            Kind::Vgg(layers, norm) => by_he(Architecture::Vgg(Vgg { norm, ..Vgg::plain(layers) })),
        }
    }
}

/// Returns a network without a ReLU after its last layer, with weights by He's rule, which keep the variance of the signal.
fn by_he(architecture: Architecture) -> NetworkSpec {
    NetworkSpec { initialisation: Initialisation::He, ..NetworkSpec::new(architecture) }
}

/// Returns the names of all models, in the order of [`MODELS`].
pub fn names() -> Vec<&'static str> {
    MODELS.iter().map(|model| model.name).collect()
}

/// Returns the model called `name`.
///
/// # Errors
///
/// [`DescriptionError::UnknownModel`], with the nearest name.
pub fn find(name: &str) -> Result<&'static Model, DescriptionError> {
    MODELS.iter().find(|model| model.name == name).ok_or_else(|| DescriptionError::UnknownModel {
        name: name.to_owned(),
        nearest: nearest(name).to_owned(),
        all: names().join(", "),
    })
}

/// Returns the description of the model called `name`.
///
/// # Errors
///
/// [`DescriptionError::UnknownModel`], with the nearest name.
///
/// # Example
///
/// ```
/// let spec = allconv_nets::models::named("all_cnn_c")?;
/// assert_eq!(allconv_nets::walk(&spec, [3, 32, 32], 10)?.parameters(), 1_369_738);
/// assert!(allconv_nets::models::named("allcnn_c").unwrap_err().to_string().contains("`all_cnn_c`"));
/// # Ok::<(), allconv_nets::DescriptionError>(())
/// ```
pub fn named(name: &str) -> Result<NetworkSpec, DescriptionError> {
    find(name).map(Model::spec)
}

fn nearest(name: &str) -> &'static str {
    let mut best = MODELS[0].name;
    for model in &MODELS[1..] {
        if strsim::levenshtein(name, model.name) < strsim::levenshtein(name, best) {
            best = model.name;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (index, name) in names().into_iter().enumerate() {
            assert_eq!(names().iter().position(|other| *other == name), Some(index));
            assert_eq!(find(name).unwrap().name, name);
        }
    }
}
