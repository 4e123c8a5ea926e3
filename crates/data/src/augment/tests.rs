use super::*;

const SHAPE: ImageShape = ImageShape { height: 2, width: 3, channels: 1 };

#[test]
fn every_centre_of_a_cut_occurs_about_equally_often_and_moves_are_unchanged() {
    let plain = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
    let cutting = Augmentation { cutout: 3, ..plain };
    let shape = ImageShape { height: 4, width: 8, channels: 3 };
    let (mut rows, mut columns) = ([0u32; 4], [0u32; 8]);
    for sample in 0..8_000 {
        let drawn = cutting.draw(3, 1, sample, shape);
        let Cut { top, left, size } = drawn.cut.unwrap();
        assert_eq!(size, 3);
        rows[(top + 1) as usize] += 1;
        columns[(left + 1) as usize] += 1;
        assert_eq!(Move { cut: None, ..drawn }, plain.draw(3, 1, sample, shape));
    }
    // Five standard deviations: 5·sqrt(8000·(1/4)·(3/4)) = 194, 5·sqrt(8000·(1/8)·(7/8)) = 148.
    assert!(rows.iter().all(|&count| count.abs_diff(2000) < 194), "{rows:?}");
    assert!(columns.iter().all(|&count| count.abs_diff(1000) < 148), "{columns:?}");
}

#[test]
fn alternating_flips_show_each_image_once_in_each_orientation_in_two_epochs() {
    let alternating = Augmentation { alternating_flip: true, ..Augmentation::default() };
    let flip = |epoch, sample| alternating.draw(1, epoch, sample, SHAPE).flip;
    for sample in 0..64 {
        assert_ne!(flip(0, sample), flip(1, sample));
        assert_eq!(flip(0, sample), flip(2, sample));
        assert_eq!(flip(1, sample), flip(7, sample));
    }
    let first = (0..1000).filter(|&sample| flip(0, sample)).count();
    // Five standard deviations of 1000 draws: 79.
    assert!(first.abs_diff(500) < 79, "{first}");
}

#[test]
fn a_draw_depends_on_seed_epoch_and_sample_only() {
    let both = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
    assert_eq!(both.draw(1, 2, 3, SHAPE), both.draw(1, 2, 3, SHAPE));
    let moves: Vec<Move> = (0..64).map(|sample| both.draw(1, 2, sample, SHAPE)).collect();
    let later: Vec<Move> = (0..64).map(|sample| both.draw(1, 3, sample, SHAPE)).collect();
    assert_ne!(moves, later);
}

#[test]
fn every_shift_and_both_orientations_occur_about_equally_often() {
    let both = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
    let mut down = [0u32; 11];
    let mut right = [0u32; 11];
    let mut flips = 0u32;
    for sample in 0..11_000 {
        let Move { flip, down: d, right: r, .. } = both.draw(5, 0, sample, SHAPE);
        down[(d + 5) as usize] += 1;
        right[(r + 5) as usize] += 1;
        flips += u32::from(flip);
    }
    // Five standard deviations of a binomial count: 5·sqrt(11000·(1/11)·(10/11)) = 151, 5·sqrt(11000/4) = 262.
    assert!(down.iter().chain(&right).all(|&count| count.abs_diff(1000) < 151), "{down:?} {right:?}");
    assert!(flips.abs_diff(5500) < 262, "{flips}");
}

#[test]
fn switching_flips_off_keeps_the_shifts() {
    let both = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
    let shifts = Augmentation { horizontal_flip: false, ..both };
    for sample in 0..50 {
        let expected = Move { flip: false, ..both.draw(1, 0, sample, SHAPE) };
        assert_eq!(shifts.draw(1, 0, sample, SHAPE), expected);
    }
    assert_eq!(Augmentation::default().draw(1, 0, 0, SHAPE), Move::default());
}

fn photographs() -> Images {
    let shape = ImageShape { height: 24, width: 32, channels: 3 };
    let pixels = (0..4 * shape.len()).map(|place| (place * 37 % 251) as u8).collect();
    Images::Stored(crate::dataset::Split::new(pixels, vec![0, 1, 2, 3], shape))
}

fn of_text(text: &str) -> Augmentation {
    toml::from_str(text).expect(text)
}

const CHANGES: [&str; 7] = [
    "random_resized_crop = {}",
    "padded_crop = { pixels = 4 }",
    "canvas = {}",
    "affine = { rotate = 20, scale = [0.8, 1.25], shear = 10 }",
    "rand_augment = {}",
    "colour_jitter = { brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 }",
    "grey = { probability = 0.5 }",
];

#[test]
fn every_change_of_pixels_is_drawn_by_seed_epoch_and_sample_and_by_no_other_change() {
    let images = photographs();
    for (number, text) in CHANGES.into_iter().enumerate() {
        let one = of_text(text);
        one.check().expect(text);
        let drawn = |seed, epoch| {
            let draw = |sample| Draw { seed, epoch, sample };
            (0..4).map(|sample| one.pixels(&images, draw(sample)).expect("in memory")).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1, 0), drawn(1, 0), "{text}");
        assert!((1..8).any(|epoch| drawn(1, 0) != drawn(1, epoch)), "{text}");
        assert!((2..8).any(|seed| drawn(1, 0) != drawn(seed, 0)), "{text}");
        assert!(drawn(1, 0).iter().all(|picture| picture.shape() == images.shape()), "{text}");
        // Another change that has no effect leaves it as it is.
        let idle = if number == 6 { "colour_jitter = {}" } else { "grey = { probability = 0.0 }" };
        let both = of_text(&format!("{text}\n{idle}"));
        let draw = Draw { seed: 1, epoch: 3, sample: 2 };
        assert_eq!(both.pixels(&images, draw).expect(text), one.pixels(&images, draw).expect(text), "{text}");
    }
}

#[test]
fn settings_are_written_only_where_given_and_read_back() {
    for text in CHANGES.into_iter().chain(["mixup = {}", "cutmix = { alpha = 0.5 }"]) {
        let augmentation = of_text(text);
        let written = toml::to_string(&augmentation).expect("plain numbers");
        assert_eq!(of_text(&written), augmentation, "{written}");
    }
    assert_eq!(
        toml::to_string(&Augmentation::default()).expect("plain"),
        "horizontal_flip = false\ntranslate = 0\n"
    );
}

#[test]
fn settings_out_of_range_are_refused_by_field() {
    for (text, field) in [
        ("random_resized_crop = { area = [0.5, 0.2] }", "augment.random_resized_crop.area = 0.5 is"),
        ("random_resized_crop = { area = [0.5, 1.2] }", "augment.random_resized_crop.area = 1.2 is"),
        ("padded_crop = { pixels = 0 }", "augment.padded_crop.pixels = 0 is"),
        ("canvas = { distortion = 0.6 }", "augment.canvas.distortion = 0.6 is"),
        ("affine = { rotate = 200 }", "augment.affine.rotate = 200 is"),
        ("affine = { scale = [0.0, 1.0] }", "augment.affine.scale = 0 is"),
        ("rand_augment = { operations = 0 }", "augment.rand_augment.operations = 0 is"),
        ("rand_augment = { magnitude = 31 }", "augment.rand_augment.magnitude = 31 is"),
        ("colour_jitter = { hue = 0.6 }", "augment.colour_jitter.hue = 0.6 is"),
        ("grey = { probability = nan }", "augment.grey.probability = NaN is"),
        ("mixup = { alpha = 0.0 }", "augment.mixup.alpha = 0 is"),
        ("cutmix = { alpha = 5.0 }", "augment.cutmix.alpha = 5 is"),
    ] {
        let message = DataError::from(of_text(text).check().expect_err(text)).to_string();
        assert!(message.starts_with(field), "{message}");
    }
}

#[test]
fn half_of_the_images_become_grey_at_one_half() {
    let images = photographs();
    let grey = of_text("grey = { probability = 0.5 }");
    let is_grey = |epoch: &u32| {
        let picture = grey.pixels(&images, Draw { seed: 4, epoch: *epoch, sample: 1 }).expect("in memory");
        picture.pixels().chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
    };
    let count = (0..1000).filter(is_grey).count();
    // Five standard deviations of 1000 draws: 79.
    assert!(count.abs_diff(500) < 79, "{count}");
}

/// A batch of `count` images of 8×8 pixels, whose values are the numbers of the images.
fn numbered(count: u32) -> Batch {
    Batch {
        images: (0..count).flat_map(|sample| vec![sample as f32; 64]).collect(),
        labels: (0..count).collect(),
        mixed: None,
        samples: (0..count).collect(),
        height: 8,
        width: 8,
        channels: 1,
    }
}

#[test]
fn shares_of_mixed_images_are_those_of_their_pixels() {
    for text in ["mixup = { alpha = 1.0 }", "cutmix = {}", "mixup = {}\ncutmix = {}"] {
        let mut batch = numbered(300);
        of_text(text).mix(7, 2, &mut batch);
        let mixed = batch.mixed.as_ref().expect("two labels");
        assert_eq!(mixed.labels[..2], [1, 2], "{text}");
        assert_eq!(mixed.labels[299], 0, "{text}");
        for (image, share) in mixed.shares.iter().enumerate() {
            let [own, other] = [image as f64, f64::from(mixed.labels[image])];
            let mean =
                batch.images[image * 64..][..64].iter().map(|value| f64::from(*value)).sum::<f64>() / 64.0;
            let share = f64::from(*share);
            assert!((mean - (share * own + (1.0 - share) * other)).abs() < 1e-3, "{text}: image {image}");
        }
        let mean = mixed.shares.iter().sum::<f32>() / 300.0;
        // Cut-off rectangles leave more of the image: the mean share of CutMix is above one half.
        assert!((0.4..0.8).contains(&mean), "{text}: {mean}");
    }
}

#[test]
fn a_mixture_depends_on_the_names_of_its_draws_and_one_of_both_is_chosen_for_each_image() {
    let both = of_text("mixup = {}\ncutmix = {}");
    let mixed = |seed, epoch| {
        let mut batch = numbered(400);
        both.mix(seed, epoch, &mut batch);
        batch
    };
    assert_eq!(mixed(1, 2), mixed(1, 2));
    assert_ne!(mixed(1, 2), mixed(1, 3));
    let is_cut = |pixels: &&[f32]| pixels.iter().all(|value| value.fract() == 0.0);
    let cut = mixed(1, 2).images.chunks_exact(64).filter(is_cut).count();
    // Five standard deviations of 400 draws: 50; mixtures with a share of exactly 0 or 1 do not occur among these.
    assert!(cut.abs_diff(200) < 50, "{cut}");
    let mut plain = numbered(3);
    Augmentation::default().mix(1, 2, &mut plain);
    assert_eq!(plain, numbered(3));
}
