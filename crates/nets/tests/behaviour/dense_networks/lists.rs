//! Lists of stages with branches: shapes computed by hand, and invalid lists.

use allconv_nets::{
    Border, ConvolutionSpec, NormaliseKind, NormaliseSpec, StageSpec, Target, UpsampleConfig, UpsampleSpec,
    walk_stages,
};

fn convolution(channels: usize) -> StageSpec {
    StageSpec::Convolution(ConvolutionSpec::square(channels, 3, 1, Border::same(3)))
}

fn up(name: &str, channels_out: usize) -> StageSpec {
    StageSpec::Upsample(UpsampleSpec {
        operator: UpsampleConfig::named(name).unwrap().remove(0),
        channels_out,
    })
}

#[test]
fn a_list_with_every_branch_is_counted_as_by_hand() {
    let stages = [
        StageSpec::KeepEnlarged { factor: 2 },
        convolution(8),
        StageSpec::Keep,
        convolution(8),
        StageSpec::Normalise(NormaliseSpec { kind: NormaliseKind::Batch, scale: Default::default() }),
        StageSpec::Concatenate,
        StageSpec::Target(Target::Enlarged(2)),
        up("transposed_conv", 3),
        StageSpec::Add { scale: 1.0 },
    ];
    let walk = walk_stages(&stages, [3, 5, 6]).unwrap();
    let outputs: Vec<[usize; 3]> = walk.stages.iter().map(|stage| stage.output).collect();
    assert_eq!(outputs[..5], [[3, 5, 6], [8, 5, 6], [8, 5, 6], [8, 5, 6], [8, 5, 6]]);
    assert_eq!(outputs[5..], [[16, 5, 6], [16, 5, 6], [3, 10, 12], [3, 10, 12]]);
    let parameters: Vec<u64> = walk.stages.iter().map(|stage| stage.parameters).collect();
    assert_eq!(parameters, [0, 8 * 28, 0, 8 * 73, 16, 0, 0, 16 * 3 * 4 + 3, 0]);
    let macs: Vec<u64> = walk.stages.iter().map(|stage| stage.macs).collect();
    assert_eq!(macs, [0, 30 * 8 * 27, 0, 30 * 8 * 72, 240, 0, 0, 30 * 16 * 3 * 4, 0]);
    let bytes: Vec<u64> = walk.stages.iter().map(|stage| stage.activation_bytes / 4).collect();
    assert_eq!(bytes, [3 * 120, 240, 0, 240, 240, 480, 0, 360, 360]);
    let fields: Vec<usize> = walk.stages.iter().map(|stage| stage.receptive_field).collect();
    assert_eq!(fields, [1, 3, 3, 5, 5, 5, 5, 5, 5]);
    assert_eq!(walk.stages.iter().map(|stage| stage.jump).next_back(), Some(0.5));
}

#[test]
fn the_larger_of_two_receptive_fields_counts() {
    // The bicubic enlargement reads four pixels, the empty path one.
    let stages = [StageSpec::KeepEnlarged { factor: 1 }, StageSpec::Add { scale: 1.0 }];
    assert_eq!(walk_stages(&stages, [1, 4, 4]).unwrap().receptive_field(), 4);
}

#[test]
fn lists_that_are_not_balanced_are_refused_with_the_reason() {
    for (stages, reason) in [
        (vec![StageSpec::Concatenate], "no map is kept for it"),
        (vec![StageSpec::Add { scale: 1.0 }], "no map is kept for it"),
        (vec![up("carafe", 3)], "no target for it to return to"),
        (vec![StageSpec::Keep, convolution(2)], "nothing takes back maps that are kept: 1"),
        (vec![StageSpec::Target(Target::Enlarged(2))], "no upsampling operator returns to targets: 1"),
        (vec![StageSpec::Keep, convolution(2), StageSpec::Add { scale: 1.0 }], "is 3×8×8, this one 2×8×8"),
        (vec![StageSpec::KeepEnlarged { factor: 2 }, StageSpec::Concatenate], "is 3×16×16, this one 3×8×8"),
        (vec![StageSpec::Target(Target::Enlarged(0)), up("carafe", 3)], "its factor is 0"),
        (
            vec![StageSpec::Target(Target::Enlarged(3)), up("carafe", 3)],
            "8 positions become 15 to 16 positions, not 24",
        ),
        (
            vec![StageSpec::Target(Target::Enlarged(2)), up("carafe", 4)],
            "4 channels must enter for 4 to leave, not 3",
        ),
        (
            vec![StageSpec::Normalise(NormaliseSpec {
                kind: NormaliseKind::Group { groups: 2 },
                scale: Default::default(),
            })],
            "its 2 groups do not divide 3 channels",
        ),
    ] {
        let error = walk_stages(&stages, [3, 8, 8]).unwrap_err().to_string();
        assert!(error.contains(reason), "{stages:?}: {error}");
    }
}
