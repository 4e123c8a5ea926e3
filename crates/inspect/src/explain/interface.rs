//! The interface of an explanation: its request and its pictures.

use allconv_nets::{MaxPoolRule, ReluRule};
use image::RgbImage;

use super::region::Region;
use super::target::{Choice, Target};
use crate::{InspectError, Pictures, Subject};

/// Default number of steps of integrated gradients.
pub const DEFAULT_STEPS: usize = 64;

/// The inputs and settings of an explanation.
#[derive(Clone, Copy)]
pub struct ExplanationRequest<'a> {
    /// The network.
    pub subject: &'a Subject,
    /// The images.
    pub pictures: &'a Pictures,
    /// The unit or class.
    pub target: Target,
    /// The backward rule of max pooling.
    pub max_pool: MaxPoolRule,
    /// Steps of integrated gradients.
    pub steps: usize,
    /// The part of each image that is shown.
    pub region: Region,
}

impl ExplanationRequest<'_> {
    /// Returns the class that is explained; with a unit as the target the one with the largest logit.
    pub(crate) fn class(&self) -> Choice<usize> {
        match self.target {
            Target::Class(class) => class,
            Target::Unit { .. } => Choice::Strongest,
        }
    }
}

/// The pictures of an explanation.
#[derive(Clone, Debug)]
pub struct Explanations {
    /// A picture for each image.
    pub pictures: Vec<RgbImage>,
    /// A note for the reader, in a sentence.
    pub note: Option<String>,
}

/// One entry of the registry.
pub trait Explanation: Sync {
    /// Returns its name on the command line and in study files.
    fn name(&self) -> &'static str;

    /// Returns its name in captions.
    fn label(&self) -> &'static str;

    /// Returns the rule of the rectifiers, where the explanation is the backward signal of a unit.
    fn signal_rule(&self) -> Option<ReluRule> {
        None
    }

    /// Explains each image.
    ///
    /// # Errors
    /// [`InspectError::Request`] for a target that the network does not have.
    fn explain(&self, request: &ExplanationRequest<'_>) -> Result<Explanations, InspectError>;
}
