//! Timed steps with their page faults.

use std::time::Instant;

use serde_json::{Value, json};

use crate::process;

/// Steps that are made before timing begins: buffers are allocated and caches filled.
pub(super) const WARM_UP: usize = 2;

/// What one timed step took.
pub(super) struct Step {
    pub(super) seconds: f64,
    pub(super) page_faults: Option<u64>,
}

/// Times `work`, which is given the number of the step.
pub(super) fn time(
    steps: usize,
    mut work: impl FnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Step>> {
    let mut timed = Vec::with_capacity(steps);
    for step in 0..WARM_UP + steps {
        let (began, faults) = (Instant::now(), process::minor_page_faults());
        work(step as u64)?;
        if step >= WARM_UP {
            let page_faults = process::minor_page_faults().zip(faults).map(|(after, before)| after - before);
            timed.push(Step { seconds: began.elapsed().as_secs_f64(), page_faults });
        }
    }
    Ok(timed)
}

/// A number to one decimal place.
pub(super) fn tenth(value: f64) -> Value {
    json!((value * 10.0).round() / 10.0)
}
