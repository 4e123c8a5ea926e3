//! Resizing against values that Pillow wrote (`fixtures/resize.py`).

use allconv_data::{Filter, ImageShape, Picture, Window, resize};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    shape: [usize; 3],
    #[serde(rename = "box")]
    part: [usize; 4],
    size: [usize; 2],
    filter: Filter,
    values: Vec<u8>,
}

#[test]
fn every_filter_gives_the_values_of_pillow() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/resize.json")).expect("cases");
    assert_eq!(cases.len(), 30);
    for Case { shape: [height, width, channels], part: [left, top, right, bottom], size, filter, values } in
        cases
    {
        let drawn = |index: u64| ((7919 * index * index + 104_729 * index + 13) % 65_521 % 256) as u8;
        let shape = ImageShape { height, width, channels };
        let picture = Picture::new(shape, (0..shape.len() as u64).map(drawn).collect());
        let part = Window { top, left, height: bottom - top, width: right - left };
        let resized = resize::resize(&picture, part, size, filter);
        assert_eq!(resized.pixels(), values, "{filter:?} {shape:?} {part:?} to {size:?}");
    }
}
