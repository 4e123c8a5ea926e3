//! An image of numbers on which corruptions are computed: blurs, displacements, smooth noise.

use allconv_data::ImageShape;
use allconv_random::Stream;
use allconv_random::elementary::{hypot, sin_cos};

/// An image with values in [0, 1].
pub(super) struct Canvas {
    pub(super) values: Vec<f64>,
    pub(super) shape: ImageShape,
}

impl Canvas {
    pub(super) fn each(&self, mut change: impl FnMut(f64) -> f64) -> Canvas {
        Canvas { values: self.values.iter().map(|value| change(*value)).collect(), shape: self.shape }
    }

    /// Changes each value, given value, position and channel.
    pub(super) fn each_at(&self, change: impl Fn(f64, usize, usize) -> f64) -> Canvas {
        let channels = self.shape.channels;
        let values = self.values.iter().enumerate();
        let values =
            values.map(|(index, value)| change(*value, index / channels, index % channels)).collect();
        Canvas { values, shape: self.shape }
    }

    /// Returns the interpolated value at a place between pixels; beyond the edge that of the edge.
    pub(super) fn at(&self, row: f64, column: f64, channel: usize) -> f64 {
        let ImageShape { height, width, channels } = self.shape;
        let (row, column) = (row.clamp(0.0, height as f64 - 1.0), column.clamp(0.0, width as f64 - 1.0));
        let (top, left) = (row.floor(), column.floor());
        let value = |row: f64, column: f64| {
            let (row, column) = ((row as usize).min(height - 1), (column as usize).min(width - 1));
            self.values[(row * width + column) * channels + channel]
        };
        let (down, across) = (row - top, column - left);
        let upper = value(top, left) * (1.0 - across) + value(top, left + 1.0) * across;
        let lower = value(top + 1.0, left) * (1.0 - across) + value(top + 1.0, left + 1.0) * across;
        upper * (1.0 - down) + lower * down
    }

    /// Returns the image with each pixel taken from a place `(down, across)` away.
    pub(super) fn displaced(&self, by: impl Fn(usize) -> (f64, f64)) -> Canvas {
        let width = self.shape.width;
        self.each_at(|_, position, channel| {
            let (down, across) = by(position);
            self.at((position / width) as f64 + down, (position % width) as f64 + across, channel)
        })
    }

    /// Returns the weighted mean over places `(down, across, weight)` around each pixel.
    pub(super) fn mean_over(&self, taps: &[(f64, f64, f64)]) -> Canvas {
        let total: f64 = taps.iter().map(|(_, _, weight)| weight).sum();
        let width = self.shape.width;
        self.each_at(|_, position, channel| {
            let (row, column) = ((position / width) as f64, (position % width) as f64);
            let tap = |(down, across, weight): &(f64, f64, f64)| {
                weight * self.at(row + down, column + across, channel)
            };
            taps.iter().map(tap).sum::<f64>() / total
        })
    }

    pub(super) fn enlarged(&self, factor: f64) -> Canvas {
        let ImageShape { height, width, .. } = self.shape;
        let (middle_row, middle_column) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
        self.displaced(|position| {
            let (row, column) =
                ((position / width) as f64 - middle_row, (position % width) as f64 - middle_column);
            (row / factor - row, column / factor - column)
        })
    }

    pub(super) fn mean_of(&self, others: &[Canvas]) -> Canvas {
        let mean =
            |index: usize| others.iter().map(|other| other.values[index]).sum::<f64>() / others.len() as f64;
        Canvas { values: (0..self.values.len()).map(mean).collect(), shape: self.shape }
    }

    pub(super) fn shuffled(&self, reach: i64, chance: f64, passes: usize, random: &mut Stream) -> Canvas {
        let ImageShape { height, width, channels } = self.shape;
        let mut values = self.values.clone();
        for _ in 0..passes {
            for row in 0..height {
                for column in 0..width {
                    if f64::from(random.unit()) >= chance {
                        continue;
                    }
                    let mut away =
                        || ((2 * reach + 1) as f64 * f64::from(random.unit())).floor() as i64 - reach;
                    let (down, across) = (away(), away());
                    let other = |position: usize, away: i64, size: usize| {
                        (position as i64 + away).clamp(0, size as i64 - 1) as usize
                    };
                    let (there_row, there_column) = (other(row, down, height), other(column, across, width));
                    for channel in 0..channels {
                        let here = (row * width + column) * channels + channel;
                        values.swap(here, (there_row * width + there_column) * channels + channel);
                    }
                }
            }
        }
        Canvas { values, shape: self.shape }
    }

    /// Adds flakes, smeared along a line, to a brightened image.
    pub(super) fn snowed(&self, density: f64, scale: f64, random: &mut Stream) -> Canvas {
        let ImageShape { height, width, .. } = self.shape;
        let mut unit = || f64::from(random.unit());
        let flakes: Vec<f64> =
            (0..height * width).map(|_| if unit() < density { 0.7 + 0.3 * unit() } else { 0.0 }).collect();
        let flakes = Canvas { values: flakes, shape: ImageShape { channels: 1, ..self.shape } };
        let angle = std::f64::consts::PI * (0.25 + 0.5 * unit());
        let (sine, cosine) = sin_cos(angle);
        let taps: Vec<(f64, f64, f64)> = (0..5)
            .map(|step| f64::from(step) / 4.0 * 2.0 * scale)
            .map(|along| (along * sine, along * cosine, 1.0))
            .collect();
        let streaks = flakes.mean_over(&taps);
        self.each_at(|value, position, _| {
            let paler = value + density * (1.0 - value);
            paler + 2.0 * streaks.values[position] * (1.0 - paler)
        })
    }

    /// Returns the image reduced to `factor` of its height and width by area means, and enlarged by nearest neighbour.
    pub(super) fn pixelated(&self, factor: f64) -> Canvas {
        let ImageShape { height, width, channels } = self.shape;
        let small = |size: usize| ((size as f64 * factor).round() as usize).max(1);
        let (rows, columns) = (small(height), small(width));
        // The fraction of each pixel of the image that a pixel of the reduced one covers, along one axis.
        let fractions = |positions: usize, size: usize| -> Vec<Vec<(usize, f64)>> {
            let extent = size as f64 / positions as f64;
            let of_position = |position: usize| {
                let (first, last) = (position as f64 * extent, (position + 1) as f64 * extent);
                let covered = |from: usize| (last.min(from as f64 + 1.0) - first.max(from as f64)).max(0.0);
                (0..size)
                    .map(|from| (from, covered(from) / extent))
                    .filter(|(_, fraction)| *fraction > 0.0)
                    .collect()
            };
            (0..positions).map(of_position).collect()
        };
        let (down, across) = (fractions(rows, height), fractions(columns, width));
        let mut reduced = vec![0.0; rows * columns * channels];
        for (index, value) in reduced.iter_mut().enumerate() {
            let (row, column, channel) =
                (index / channels / columns, index / channels % columns, index % channels);
            for (y, high) in &down[row] {
                for (x, wide) in &across[column] {
                    *value += high * wide * self.values[(y * width + x) * channels + channel];
                }
            }
        }
        self.each_at(|_, position, channel| {
            let (row, column) = (position / width * rows / height, position % width * columns / width);
            reduced[(row * columns + column) * channels + channel]
        })
    }
}

/// Returns places inside a circle, eight per pixel and axis.
pub(super) fn disc(radius: f64) -> Vec<(f64, f64, f64)> {
    let steps = 6;
    (-steps..=steps)
        .flat_map(|down| (-steps..=steps).map(move |across| (f64::from(down), f64::from(across))))
        .filter(|(down, across)| hypot(*down, *across) <= f64::from(steps))
        .map(|(down, across)| (down / f64::from(steps) * radius, across / f64::from(steps) * radius, 1.0))
        .collect()
}

/// Returns noise in [0, 1] that changes over these lengths, the first three times as strong as the last; one value per pixel.
pub(super) fn smooth_noise(shape: ImageShape, lengths: [f64; 3], random: &mut Stream) -> Vec<f64> {
    let ImageShape { height, width, .. } = shape;
    let mut sum = vec![0.0; height * width];
    for (length, weight) in lengths.into_iter().zip([0.55, 0.3, 0.15]) {
        let length = length.max(1.0);
        let (rows, columns) = ((height as f64 / length) as usize + 2, (width as f64 / length) as usize + 2);
        let values = (0..rows * columns).map(|_| f64::from(random.unit())).collect();
        let coarse = Canvas { values, shape: ImageShape { height: rows, width: columns, channels: 1 } };
        for (position, sum) in sum.iter_mut().enumerate() {
            *sum +=
                weight * coarse.at((position / width) as f64 / length, (position % width) as f64 / length, 0);
        }
    }
    sum
}
