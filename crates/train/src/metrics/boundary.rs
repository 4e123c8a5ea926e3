//! Boundary F1: the agreement of the outlines of predicted and true regions.

/// Distance within which an outline counts as found, as a fraction of the picture's diagonal.
pub const BOUNDARY_TOLERANCE: f64 = 0.0075;

/// Returns the mean boundary F1 of the classes that have an outline in the truth, in [0, 1].
///
/// A truth without any outline (one class everywhere) has the value 1 where the prediction has none either, and 0 otherwise. So every
/// picture has a value, and over which classes it is a mean depends on the truth alone, never on the prediction.
///
/// The outline of a class is its pixels with one of their four neighbours in another class. Precision is the fraction of the predicted
/// outline that lies within d of the true one, recall the fraction of the true outline within d of the predicted, F1 = 2PR/(P + R), 0
/// where the prediction has no outline. Pixels whose true class is no class ([`IGNORED`](allconv_data::IGNORED)) are left out, as pixels and
/// as neighbours. d = 0.0075 times the diagonal, in Euclidean distance between pixel centres.
///
/// Source: Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic segmentation?", BMVC 2013.
///
/// # Panics
/// If a length is not `height · width`.
pub fn boundary_f1(truth: &[u8], predicted: &[u8], [height, width]: [usize; 2], classes: usize) -> f64 {
    assert!(
        truth.len() == height * width && predicted.len() == height * width,
        "class maps of {height}×{width}"
    );
    let reach = BOUNDARY_TOLERANCE * ((height * height + width * width) as f64).sqrt();
    let (mut values, mut predicts_any) = (Vec::new(), false);
    for class in 0..classes {
        let is_counted = |place: usize| usize::from(truth[place]) < classes;
        let [truth, predicted] =
            [truth, predicted].map(|map| outline(map, [height, width], class as u8, is_counted));
        predicts_any |= !predicted.is_empty();
        if truth.is_empty() {
            continue;
        }
        let precision = share_near(&predicted, &truth, [height, width], reach);
        let recall = share_near(&truth, &predicted, [height, width], reach);
        let sum = precision + recall;
        values.push(if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 });
    }
    match values.len() {
        0 if predicts_any => 0.0,
        0 => 1.0,
        classes => values.iter().sum::<f64>() / classes as f64,
    }
}

/// Returns the rows and columns of the counted pixels of `class` that touch a counted one of another class.
fn outline(
    map: &[u8],
    [height, width]: [usize; 2],
    class: u8,
    is_counted: impl Fn(usize) -> bool,
) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    for row in 0..height {
        for column in 0..width {
            let place = row * width + column;
            let differs = |other: usize| map[other] != class && is_counted(other);
            if map[place] == class
                && is_counted(place)
                && ((row > 0 && differs(place - width))
                    || (row + 1 < height && differs(place + width))
                    || (column > 0 && differs(place - 1))
                    || (column + 1 < width && differs(place + 1)))
            {
                places.push((row, column));
            }
        }
    }
    places
}

/// Returns the fraction of `places` with one of `others` within `reach`; 0 without places.
fn share_near(
    places: &[(usize, usize)],
    others: &[(usize, usize)],
    [height, width]: [usize; 2],
    reach: f64,
) -> f64 {
    let mut near = vec![false; height * width];
    let whole = reach as usize;
    for &(row, column) in others {
        for near_row in row.saturating_sub(whole)..=(row + whole).min(height - 1) {
            let down = near_row.abs_diff(row) as f64;
            let across = (reach * reach - down * down).sqrt() as usize;
            let (first, last) = (column.saturating_sub(across), (column + across).min(width - 1));
            near[near_row * width + first..=near_row * width + last].fill(true);
        }
    }
    let found = places.iter().filter(|(row, column)| near[row * width + column]).count();
    found as f64 / places.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a square of class 1 with this top-left corner in a map of 100×100, whose tolerance is 1.06 pixels.
    fn square(corner: usize) -> Vec<u8> {
        let inside = |place: usize| (corner..corner + 30).contains(&place);
        (0..10_000).map(|place| u8::from(inside(place / 100) && inside(place % 100))).collect()
    }

    #[test]
    fn a_shift_within_the_tolerance_scores_1_and_a_larger_one_nearly_0() {
        let score = |corner| boundary_f1(&square(20), &square(corner), [100, 100], 2);
        assert_eq!(score(20), 1.0);
        // Shifted along both axes by one, the outlines lie one pixel apart but for corners, √2 away.
        assert!(score(21) > 0.96, "{}", score(21));
        assert!(score(30) < 0.1, "{}", score(30));
    }

    #[test]
    fn maps_without_outlines_agree_and_an_outline_against_none_does_not() {
        assert_eq!(boundary_f1(&[0; 9], &[1; 9], [3, 3], 2), 1.0);
        assert_eq!(boundary_f1(&[0; 10_000], &square(20), [100, 100], 2), 0.0);
    }

    #[test]
    fn ignored_pixels_have_no_outline_and_give_none_to_their_neighbours() {
        // The right half of the map is ignored, whatever is predicted there; the square lies in the left half.
        let hidden = |map: Vec<u8>, value: u8| -> Vec<u8> {
            map.into_iter()
                .enumerate()
                .map(|(place, class)| if place % 100 >= 55 { value } else { class })
                .collect()
        };
        let truth = hidden(square(20), allconv_data::IGNORED);
        for value in [0, 1] {
            assert_eq!(boundary_f1(&truth, &hidden(square(20), value), [100, 100], 2), 1.0);
        }
    }

    #[test]
    fn a_class_only_in_the_prediction_is_not_part_of_the_mean() {
        // The square is found; a third class is drawn far from every true outline.
        let mut predicted = square(20);
        for row in 70..90 {
            predicted[row * 100 + 70..row * 100 + 90].fill(2);
        }
        let [two, three] = [2, 3].map(|classes| boundary_f1(&square(20), &predicted, [100, 100], classes));
        assert_eq!(two, three);
        // Class 1 is whole; class 0 has a second outline where nothing is.
        assert!(two > 0.7 && two < 1.0, "{two}");
    }
}
