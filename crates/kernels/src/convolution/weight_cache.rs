//! Weights in the form in which a forward pass multiplies by them, kept between calls as long as they do not change.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::geometry::ConvGeometry;
use super::grouped as fast;
use super::plan::{Algorithm, plan};
use crate::cpu::Isa;
use crate::engine::Engine;
use crate::numbers::Accuracy;

/// The prepared weights of one convolution; clones start empty.
///
/// An engine that [keeps](Engine::keeping) to a cache takes the prepared weights from it. Nobody watches the weights: whoever
/// calls names the *owner* of their memory, an `Arc` that must not hold other values as long as it is shared. The cache
/// holds a share, so that neither can the values change nor another owner take the same address.
#[derive(Default)]
pub struct WeightCache(Arc<Mutex<Option<Entry>>>);

/// What a cache holds.
struct Entry {
    owner: Arc<dyn Any + Send + Sync>,
    prepared: Arc<PreparedWeights>,
}

/// Weights prepared for a forward pass, group by group.
pub(crate) struct PreparedWeights {
    made_for: MadeFor,
    pub(crate) groups: Vec<Vec<f32>>,
}

/// What the prepared form depends on; the batch does not matter.
#[derive(Clone, Copy, PartialEq)]
struct MadeFor {
    isa: Isa,
    accuracy: Accuracy,
    algorithm: Algorithm,
    geometry: ConvGeometry,
}

impl MadeFor {
    fn new(engine: &Engine, geometry: &ConvGeometry) -> Self {
        let (isa, accuracy, algorithm) = (engine.isa(), engine.accuracy(), plan(geometry, engine).forward);
        Self { isa, accuracy, algorithm, geometry: ConvGeometry { batch: 1, ..*geometry } }
    }
}

impl WeightCache {
    /// The prepared form of `weight`, which belongs to `owner`: the one that is kept, if it is of this owner and for such a
    /// convolution, else a new one, which is then kept.
    ///
    /// # Panics
    /// When the geometry is invalid or the weight has the wrong length.
    pub(crate) fn prepared(
        &self,
        engine: &Engine,
        geometry: &ConvGeometry,
        weight: &[f32],
        owner: &Arc<dyn Any + Send + Sync>,
    ) -> Arc<PreparedWeights> {
        let made_for = MadeFor::new(engine, geometry);
        if let Some(entry) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && Arc::ptr_eq(&entry.owner, owner)
            && entry.prepared.made_for == made_for
        {
            return Arc::clone(&entry.prepared);
        }
        // Not under the lock: preparing runs on several threads, and one that waited for them might take up another
        // convolution that asks for it.
        let groups = fast::prepare_forward(engine, geometry, weight);
        let prepared = Arc::new(PreparedWeights { made_for, groups });
        let entry = Entry { owner: Arc::clone(owner), prepared: Arc::clone(&prepared) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        prepared
    }

    /// The same cache for an engine.
    pub(crate) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Clone for WeightCache {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for WeightCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WeightCache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolution::prepared::{conv2d_forward, conv2d_forward_owned};
    use crate::elementwise::Epilogue;
    use crate::windows::Padding;

    fn geometry(batch: usize, size: usize) -> ConvGeometry {
        ConvGeometry {
            batch,
            height_in: size,
            width_in: size,
            channels_in: 16,
            channels_out: 16,
            kernel: [3, 3],
            stride: [1, 1],
            padding: Padding::same(1),
            dilation: [1, 1],
            groups: 1,
        }
    }

    /// The output with a cache, which must be that without.
    fn check(cache: &WeightCache, geometry: &ConvGeometry, engine: &Engine, weight: &Arc<Vec<f32>>) {
        let x: Vec<f32> = (0..geometry.input_len()).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
        let mut expected = vec![0.0; geometry.output_len().unwrap_or(0)];
        let mut found = expected.clone();
        conv2d_forward(engine, geometry, &x, weight, None, &Epilogue::IDENTITY, &mut expected);
        let (owner, keeping): (Arc<dyn Any + Send + Sync>, _) =
            (weight.clone(), engine.clone().keeping(cache));
        conv2d_forward_owned(&keeping, geometry, &x, weight, &owner, None, &Epilogue::IDENTITY, &mut found);
        assert_eq!(found, expected, "{engine:?} {geometry:?}");
    }

    #[test]
    fn weights_are_prepared_once_and_anew_when_owner_geometry_or_engine_change() {
        let cache = WeightCache::default();
        let kept = || cache.0.lock().unwrap().as_ref().map(|entry| Arc::as_ptr(&entry.prepared));
        let engine = Engine::detect();
        let weight: Arc<Vec<f32>> = Arc::new((0..16 * 16 * 9).map(|i| ((i * 5) % 11) as f32 - 5.0).collect());
        check(&cache, &geometry(2, 12), &engine, &weight);
        let first = kept();
        check(&cache, &geometry(5, 12), &engine, &weight);
        assert!(first.is_some() && kept() == first, "another batch needs no other weights");
        let mut changed = weight.to_vec();
        changed[7] += 1.0;
        check(&cache, &geometry(2, 12), &engine, &Arc::new(changed));
        let second = kept();
        assert_ne!(second, first, "other weights");
        check(&cache, &geometry(2, 6), &engine, &weight);
        let third = kept();
        check(&cache, &geometry(2, 6), &Engine::new(engine.isa(), Accuracy::Exact), &weight);
        assert!(third != second && kept() != third, "another geometry, another class");
        assert!(cache.clone().0.lock().unwrap().is_none(), "a clone starts empty");
    }

    #[test]
    fn every_algorithm_takes_kept_weights() {
        for isa in Isa::available() {
            for (kernel, stride, groups) in [(3, 1, 1), (3, 2, 1), (1, 1, 1), (5, 1, 2), (3, 1, 16)] {
                let geometry =
                    ConvGeometry { kernel: [kernel; 2], stride: [stride; 2], groups, ..geometry(3, 11) };
                let weight: Vec<f32> =
                    (0..geometry.weight_len()).map(|i| ((i * 5) % 11) as f32 - 5.0).collect();
                let weight = Arc::new(weight);
                for accuracy in Accuracy::ALL {
                    let engine = Engine::new(isa, accuracy);
                    for algorithm in crate::candidates(&geometry, &engine) {
                        let (engine, cache) = (engine.clone().preferring(algorithm), WeightCache::default());
                        check(&cache, &geometry, &engine, &weight);
                        check(&cache, &geometry, &engine, &weight);
                    }
                }
            }
        }
    }
}
