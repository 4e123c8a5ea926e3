//! Behaviour of operators and networks: tests of every entry of the registries, and golden vectors of independent implementations.

mod accuracy_classes;
mod classifiers;
mod dense_networks;
mod downsample;
mod golden_vectors;
mod gradient_check;
mod listed_stages;
mod support;
mod upsample;
