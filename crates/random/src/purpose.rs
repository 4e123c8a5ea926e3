//! The purposes of streams, in every crate.

/// The purpose of a stream. Streams of different purposes share no counter, or no key.
///
/// Each purpose has a tag, a number that enters the counter (of streams that belong to a seed) or the key (of streams that belong
/// to a number). Tags are never changed and never used again; no tag is 0, which is the last counter word of streams without a
/// purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Order of the samples in an epoch.
    Order = 1,
    /// Augmentation of one sample in one epoch.
    Augmentation = 2,
    /// Drawing of one synthetic image.
    Synthetic = 3,
    /// Place and orientation of one crop in one epoch.
    Crop = 4,
    /// Noise on one crop in one epoch, and on one picture of an evaluated split.
    Noise = 5,
    /// Part of one image that is cropped and resized in one epoch.
    RandomResizedCrop = 6,
    /// Position of the padded crop of one image in one epoch.
    PaddedCrop = 7,
    /// Place, stretch and colours of one image on its canvas in one epoch.
    Canvas = 8,
    /// Rotation, scale and shear of one image in one epoch.
    Affine = 9,
    /// Changes of one image by RandAugment in one epoch.
    RandAugment = 10,
    /// Brightness, contrast, saturation and hue of one image in one epoch.
    ColourJitter = 11,
    /// Conversion of one image to grey in one epoch.
    Grey = 12,
    /// Choice among the mixtures of one image in one epoch.
    Mixture = 13,
    /// Share of one image in its mixup in one epoch.
    Mixup = 14,
    /// Rectangle of one image that is replaced in one epoch.
    Cutmix = 15,
    /// Order of the images of one class in one epoch.
    ClassOrder = 16,
    /// Initial values of one parameter.
    Weights = 0x5745_4947,
    /// Dropout of one stage in one step.
    Dropout = 0x4452_4f50,
    /// Operators that draw, at one stage in one step.
    Operator = 0x4f50_4552,
    /// Phases of the waves of the measure `frequency_sensitivity`.
    WavePhase = 0x4652_4551,
    /// Corruptions of images in the measure `corruption`.
    Corruption = 0x434f_5252,
    /// Directions in the space of weights, of the measure `sharpness`.
    Direction = 0x5348_5250,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 22] = [
        Purpose::Order,
        Purpose::Augmentation,
        Purpose::Synthetic,
        Purpose::Crop,
        Purpose::Noise,
        Purpose::RandomResizedCrop,
        Purpose::PaddedCrop,
        Purpose::Canvas,
        Purpose::Affine,
        Purpose::RandAugment,
        Purpose::ColourJitter,
        Purpose::Grey,
        Purpose::Mixture,
        Purpose::Mixup,
        Purpose::Cutmix,
        Purpose::Weights,
        Purpose::Dropout,
        Purpose::Operator,
        Purpose::WavePhase,
        Purpose::Corruption,
        Purpose::Direction,
        Purpose::ClassOrder,
    ];

    /// Returns the number that separates the streams of this purpose from all others.
    #[must_use]
    pub const fn tag(self) -> u32 {
        self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tags_are_distinct_and_none_is_0() {
        let mut tags = Purpose::ALL.map(Purpose::tag);
        tags.sort_unstable();
        assert!(tags[0] != 0 && tags.windows(2).all(|pair| pair[0] != pair[1]), "{tags:x?}");
    }

    #[test]
    fn every_purpose_is_listed() {
        // A new purpose does not compile here until it is counted, and fails until it is listed.
        let number = |purpose| match purpose {
            Purpose::Order => 0,
            Purpose::Augmentation => 1,
            Purpose::Synthetic => 2,
            Purpose::Crop => 3,
            Purpose::Noise => 4,
            Purpose::RandomResizedCrop => 5,
            Purpose::PaddedCrop => 6,
            Purpose::Canvas => 7,
            Purpose::Affine => 8,
            Purpose::RandAugment => 9,
            Purpose::ColourJitter => 10,
            Purpose::Grey => 11,
            Purpose::Mixture => 12,
            Purpose::Mixup => 13,
            Purpose::Cutmix => 14,
            Purpose::Weights => 15,
            Purpose::Dropout => 16,
            Purpose::Operator => 17,
            Purpose::WavePhase => 18,
            Purpose::Corruption => 19,
            Purpose::Direction => 20,
            Purpose::ClassOrder => 21,
        };
        for (place, purpose) in Purpose::ALL.into_iter().enumerate() {
            assert_eq!(number(purpose), place, "{purpose:?}");
        }
    }
}
