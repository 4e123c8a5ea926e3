//! The images of a split as a network sees them: stored in memory, or decoded and viewed when they are read.

use std::borrow::Cow;
use std::sync::Arc;

use super::samples::Samples;
use super::split::{self, Split};
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::import::layout::SplitName;
use crate::picture::Picture;
use crate::resize::{Filter, Window, resize};
use crate::shards::ShardedSet;
use crate::view::View;

/// Images of one size with their class numbers. Cloning shares them.
#[derive(Clone, Debug)]
pub enum Images {
    /// All pixels in memory.
    Stored(Split),
    /// Decoded and viewed one by one.
    Viewed(ViewedImages),
}

/// Images that are decoded when they are read, and of which a view is handed out.
#[derive(Clone, Debug)]
pub struct ViewedImages {
    source: ViewSource,
    /// Numbers of the samples in the source.
    samples: Samples,
    view: Option<View>,
    /// Number of the part that is seen, if not the centre.
    crop: Option<usize>,
    shape: ImageShape,
}

/// Where whole images come from.
#[derive(Clone, Debug)]
enum ViewSource {
    Shards(Arc<ShardedSet>),
    Memory(Split),
}

impl Images {
    /// A split of a set of encoded images.
    pub(crate) fn of_shards(
        set: &Arc<ShardedSet>,
        split: SplitName,
        view: Option<View>,
        shape: ImageShape,
    ) -> Images {
        let samples = Samples::range(set.first_of(split), set.header().count(split));
        Images::Viewed(ViewedImages {
            source: ViewSource::Shards(Arc::clone(set)),
            samples,
            view,
            crop: None,
            shape,
        })
    }

    /// A split in memory, seen through a view if there is one.
    pub(crate) fn of_split(split: Split, view: Option<View>) -> Images {
        let Some(view) = view else { return Images::Stored(split) };
        let shape = ImageShape { channels: split.shape().channels, ..view.shape() };
        let samples = Samples::range(0, split.len());
        Images::Viewed(ViewedImages {
            source: ViewSource::Memory(split),
            samples,
            view: Some(view),
            crop: None,
            shape,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        match self {
            Images::Stored(split) => split.len(),
            Images::Viewed(viewed) => viewed.samples.len(),
        }
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of every image.
    pub fn shape(&self) -> ImageShape {
        match self {
            Images::Stored(split) => split.shape(),
            Images::Viewed(viewed) => viewed.shape,
        }
    }

    /// The split in memory, if it lies there as it is seen.
    pub fn stored(&self) -> Option<&Split> {
        match self {
            Images::Stored(split) => Some(split),
            Images::Viewed(_) => None,
        }
    }

    /// The class number of an image.
    ///
    /// # Errors
    /// [`DataError`] when an index cannot be read.
    pub fn label(&self, sample: usize) -> Result<u16, DataError> {
        match self {
            Images::Stored(split) => Ok(split.labels()[sample]),
            Images::Viewed(ViewedImages { source: ViewSource::Memory(split), samples, .. }) => {
                Ok(split.labels()[samples.number(sample)])
            }
            Images::Viewed(ViewedImages { source: ViewSource::Shards(set), samples, .. }) => {
                Ok(set.record(samples.number(sample))?.label)
            }
        }
    }

    /// The pixels of an image, `[height, width, channels]`.
    ///
    /// # Errors
    /// [`DataError`] when it cannot be read.
    pub fn read(&self, sample: usize) -> Result<Cow<'_, [u8]>, DataError> {
        match self {
            Images::Stored(split) => Ok(Cow::Borrowed(split.image(sample))),
            Images::Viewed(viewed) => Ok(Cow::Owned(viewed.seen(&viewed.whole(sample)?).into_pixels())),
        }
    }

    /// An image in all its pixels, before any view of it.
    ///
    /// # Errors
    /// [`DataError`] when it cannot be read.
    pub fn whole(&self, sample: usize) -> Result<Picture, DataError> {
        match self {
            Images::Stored(split) => Ok(Picture::new(split.shape(), split.image(sample).to_vec())),
            Images::Viewed(viewed) => viewed.whole(sample),
        }
    }

    /// What is seen of a whole image.
    pub fn seen(&self, whole: Picture) -> Picture {
        match self {
            Images::Stored(_) => whole,
            Images::Viewed(viewed) => viewed.seen(&whole),
        }
    }

    /// The images once for each part of them that evaluation looks at.
    pub(crate) fn crops(&self) -> Vec<Images> {
        let of = |viewed: &ViewedImages, view: View| {
            let seen = |number| Images::Viewed(ViewedImages { crop: Some(number), ..viewed.clone() });
            (0..view.crops.count()).map(seen).collect()
        };
        match self {
            Images::Viewed(viewed) => viewed.view.map_or_else(|| vec![self.clone()], |view| of(viewed, view)),
            Images::Stored(_) => vec![self.clone()],
        }
    }

    /// Resizes a part of a whole image to the size of the images.
    pub(crate) fn resized_part(&self, whole: &Picture, part: Window) -> Picture {
        let (shape, filter) = match self {
            Images::Stored(_) => (self.shape(), Filter::default()),
            Images::Viewed(viewed) => (viewed.shape, viewed.view.map(|view| view.filter).unwrap_or_default()),
        };
        resize(whole, part, [shape.height, shape.width], filter)
    }

    /// A value that equal images have in common, and few others: of stored ones the hash of their pixels, of encoded ones that of their file.
    ///
    /// # Errors
    /// [`DataError`] when an index cannot be read.
    pub(crate) fn content(&self, sample: usize) -> Result<[u8; 32], DataError> {
        Ok(match self {
            Images::Viewed(ViewedImages { source: ViewSource::Shards(set), samples, .. }) => {
                let mut content = [0; 32];
                content[..16].copy_from_slice(&set.record(samples.number(sample))?.check);
                content
            }
            Images::Viewed(ViewedImages { source: ViewSource::Memory(split), samples, .. }) => {
                *blake3::hash(split.image(samples.number(sample))).as_bytes()
            }
            Images::Stored(split) => *blake3::hash(split.image(sample)).as_bytes(),
        })
    }

    /// What decides how a whole image becomes what is seen of it, in words.
    pub(crate) fn view_text(&self) -> String {
        match self {
            Images::Stored(_) => String::new(),
            // The words name cache files: crops, which change nothing here, are not among them.
            Images::Viewed(ViewedImages { view: None, shape, .. }) => format!("None {shape:?}"),
            Images::Viewed(ViewedImages { view: Some(View { size, resize, filter, .. }), shape, .. }) => {
                format!("Some(View {{ size: {size:?}, resize: {resize:?}, filter: {filter:?} }}) {shape:?}")
            }
        }
    }

    /// The named samples, in the order given.
    #[must_use]
    pub fn select(&self, samples: &[usize]) -> Images {
        match self {
            Images::Stored(split) => Images::Stored(split.select(samples)),
            Images::Viewed(viewed) => {
                let samples = viewed.samples.select(samples.iter().copied());
                Images::Viewed(ViewedImages { samples, ..viewed.clone() })
            }
        }
    }

    /// The other samples than the named ones, which are in rising order.
    #[must_use]
    pub(crate) fn without(&self, samples: &[usize]) -> Images {
        let others = (0..self.len()).filter(|sample| samples.binary_search(sample).is_err());
        match self {
            Images::Stored(split) => Images::Stored(split.select(&others.collect::<Vec<_>>())),
            Images::Viewed(viewed) => {
                Images::Viewed(ViewedImages { samples: viewed.samples.select(others), ..viewed.clone() })
            }
        }
    }

    /// Encodes one image as PNG, for reports.
    ///
    /// # Errors
    /// [`DataError`] when it cannot be read, or has other than 1 or 3 channels.
    pub fn png(&self, sample: usize) -> Result<Vec<u8>, DataError> {
        split::png(self.shape(), &self.read(sample)?, sample)
    }

    /// Bytes of the images in memory, as 32-bit numbers.
    pub fn bytes_prepared(&self) -> u64 {
        match self {
            Images::Stored(split) => split.pixels().len() as u64 * 4,
            Images::Viewed(_) => 0,
        }
    }
}

impl ViewedImages {
    fn whole(&self, sample: usize) -> Result<Picture, DataError> {
        let number = self.samples.number(sample);
        match &self.source {
            ViewSource::Shards(set) => set.picture(number),
            ViewSource::Memory(split) => Ok(Picture::new(split.shape(), split.image(number).to_vec())),
        }
    }

    fn seen(&self, whole: &Picture) -> Picture {
        match (self.view, self.crop) {
            (None, _) => whole.clone(),
            (Some(view), None) => view.of(whole),
            (Some(view), Some(number)) => view.crop(whole, number),
        }
    }
}
