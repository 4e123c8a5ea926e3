//! How operators and networks behave: tests that walk the registries, so that nothing in them escapes, and vectors that others computed.

mod accuracy_classes;
mod classifiers;
mod dense_networks;
mod downsample;
mod golden_vectors;
mod gradient_check;
mod listed_stages;
mod support;
mod upsample;
