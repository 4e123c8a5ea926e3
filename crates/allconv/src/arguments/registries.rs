//! Command-line arguments of the commands about the registries: `models`, `operators`, `data`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DataArguments;
use crate::table::Format;

/// `allconv models`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// All networks with their cost.
    List {
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// One network, stage by stage.
    Show {
        /// Name of the network.
        name: String,
        /// Factor on every channel count.
        #[arg(long, default_value_t = 1.0)]
        width: f64,
        /// Number of classes [default: the paper's].
        #[arg(long)]
        classes: Option<usize>,
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Format of `allconv schema`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SchemaFormat {
    /// JSON Schema, draft 2020-12.
    #[default]
    Json,
    /// Tables in Markdown.
    Md,
}

/// `allconv presets`.
#[derive(Debug, Subcommand)]
pub(crate) enum PresetsCommand {
    /// All presets.
    List {
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Every setting of one preset, as in a study file.
    Show {
        /// Its name.
        name: String,
    },
}

/// `allconv operators`.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorsCommand {
    /// All operators: downsampling and upsampling.
    #[command(after_help = "Examples:
  allconv operators list --kind pooling --learned
  allconv operators list wavelet")]
    List {
        /// Only operators with this word in their name or description.
        search: Option<String>,
        /// Only operators of this kind.
        #[arg(long, value_enum)]
        kind: Option<KindArgument>,
        /// Only operators with learned parameters.
        #[arg(long)]
        learned: bool,
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Definition, properties, cost and source of one operator, or of all.
    Show {
        /// Its name; all operators without one.
        name: Option<String>,
        /// Write Markdown.
        #[arg(long)]
        markdown: bool,
    },
    /// One operator as a PyTorch class, for your own networks.
    #[command(after_help = "Examples:
  allconv operators export gated_pool --shape 64,32,32
  allconv operators export blur_pool --to pytorch --out blur_pool.py")]
    Export(OperatorExportArguments),
    /// Reconstruction error, aliasing and checkerboard energy of pairs of a downsampling and an upsampling operator.
    Pairs {
        /// All possible pairs; without it the usual ones.
        #[arg(long)]
        all: bool,
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Write an image of what each operator does to a test image and to a zone plate.
    Pictures {
        /// The folder, created if absent; a file `NAME.png` each.
        folder: PathBuf,
    },
}

/// `allconv operators export`.
#[derive(Debug, Args)]
pub(crate) struct OperatorExportArguments {
    /// Its name, or a table with its settings as in a study file.
    pub(crate) operator: String,
    /// The program that takes it.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) to: OperatorFormat,
    /// Channels, height and width of the maps that enter; the class says whether it takes other heights and widths.
    #[arg(long, value_delimiter = ',', default_value = "16,32,32")]
    pub(crate) shape: Vec<usize>,
    /// File to write [default: the terminal].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

/// Programs that take one operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OperatorFormat {
    /// A Python class that needs torch alone.
    #[default]
    Pytorch,
}

/// Kinds of operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArgument {
    /// A statistic of each window.
    Pooling,
    /// A convolution with learned weights.
    Convolution,
    /// Positions are moved to channels, or back.
    Rearrangement,
    /// A filter, a wavelet, a transform to frequencies.
    Filter,
    /// Some positions are kept, the others left out.
    Selection,
}

/// `allconv data`.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// All data sets, and which of them are present.
    List {
        #[command(flatten)]
        data: DataArguments,
        /// Format of the table.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check sizes, labels and hashes of a data set.
    Verify {
        /// Name of the data set.
        name: String,
        #[command(flatten)]
        data: DataArguments,
    },
    #[command(after_help = "Examples:
  allconv data import shapes --name shapes
  allconv data import photos --name photos --layout photographs
  allconv data import pets.zip --name pets --test-share 0.2
  allconv data import 'shards/{train,val}-{0000..0011}.tar' --name birds
  allconv data import imagenet --name imagenet --train ILSVRC2012_img_train.tar --val ILSVRC2012_img_val.tar --devkit ILSVRC2012_devkit_t12.tar.gz")]
    /// Import a folder or archive of images, of photographs, or of images with label maps, or tar shards of images.
    Import(ImportArguments),
    #[command(after_help = "Examples:
  allconv data pack birds --out shards --shuffle 1
  allconv data pack photographs --out shards --test-share 0.2")]
    /// Write a data set, a folder or an archive of images as tar shards that WebDataset reads, with an index.
    Pack(PackArguments),
    /// Draw the first training images with augmentation: a row for each, as it is stored and in each epoch.
    Augment {
        /// Name of the data set.
        name: String,
        /// The PNG file to write.
        picture: PathBuf,
        /// The settings, as in a study file.
        #[arg(long, default_value = "{ alternating_flip = true, translate = 4, cutout = 8 }")]
        augment: String,
        /// Height and width of the network's input, for images that differ in size.
        #[arg(long)]
        view: Option<usize>,
        /// Images, 1 to 64.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=64))]
        images: u32,
        /// Epochs, 1 to 64.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
        epochs: u32,
        #[command(flatten)]
        data: DataArguments,
    },
    /// Download a data set from its publisher, and check it.
    Fetch {
        /// Name of the data set: `cifar10`, `cifar100`, or `cifar10_jpeg`, the public copy that studies here use.
        name: String,
        #[command(flatten)]
        data: DataArguments,
    },
}

/// How the files of a folder or an archive of images are read.
#[derive(Debug, Args)]
pub(crate) struct FileArguments {
    /// Read only files whose path matches this pattern (`*` also matches `/`), e.g. `*/x2/*_HR.png`.
    #[arg(long)]
    pub(crate) select: Option<String>,
    /// Colour behind transparent pixels: white, black, grey, or such as `#ff8000` [default: they are refused].
    #[arg(long)]
    pub(crate) background: Option<String>,
    /// For classes: a CSV with the columns file and label, and perhaps split; files by their path in the source.
    #[arg(long)]
    pub(crate) table: Option<PathBuf>,
    /// For classes that are not divided (`CLASS/*`): the share of each class that becomes the test split, e.g. 0.2.
    #[arg(long)]
    pub(crate) test_share: Option<f64>,
    /// Seed of that division.
    #[arg(long, default_value_t = 0, requires = "test_share")]
    pub(crate) split_seed: u64,
}

/// `allconv data pack`.
#[derive(Debug, Args)]
pub(crate) struct PackArguments {
    /// Name of a data set, or a folder or archive of images as for `data import`.
    pub(crate) source: PathBuf,
    /// Folder to write, which must not exist.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Seed of a permutation of the images of each split, for programs that read shards from end to end [default: stored order].
    #[arg(long)]
    pub(crate) shuffle: Option<u64>,
    #[command(flatten)]
    pub(crate) files: FileArguments,
    #[command(flatten)]
    pub(crate) data: DataArguments,
}

/// `allconv data import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The folder, or a `.tar`, `.tar.gz`, `.tar.xz` or `.zip`; tar shards: their folder, or a path with braces or wildcards; or the word
    /// `imagenet`, with `--train`, `--val` and `--devkit`.
    pub(crate) source: PathBuf,
    /// Name of the new data set.
    #[arg(long)]
    pub(crate) name: String,
    /// How the files are laid out.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) layout: LayoutArgument,
    #[command(flatten)]
    pub(crate) files: FileArguments,
    /// Keep images of one size encoded too, in tar shards, so that memory does not grow with their number.
    #[arg(long)]
    pub(crate) keep_encoded: bool,
    /// For shards: the field of `KEY.json` that holds the class [default: `KEY.cls`, or the first of label, class, cls].
    #[arg(long)]
    pub(crate) label_field: Option<String>,
    /// For segmentation: classes of the label maps with their values, e.g. `membrane=0,cell=255` [default: the values found].
    #[arg(long)]
    pub(crate) labels: Option<String>,
    /// For segmentation: the value of pixels that belong to no class, e.g. 255; losses and metrics leave them out.
    #[arg(long)]
    pub(crate) ignore: Option<u8>,
    /// For `imagenet`: the official `ILSVRC2012_img_train.tar`.
    #[arg(long, requires_all = ["val", "devkit"], conflicts_with_all = ["layout", "select", "table", "test_share", "label_field"])]
    pub(crate) train: Option<PathBuf>,
    /// For `imagenet`: the official `ILSVRC2012_img_val.tar`.
    #[arg(long, requires = "train")]
    pub(crate) val: Option<PathBuf>,
    /// For `imagenet`: the official `ILSVRC2012_devkit_t12.tar.gz`.
    #[arg(long, requires = "train")]
    pub(crate) devkit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArguments,
}

/// How the files of an import are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArgument {
    /// Images at `SPLIT/CLASS/*`; of different sizes too, which are kept as they are.
    #[default]
    Classes,
    /// Images of any size, in one folder or in folders `train`, `val`, `test`.
    Photographs,
    /// Tar shards in the layout of WebDataset: `KEY.jpg` beside its class in `KEY.cls` or `KEY.json`. Folders of shards are recognised.
    Shards,
    /// Images at `image/N.png` with label maps at `label/N.png`, in one folder or in folders `train`, `val`, `test`.
    Segmentation,
}
