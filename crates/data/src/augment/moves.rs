//! The mirroring, shift and cut of one image after preprocessing.

use crate::image_shape::ImageShape;

/// The changes of one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// Mirror left and right, before the shift.
    pub flip: bool,
    /// Rows the image moves down.
    pub down: i32,
    /// Columns the image moves to the right.
    pub right: i32,
    /// The square that becomes 0 after that.
    pub cut: Option<Cut>,
}

/// A square of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Its first row; it may lie above the image.
    pub top: i64,
    /// Its first column; it may lie left of the image.
    pub left: i64,
    /// Its height and width in pixels.
    pub size: u32,
}

impl Move {
    /// Moves the image `[height, width, channels]` from `source` into `target`; uncovered and cut-out pixels become 0.
    pub fn apply(self, shape: ImageShape, source: &[f32], target: &mut [f32]) {
        self.shift(shape, source, target);
        if let Some(cut) = self.cut {
            cut.apply(shape, target);
        }
    }

    fn shift(self, shape: ImageShape, source: &[f32], target: &mut [f32]) {
        let ImageShape { height, width, channels } = shape;
        assert_eq!(source.len(), shape.len(), "source must hold one image");
        assert_eq!(target.len(), shape.len(), "target must hold one image");
        for (row, line) in target.chunks_exact_mut(width * channels).enumerate() {
            let row_from = row as i64 - i64::from(self.down);
            if !(0..height as i64).contains(&row_from) {
                line.fill(0.0);
                continue;
            }
            let source_line = &source[row_from as usize * width * channels..][..width * channels];
            for (column, pixel) in line.chunks_exact_mut(channels).enumerate() {
                let shifted = column as i64 - i64::from(self.right);
                if !(0..width as i64).contains(&shifted) {
                    pixel.fill(0.0);
                    continue;
                }
                let column_from = if self.flip { width - 1 - shifted as usize } else { shifted as usize };
                pixel.copy_from_slice(&source_line[column_from * channels..][..channels]);
            }
        }
    }
}

impl Cut {
    /// Sets the pixels of the square that lie inside the image to 0.
    fn apply(self, shape: ImageShape, image: &mut [f32]) {
        let inside = |first: i64, size: usize| {
            let end = first + i64::from(self.size);
            first.clamp(0, size as i64) as usize..end.clamp(0, size as i64) as usize
        };
        let columns = inside(self.left, shape.width);
        for row in inside(self.top, shape.height) {
            let start = (row * shape.width + columns.start) * shape.channels;
            image[start..start + columns.len() * shape.channels].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 2, width: 3, channels: 1 };
    const IMAGE: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    fn moved(flip: bool, down: i32, right: i32) -> [f32; 6] {
        let mut target = [f32::NAN; 6];
        Move { flip, down, right, cut: None }.apply(SHAPE, &IMAGE, &mut target);
        target
    }

    #[test]
    fn a_square_is_cut_out_after_the_move_as_far_as_it_lies_inside() {
        let cut = |top, left, size| {
            let mut target = [f32::NAN; 6];
            let cut = Some(Cut { top, left, size });
            Move { flip: true, cut, ..Move::default() }.apply(SHAPE, &IMAGE, &mut target);
            target
        };
        assert_eq!(cut(0, 1, 1), [3.0, 0.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(cut(-1, -1, 2), [0.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(cut(1, 2, 9), [3.0, 2.0, 1.0, 6.0, 5.0, 0.0]);
        assert_eq!(cut(-5, 0, 3), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    }

    #[test]
    fn moves_follow_a_worked_example() {
        assert_eq!(moved(false, 0, 0), IMAGE);
        assert_eq!(moved(true, 0, 0), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(moved(false, 1, 0), [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved(false, 0, -1), [2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
        assert_eq!(moved(true, 0, 1), [0.0, 3.0, 2.0, 0.0, 6.0, 5.0]);
        assert_eq!(moved(false, 9, -9), [0.0; 6]);
    }
}
