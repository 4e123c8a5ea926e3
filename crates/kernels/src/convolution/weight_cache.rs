//! Prepared weights kept between the calls of a layer as long as they do not change.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::element::Convolve;
use super::forward_weights::ForwardWeights;
use super::plan::Convolution;
use super::prepared::PreparedConvolution;

/// The prepared weights of one convolution; clones start empty.
///
/// [`PreparedConvolution::keeping`] takes them from here. A change of the weights is not observed: the caller names the *owner* of their
/// memory, an `Arc` that must not hold other values as long as it is shared. The cache holds a reference, so that neither can the values
/// change nor another owner take the same address.
#[derive(Default)]
pub struct WeightCache(Arc<Mutex<Option<Entry>>>);

/// The content of a cache.
struct Entry {
    owner: Arc<dyn Any + Send + Sync>,
    convolution: Convolution,
    groups: Arc<Vec<Vec<f32>>>,
}

impl WeightCache {
    fn lock(&self) -> MutexGuard<'_, Option<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the groups kept for this owner and a convolution that prepares its weights alike.
    fn find(
        &self,
        convolution: &Convolution,
        owner: &Arc<dyn Any + Send + Sync>,
    ) -> Option<Arc<Vec<Vec<f32>>>> {
        let kept = self.lock();
        let entry = kept.as_ref().filter(|entry| {
            Arc::ptr_eq(&entry.owner, owner) && entry.convolution.prepares_like(convolution)
        })?;
        Some(Arc::clone(&entry.groups))
    }
}

impl<T: Convolve> PreparedConvolution<'_, T> {
    /// Returns the same value with the prepared weights that `cache` keeps, if they are of this `owner` and for such a convolution;
    /// otherwise they are prepared now, and kept.
    ///
    /// `owner` is what keeps the values of the weights in memory and unchanged as long as it is shared, see [`WeightCache`].
    #[must_use]
    pub fn keeping(self, cache: &WeightCache, owner: &Arc<dyn Any + Send + Sync>) -> Self {
        let groups = cache.find(self.convolution, owner).unwrap_or_else(|| {
            // Without the lock: preparing runs on several threads, and one that waits for them may start another
            // convolution that needs it.
            let groups = T::pack(self.convolution, self.weight).into_kept();
            let (owner, convolution) = (Arc::clone(owner), self.convolution.clone());
            *cache.lock() = Some(Entry { owner, convolution, groups: Arc::clone(&groups) });
            groups
        });
        Self { forward: OnceLock::from(ForwardWeights::kept(groups)), ..self }
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
    use crate::convolution::{ConvForward, ConvGeometry};
    use crate::cpu::Isa;
    use crate::elementwise::Epilogue;
    use crate::engine::Engine;
    use crate::numbers::Accuracy;
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

    /// Checks that the output with a cache equals that without.
    fn check(cache: &WeightCache, convolution: &Convolution, weight: &Arc<Vec<f32>>) {
        let geometry = convolution.geometry();
        let x: Vec<f32> = (0..geometry.input_len()).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
        let mut expected = vec![0.0; geometry.output_len().unwrap_or(0)];
        let mut found = expected.clone();
        let (x, bias, epilogue) = (&x[..], None, Epilogue::IDENTITY);
        convolution.prepare(weight).forward(ConvForward { x, bias, epilogue, y: &mut expected });
        let owner: Arc<dyn Any + Send + Sync> = weight.clone();
        let keeping = convolution.prepare(weight).keeping(cache, &owner);
        keeping.forward(ConvForward { x, bias, epilogue, y: &mut found });
        assert_eq!(found, expected, "{convolution:?}");
    }

    #[test]
    fn weights_are_prepared_once_and_anew_when_owner_geometry_or_engine_change() {
        let cache = WeightCache::default();
        let kept = || cache.lock().as_ref().map(|entry| Arc::as_ptr(&entry.groups));
        let engine = Engine::detect();
        let planned = |batch, size| Convolution::plan(&engine, &geometry(batch, size));
        let weight: Arc<Vec<f32>> = Arc::new((0..16 * 16 * 9).map(|i| ((i * 5) % 11) as f32 - 5.0).collect());
        check(&cache, &planned(2, 12), &weight);
        let first = kept();
        check(&cache, &planned(5, 12), &weight);
        assert!(first.is_some() && kept() == first, "another batch needs no other weights");
        let mut changed = weight.to_vec();
        changed[7] += 1.0;
        check(&cache, &planned(2, 12), &Arc::new(changed));
        let second = kept();
        assert_ne!(second, first, "other weights");
        check(&cache, &planned(2, 6), &weight);
        let third = kept();
        let exact = Engine::new(engine.isa(), Accuracy::Exact);
        check(&cache, &Convolution::plan(&exact, &geometry(2, 6)), &weight);
        assert!(third != second && kept() != third, "another geometry, another class");
        assert!(cache.clone().lock().is_none(), "a clone starts empty");
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
                    let planned = Convolution::plan(&Engine::new(isa, accuracy), &geometry);
                    for algorithm in planned.candidates() {
                        let (convolution, cache) =
                            (planned.clone().preferring(algorithm), WeightCache::default());
                        check(&cache, &convolution, &weight);
                        check(&cache, &convolution, &weight);
                    }
                }
            }
        }
    }
}
