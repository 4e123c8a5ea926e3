//! Simulated studies along the length of training: where an arm crosses the baseline, and the slope of an arm that has none.

use allconv_study::results::{StudyResults, TrendResult};

use crate::comparisons::{ALPHA, SPREAD};
use crate::draw::Normal;
use crate::simulation::{Expected, Simulation};

const SEEDS: usize = 8;
const LENGTHS: [f64; 3] = [2.0, 6.0, 18.0];
/// What the first arm loses at each length in standard deviations of a run at the longest; the second always loses as much as at the end.
const LOSSES: [f64; 3] = [3.0, 1.0, -0.7];
/// Spread of the differences at each length: short runs spread more.
const SPREADS: [f64; 3] = [2.5, 1.7, 1.0];

/// Three lengths, an arm that crosses the baseline between them, and one whose loss does not change.
pub(crate) fn simulations() -> Vec<Simulation> {
    let rule = |rule: usize| format!("a{rule}.net.downsample.invented_{rule} = {{}}\n");
    let length = |length: &f64| format!("e{length}.train.epochs = {length}\n");
    let text = format!(
        "question = \"Simulated?\"\nprimary = {{ metric = \"error\", split = \"test\", better = \"lower\" }}\n\
         compare = {{ baseline = {{ rule = \"a0\" }}, alpha = {ALPHA} }}\nseeds = {{ from = 0, count = {SEEDS} }}\n[base.data]\n\
         dataset = \"invented\"\n[base.net]\nwidth = 0.25\n[base.train]\nbatch = 64\n[factors.rule]\n{}[factors.length]\n{}",
        (0..3).map(rule).collect::<String>(),
        LENGTHS.iter().map(length).collect::<String>()
    );
    let questions = [
        ("the interval of the crossing is closed and holds it", Expected::Exactly(0.95)),
        ("the interval of the slope holds it", Expected::Exactly(0.95)),
        // Its slope is tested last: the other one is shown.
        ("a slope is shown falsely", Expected::AtMost(ALPHA)),
    ];
    vec![Simulation {
        situation: format!(
            "2, 6 and 18 epochs, {SEEDS} seeds: an arm that crosses at {:.1} epochs",
            crossing().exp2()
        ),
        text,
        draw: Box::new(errors),
        questions: questions.map(|(question, expected)| (question.to_owned(), expected)).to_vec(),
        evaluate: Box::new(|_, results| answers(results).unwrap_or_else(|| vec![None; 3])),
    }]
}

/// Test errors by arm, the lengths one after the other, and seed: a seed's differences share a part, as those of one trunk do.
fn errors(normal: &mut Normal) -> Vec<Vec<f64>> {
    let seeds: Vec<Vec<f64>> = (0..SEEDS).map(|_| errors_of_seed(normal)).collect();
    (0..9).map(|arm| seeds.iter().map(|errors| errors[arm]).collect()).collect()
}

fn errors_of_seed(normal: &mut Normal) -> Vec<f64> {
    let shared = [(); 2].map(|()| 0.5_f64.sqrt() * normal.draw());
    let of_length = |(loss, spread): (f64, f64)| {
        let baseline = 0.3 + SPREAD * normal.draw();
        let [first, second] = shared.map(|shared| spread * (shared + 0.5_f64.sqrt() * normal.draw()));
        [baseline, baseline + SPREAD * (loss + first), baseline + SPREAD * (LOSSES[2] + second)]
    };
    LOSSES.into_iter().zip(SPREADS).flat_map(of_length).collect()
}

/// Slope of the true losses over log₂ of the length: the middle length does not enter, because the lengths are equally spaced.
fn slope() -> f64 {
    (LOSSES[2] - LOSSES[0]) / (LENGTHS[2] / LENGTHS[0]).log2()
}

/// Where the line through the true losses crosses zero, as log₂ of the length.
fn crossing() -> f64 {
    LENGTHS[1].log2() - LOSSES.iter().sum::<f64>() / 3.0 / slope()
}

fn answers(results: &StudyResults) -> Option<Vec<Option<f64>>> {
    let row = |name: &str| -> Option<&TrendResult> {
        results.trend.as_ref()?.rows.iter().find(|row| row.name == name)
    };
    let (crosses, constant) = (row("a1")?, row("a2")?);
    let yes = |is_so: bool| Some(f64::from(u8::from(is_so)));
    let ends = crosses.crossing.and_then(|crossing| crossing.interval);
    let slopes = crosses.slope_interval?;
    let slope = SPREAD * slope();
    Some(vec![
        yes(ends.is_some_and(|ends| ends.low <= crossing() && crossing() <= ends.high)),
        yes(slopes.low <= slope && slope <= slopes.high),
        yes(constant.corrected_p? <= ALPHA),
    ])
}
