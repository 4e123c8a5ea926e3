//! Figures of result against cost: the primary metric against operations, parameters, activations and memory, with the Pareto front.

use allconv_document::Figure;
use allconv_document::figure::{Labels, Scale, horizontal_axis, line, series_classes, text, vertical_axis};
use allconv_document::number::magnitude;
use maud::{Markup, html};

use super::sentence::{self, metric_name};
use crate::file::Better;
use crate::results::{ArmResult, StudyResults};

const WIDTH: f64 = 464.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 206.0;

/// Arms up to which each has a colour of its own; of more only the front has.
const COLOURED: usize = 7;

const MIB: f64 = 1024.0 * 1024.0;

/// A cost: file name, axis title, and how to read it off an arm.
type CostAxis = (&'static str, &'static str, fn(&ArmResult) -> Option<f64>);

const AXES: [CostAxis; 4] = [
    ("cost-macs", "Multiply-accumulates per image", |arm| Some(arm.cost.as_ref()?.macs as f64)),
    ("cost-parameters", "Parameters", |arm| Some(arm.cost.as_ref()?.parameters as f64)),
    ("cost-activations", "Activations per image (MiB)", |arm| {
        Some(arm.cost.as_ref()?.activation_bytes as f64 / MIB)
    }),
    ("cost-memory", "Peak memory in training (MiB, measured)", |arm| Some(arm.peak_memory_bytes? / MIB)),
];

/// One arm in a figure.
struct Place {
    arm: usize,
    cost: f64,
    value: f64,
}

/// One figure per cost on which the arms differ by more than 1 %; a column of dots would show nothing.
pub(crate) fn figures(results: &StudyResults) -> Vec<Figure> {
    AXES.iter().filter_map(|axis| figure(results, axis)).collect()
}

fn figure(results: &StudyResults, (name, title, read): &CostAxis) -> Option<Figure> {
    let study = &results.study;
    let factor = results.unit.factor();
    let places: Vec<Place> = results
        .arms
        .iter()
        .enumerate()
        .filter_map(|(arm, result)| {
            Some(Place { arm, cost: read(result)?, value: result.summary?.mean * factor })
        })
        .collect();
    let costs: Vec<f64> = places.iter().map(|place| place.cost).collect();
    let (least, most) =
        costs.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), cost| (low.min(*cost), high.max(*cost)));
    if places.len() < 2 || least <= 0.0 || most < 1.01 * least {
        return None;
    }
    let x = Scale::magnitudes(&costs, (LEFT, WIDTH - RIGHT), 5);
    let ends = results.arms.iter().flat_map(|arm| {
        let interval = arm.interval.map(|interval| [interval.low * factor, interval.high * factor]);
        let mean = arm.summary.map(|summary| summary.mean * factor);
        interval.into_iter().flatten().chain(mean)
    });
    let y = Scale::linear(ends, (BOTTOM, TOP), 5);
    let front = front(&places, study.primary.better);
    let at = |place: &Place| (x.place(place.cost), y.place(place.value));
    let mut labels = Labels::new([LEFT, TOP - 12.0, WIDTH, BOTTOM]);
    places.iter().for_each(|place| labels.take(at(place)));
    let names: Vec<Markup> = front
        .iter()
        .map(|&place| labels.write(at(&places[place]), &results.arms[places[place].arm].name))
        .collect();
    let drawing = html! {
        (text(0.0, 14.0, "title", &sentence::title(&metric_name(study), results.unit, None)))
        (vertical_axis(&y, (LEFT, WIDTH - RIGHT), |tick| y.tick_label(tick)))
        (horizontal_axis(&x, (BOTTOM, BOTTOM), magnitude))
        (text((LEFT + WIDTH - RIGHT) / 2.0, BOTTOM + 36.0, "tick middle", title))
        @for pair in front.windows(2) {
            @let (from, to) = (&places[pair[0]], &places[pair[1]]);
            (line((x.place(from.cost), y.place(from.value)), (x.place(to.cost), y.place(to.value)), "front"))
        }
        // The front is drawn over the others.
        @for is_front in [false, true] {
            @for (_, place) in places.iter().enumerate().filter(|(index, _)| front.contains(index) == is_front) {
                (mark(results, place, (&x, &y), places.len() > COLOURED && !is_front))
            }
        }
        @for name in &names { (name) }
    };
    let description = format!(
        "{} of each arm against {}, with the Pareto front.",
        metric_name(study),
        title.to_lowercase()
    );
    Some(Figure { name: (*name).to_string(), description, width: WIDTH, height: HEIGHT, drawing })
}

fn mark(results: &StudyResults, place: &Place, (x, y): (&Scale, &Scale), is_grey: bool) -> Markup {
    let (arm, unit) = (&results.arms[place.arm], results.unit);
    let factor = unit.factor();
    let at = x.place(place.cost);
    let classes = if is_grey { format!("a{} c6", place.arm) } else { series_classes(place.arm) };
    let value = format!("{} {}", unit.value(place.value / factor), unit.symbol());
    html! {
        g class=(classes) {
            @if let Some(interval) = arm.interval {
                (line((at, y.place(interval.low * factor)), (at, y.place(interval.high * factor)), "interval"))
            }
            circle cx=(at) cy=(y.place(place.value)) r="5" class="mean" {
                title { (arm.name) ": " (value.trim_end()) " at " (magnitude(place.cost)) }
            }
        }
    }
}

/// Returns the Pareto front: the arms for which no other arm of at most their cost is better, from the cheapest on.
fn front(places: &[Place], better: Better) -> Vec<usize> {
    let key = |place: &Place| match better {
        Better::Lower => place.value,
        Better::Higher => -place.value,
    };
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| {
        places[a].cost.total_cmp(&places[b].cost).then(key(&places[a]).total_cmp(&key(&places[b])))
    });
    let mut best = f64::INFINITY;
    order.retain(|&index| {
        let improves = key(&places[index]) < best;
        best = best.min(key(&places[index]));
        improves
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_holds_what_nothing_cheaper_surpasses() {
        let place = |cost, value| Place { arm: 0, cost, value };
        let places = [place(3.0, 1.0), place(1.0, 5.0), place(2.0, 6.0), place(1.0, 4.0), place(4.0, 1.0)];
        assert_eq!(front(&places, Better::Lower), [3, 0]);
        assert_eq!(front(&places, Better::Higher), [1, 2]);
    }
}
