//! The place of a step in a run, computed from the number of steps made.

/// The part of a run that is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// As a fraction of the whole run, in [0, 1).
    pub fraction: f64,
    /// In passes over the training split.
    pub epochs: f64,
}

/// The plan of a run's steps: epochs of `images`, cut into batches, the last one of an epoch and of the run taking what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepPlan {
    images: u64,
    batch: u64,
    presentations: u64,
}

/// One step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Pass over the training split, from 0.
    pub epoch: u64,
    /// Batch inside the epoch, from 0.
    pub batch: u64,
    /// Images of this step; fewer than the loader's batch in the run's very last step.
    pub images: u64,
    /// Images shown before this step.
    pub shown_before: u64,
    /// Whether an epoch, or the run, ends with this step.
    pub ends_epoch: bool,
}

impl StepPlan {
    /// Plans `presentations` images over a split of `images`, `batch` a step; all at least 1.
    pub fn new(images: u64, batch: u64, presentations: u64) -> StepPlan {
        assert!(
            images > 0 && batch > 0 && presentations > 0,
            "{images} images, batch {batch}, {presentations} shown"
        );
        StepPlan { images, batch, presentations }
    }

    /// Returns the number of images of a whole step.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// Returns the number of steps in a whole epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.images.div_ceil(self.batch)
    }

    /// Returns the number of steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        let epochs = self.presentations / self.images;
        epochs * self.steps_per_epoch() + (self.presentations % self.images).div_ceil(self.batch)
    }

    /// Returns the number of passes over the training split that the whole run makes.
    pub fn epochs(&self) -> f64 {
        self.presentations as f64 / self.images as f64
    }

    /// Returns the number of images shown by the whole run.
    pub fn presentations(&self) -> u64 {
        self.presentations
    }

    /// Returns the number of images shown by the first `steps` steps, at most all of them.
    pub fn shown_before(&self, steps: u64) -> u64 {
        if steps >= self.total_steps() { self.presentations } else { self.position(steps).shown_before }
    }

    /// Returns the step made after `step` others.
    pub fn position(&self, step: u64) -> Position {
        let epoch = step / self.steps_per_epoch();
        let batch = step % self.steps_per_epoch();
        let shown_before = epoch * self.images + batch * self.batch;
        let left_in_epoch = self.images - batch * self.batch;
        let images = self.batch.min(left_in_epoch).min(self.presentations - shown_before);
        let ends_epoch = images == left_in_epoch || shown_before + images == self.presentations;
        Position { epoch, batch, images, shown_before, ends_epoch }
    }

    /// Returns the progress before `step`.
    pub fn progress(&self, step: u64) -> Progress {
        let shown = self.position(step).shown_before as f64;
        Progress { fraction: shown / self.presentations as f64, epochs: shown / self.images as f64 }
    }

    /// Returns the first step for which `holds`, which must hold for every later one too; the number of steps if it holds for none.
    pub fn first_step(&self, holds: impl Fn(Progress) -> bool) -> u64 {
        let (mut from, mut to) = (0, self.total_steps());
        while from < to {
            let middle = from + (to - from) / 2;
            if holds(self.progress(middle)) {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        from
    }

    /// Returns the number of steps that a longer run makes exactly as this one: all, but for a last step that ends the run inside an epoch.
    pub fn steps_of_any_longer_run(&self) -> u64 {
        self.total_steps() - u64::from(!self.presentations.is_multiple_of(self.images))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_show_exactly_the_requested_images() {
        for (images, batch, presentations) in
            [(10, 4, 25), (10, 10, 10), (10, 3, 1), (7, 16, 20), (1, 1, 3), (12, 4, 24)]
        {
            let plan = StepPlan::new(images, batch, presentations);
            let positions: Vec<Position> = (0..plan.total_steps()).map(|step| plan.position(step)).collect();
            assert_eq!(positions.iter().map(|p| p.images).sum::<u64>(), presentations);
            assert!(positions.iter().all(|p| p.images >= 1));
            assert_eq!((plan.shown_before(0), plan.shown_before(plan.total_steps())), (0, presentations));
            let mut shown = 0;
            for position in &positions {
                assert_eq!(position.shown_before, shown);
                shown += position.images;
            }
            assert!(positions.last().unwrap().ends_epoch);
            let ends = positions.iter().filter(|p| p.ends_epoch).count() as u64;
            assert_eq!(ends, presentations.div_ceil(images));
        }
    }

    #[test]
    fn a_partial_epoch_follows_a_worked_example() {
        // Two epochs of 10 images in batches 4, 4, 2, then 5 more as 4 and 1.
        let plan = StepPlan::new(10, 4, 25);
        assert_eq!(plan.total_steps(), 8);
        let images: Vec<u64> = (0..8).map(|step| plan.position(step).images).collect();
        assert_eq!(images, [4, 4, 2, 4, 4, 2, 4, 1]);
        assert_eq!(plan.progress(3), Progress { fraction: 0.4, epochs: 1.0 });
        assert_eq!(
            (0..=8)
                .map(|limit| plan.first_step(|at| at.fraction >= f64::from(limit) / 8.0))
                .collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6, 7, 8]
        );
        assert_eq!(plan.steps_of_any_longer_run(), 7);
        assert_eq!(StepPlan::new(10, 4, 20).steps_of_any_longer_run(), 6);
    }
}
