//! Axes: the mapping of values to positions, with ticks at round numbers.

/// A linear or logarithmic axis.
#[derive(Clone, Debug)]
pub struct Scale {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
    ticks: Vec<f64>,
}

impl Scale {
    /// Returns a linear axis that covers `values` with a small margin; `start` and `end` are positions.
    pub fn linear(values: impl IntoIterator<Item = f64>, (start, end): (f64, f64), ticks: usize) -> Self {
        let (low, high) = extent(values);
        let air = 0.04 * (high - low);
        Self::fixed((low - air, high + air), (start, end), ticks)
    }

    /// A linear axis over exactly these bounds.
    pub fn fixed((low, high): (f64, f64), (start, end): (f64, f64), ticks: usize) -> Self {
        let ticks = round_ticks(low, high, ticks);
        Self { low, high, start, end, logarithmic: false, ticks }
    }

    /// An axis for positive magnitudes: logarithmic when they span more than a factor of 8, else linear.
    pub fn magnitudes(values: &[f64], places: (f64, f64), ticks: usize) -> Self {
        let (low, high) = extent(values.iter().copied());
        if low <= 0.0 || high / low <= 8.0 {
            return Self::linear(values.iter().copied(), places, ticks);
        }
        let factor = (high / low).powf(0.06);
        let (low, high) = (low / factor, high * factor);
        let candidates = (-3..15).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let mut marks: Vec<f64> = candidates.filter(|mark| (low..=high).contains(mark)).collect();
        if marks.len() > ticks + 1 {
            marks.retain(|mark| (mark.log10() - mark.log10().round()).abs() < 1e-9);
        }
        Self { low, high, start: places.0, end: places.1, logarithmic: true, ticks: marks }
    }

    /// A logarithmic axis for positive numbers, with these as its ticks and a small margin at both ends.
    pub fn logarithmic(numbers: &[f64], (start, end): (f64, f64)) -> Self {
        let (low, high) = extent(numbers.iter().copied());
        let factor = (high / low).powf(0.08);
        Self {
            low: low / factor,
            high: high * factor,
            start,
            end,
            logarithmic: true,
            ticks: numbers.to_vec(),
        }
    }

    /// Smallest and largest value of the axis.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Returns the positions of the axis' beginning and end.
    pub fn places(&self) -> (f64, f64) {
        (self.start, self.end)
    }

    /// Returns the position of a value.
    pub fn place(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        // Two decimals are a fiftieth of a pixel, and keep the file small.
        ((self.start + share * (self.end - self.start)) * 100.0).round() / 100.0
    }

    /// Round values inside the axis, ascending.
    pub fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// Returns the number of digits after the point with which all ticks differ.
    fn tick_digits(&self) -> usize {
        let step = self.ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        if !step.is_finite() {
            return 2;
        }
        (0..6)
            .find(|digits| {
                (step * 10_f64.powi(*digits)).fract().min(1.0 - (step * 10_f64.powi(*digits)).fract()) < 1e-6
            })
            .unwrap_or(6) as usize
    }

    /// A tick's text.
    pub fn tick_label(&self, tick: f64) -> String {
        let shown = format!("{tick:.*}", self.tick_digits());
        if shown.chars().all(|character| "-0.".contains(character)) {
            return "0".to_owned();
        }
        shown.replacen('-', "−", 1)
    }
}

/// Smallest and largest finite value, widened when they are equal; 0 to 1 without any.
fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (0.0, 1.0);
    }
    if high - low <= 1e-12 * high.abs().max(1e-9) {
        let air = 0.1 * high.abs().max(1e-6);
        return (low - air, high + air);
    }
    (low, high)
}

/// Multiples of 1, 2 or 5 times a power of ten, at most about `wanted` of them.
fn round_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let rough = (high - low) / wanted.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::linear([11.3, 14.9], (0.0, 100.0), 5);
        assert_eq!(scale.ticks(), [12.0, 13.0, 14.0, 15.0]);
        assert_eq!(scale.tick_label(12.0), "12");
        let fine = Scale::linear([0.0, 0.02], (0.0, 100.0), 5);
        assert_eq!(
            fine.ticks().iter().map(|tick| fine.tick_label(*tick)).collect::<Vec<_>>(),
            ["0", "0.005", "0.010", "0.015", "0.020"]
        );
    }

    #[test]
    fn low_and_high_go_to_start_and_end() {
        let scale = Scale::fixed((2.0, 4.0), (100.0, 0.0), 4);
        assert_eq!((scale.place(2.0), scale.place(4.0), scale.place(3.0)), (100.0, 0.0, 50.0));
    }

    #[test]
    fn equal_missing_and_infinite_values_still_give_an_axis() {
        for values in [vec![], vec![3.0, 3.0], vec![0.0], vec![1.0, f64::INFINITY, f64::NAN]] {
            let scale = Scale::linear(values.clone(), (0.0, 10.0), 4);
            assert!(scale.place(1.0).is_finite() && !scale.ticks().is_empty(), "{values:?}");
        }
    }

    #[test]
    fn wide_magnitudes_are_logarithmic() {
        let scale = Scale::magnitudes(&[1e3, 1e6], (0.0, 1.0), 4);
        assert!((scale.place(31_622.776_6) - 0.5).abs() < 0.01);
        assert_eq!(scale.ticks(), [1e3, 1e4, 1e5, 1e6]);
    }
}
