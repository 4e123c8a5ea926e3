//! The interface of an explanation: what is asked, and the pictures that it gives.

use allconv_nets::{MaxPoolRule, ReluRule};
use image::RgbImage;

use super::region::Region;
use super::target::{Choice, Target};
use crate::{InspectError, Pictures, Subject};

/// Steps of integrated gradients unless told otherwise.
pub const DEFAULT_STEPS: usize = 64;

/// What is explained, and how.
#[derive(Clone, Copy)]
pub struct Explained<'a> {
    /// The network.
    pub subject: &'a Subject,
    /// The images.
    pub pictures: &'a Pictures,
    /// The unit or class.
    pub target: Target,
    /// Where max pooling sends a signal.
    pub max_pool: MaxPoolRule,
    /// Steps of integrated gradients.
    pub steps: usize,
    /// The part of each image that is shown.
    pub region: Region,
}

impl Explained<'_> {
    /// The class that is explained; with a unit as the target the one with the largest logit.
    pub(crate) fn class(&self) -> Choice<usize> {
        match self.target {
            Target::Class(class) => class,
            Target::Unit { .. } => Choice::Strongest,
        }
    }
}

/// What an explanation gives.
#[derive(Clone, Debug)]
pub struct Explanations {
    /// A picture for each image.
    pub pictures: Vec<RgbImage>,
    /// What a reader should know of them, in a sentence.
    pub note: Option<String>,
}

/// One entry of the registry.
pub trait Explanation: Sync {
    /// Its name on the command line and in study files.
    fn name(&self) -> &'static str;

    /// Its name in captions.
    fn label(&self) -> &'static str;

    /// The rule of the rectifiers, where the explanation is a signal that a unit sends back.
    fn signal_rule(&self) -> Option<ReluRule> {
        None
    }

    /// Explains each image.
    ///
    /// # Errors
    /// [`InspectError::Question`] for a target that the network does not have.
    fn explain(&self, asked: &Explained<'_>) -> Result<Explanations, InspectError>;
}
