//! The weights of a convolution in the form in which forward passes multiply by them.

use std::sync::Arc;

use crate::memory::Scratch;

/// The weights of every channel group, packed or transformed; none for an element type that multiplies by the given ones.
pub struct ForwardWeights<'a>(Groups<'a>);

enum Groups<'a> {
    /// Made for a few passes.
    Made(Vec<Scratch<'a>>),
    /// Kept by a cache as well.
    Kept(Arc<Vec<Vec<f32>>>),
}

impl<'a> ForwardWeights<'a> {
    /// Wraps weights in scratch memory.
    pub(super) const fn made(groups: Vec<Scratch<'a>>) -> Self {
        Self(Groups::Made(groups))
    }

    /// Wraps weights that a cache keeps.
    pub(super) const fn kept(groups: Arc<Vec<Vec<f32>>>) -> Self {
        Self(Groups::Kept(groups))
    }

    /// Returns the weights of one group.
    pub(super) fn group(&self, group: usize) -> &[f32] {
        match &self.0 {
            Groups::Made(groups) => &groups[group],
            Groups::Kept(groups) => &groups[group],
        }
    }

    /// Returns the groups in memory of their own, for a cache.
    pub(super) fn into_kept(self) -> Arc<Vec<Vec<f32>>> {
        match self.0 {
            Groups::Made(groups) => Arc::new(groups.iter().map(|group| group.to_vec()).collect()),
            Groups::Kept(groups) => groups,
        }
    }
}
