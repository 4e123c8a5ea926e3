//! The elements of all pooling windows side by side, for operators that are compositions over their windows.

use burn::tensor::{Bool, Int, Tensor, TensorData};

use super::window::PoolWindow;

/// The windows of a map, element by element.
#[derive(Clone, Debug)]
pub struct StackedWindows {
    /// `[k², n, c, rows, columns]`: the element at each place of each window, places in row-major order. A place beyond the
    /// map repeats an element of the same window.
    pub elements: Tensor<5>,
    /// `[k², 1, 1, rows, columns]`: 1 for a place on the map and 0 for one beyond it; `None` where all are on the map.
    pub inside: Option<Tensor<5>>,
}

/// Returns the windows of `x` `[n, c, h, w]`.
pub fn stacked_windows(x: Tensor<4>, window: PoolWindow) -> StackedWindows {
    let [_, _, height, width] = x.dims();
    let columns: Vec<_> = (0..window.kernel).map(|place| nearest_positions(&window, place, width)).collect();
    let mut elements = Vec::with_capacity(window.kernel * window.kernel);
    for row_place in 0..window.kernel {
        let rows = picked(x.clone(), 2, &nearest_positions(&window, row_place, height));
        elements.extend(columns.iter().map(|columns| picked(rows.clone(), 3, columns)));
    }
    let inside = inside(&x, window);
    StackedWindows { elements: Tensor::stack(elements, 0), inside }
}

impl StackedWindows {
    /// Returns `values` `[k², n, c, rows, columns]` with 0 at the places beyond the map.
    pub fn zero_beyond(&self, values: Tensor<5>) -> Tensor<5> {
        match &self.inside {
            None => values,
            Some(inside) => values * inside.clone(),
        }
    }

    /// Returns for each place of each window whether it lies beyond the map, in the shape of the elements.
    pub fn beyond(&self) -> Option<Tensor<5, Bool>> {
        let inside = self.inside.as_ref()?;
        Some(inside.clone().equal_elem(0.0).expand(self.elements.dims()))
    }

    /// Returns the sum over each window of `values` that are 0 beyond the map.
    pub fn sum(values: Tensor<5>) -> Tensor<4> {
        values.sum_dim(0).squeeze_dim(0)
    }
}

/// Returns the numbers of positions on the map, `[1, 1, rows, columns]`, for windows of a map like `x`.
pub fn position_counts(x: &Tensor<4>, window: PoolWindow) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let (rows, columns) = (window.counts(height), window.counts(width));
    let counts: Vec<f64> =
        rows.iter().flat_map(|row| columns.iter().map(move |column| (row * column) as f64)).collect();
    let data = TensorData::new(counts, [1, 1, rows.len(), columns.len()]);
    Tensor::from_data(data, (&x.device(), x.dtype()))
}

/// Returns rows (axis 2) or columns (axis 3) of `x` in this order, with repetition.
pub fn picked(x: Tensor<4>, axis: usize, positions: &[usize]) -> Tensor<4> {
    if positions.len() == x.dims()[axis]
        && positions.iter().enumerate().all(|(place, position)| place == *position)
    {
        return x;
    }
    let indices: Vec<i64> = positions.iter().map(|position| *position as i64).collect();
    let indices: Tensor<1, Int> = Tensor::from_data(TensorData::new(indices, [positions.len()]), &x.device());
    x.select(axis, indices)
}

/// Returns, for one place of every window along an axis, the position there, or the nearest one on the map, which is in the window too.
fn nearest_positions(window: &PoolWindow, place: usize, size: usize) -> Vec<usize> {
    let places = window.places(size);
    let position = |(index, places): (usize, &Vec<usize>)| {
        let nearest = match (places.first(), places.last()) {
            (Some(first), Some(last)) => place.clamp(*first, *last),
            _ => panic!("{window:?} holds no position of an axis of {size}"),
        };
        index * window.stride + nearest * window.dilation - window.before()
    };
    places.iter().enumerate().map(position).collect()
}

fn inside(x: &Tensor<4>, window: PoolWindow) -> Option<Tensor<5>> {
    let [_, _, height, width] = x.dims();
    let (rows, columns) = (window.places(height), window.places(width));
    let kernel = window.kernel;
    if rows.iter().chain(&columns).all(|places| places.len() == kernel) {
        return None;
    }
    let mut values = Vec::with_capacity(kernel * kernel * rows.len() * columns.len());
    for place in 0..kernel * kernel {
        for row in &rows {
            let row_inside = row.contains(&(place / kernel));
            values.extend(
                columns.iter().map(
                    |column| {
                        if row_inside && column.contains(&(place % kernel)) { 1.0 } else { 0.0 }
                    },
                ),
            );
        }
    }
    let data = TensorData::new(values, [kernel * kernel, 1, 1, rows.len(), columns.len()]);
    Some(Tensor::from_data(data, (&x.device(), x.dtype())))
}
