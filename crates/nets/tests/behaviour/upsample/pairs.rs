//! The operators that can be paired.

use allconv_nets::{DownsampleConfig, UpsampleConfig};

use super::{read, read_partner};

#[test]
fn every_operator_has_partners_and_the_check_agrees_with_them() {
    for operator in UpsampleConfig::examples() {
        let partners = operator.partners();
        assert!(!partners.is_empty(), "{operator:?}");
        for partner in DownsampleConfig::examples() {
            let accepted = operator.check_pair(&partner);
            assert_eq!(accepted.is_ok(), partners.contains(&partner), "{operator:?} and {partner:?}");
            if let Err(refusal) = accepted {
                let text = refusal.to_string();
                assert!(text.contains(operator.name()) && text.contains(partner.name()), "{text}");
                assert!(text.contains("it can be paired with"), "{text}");
            }
        }
    }
}

#[test]
fn every_downsampling_operator_has_an_upsampling_operator() {
    for partner in DownsampleConfig::examples() {
        let ways = UpsampleConfig::examples().iter().filter(|way| way.check_pair(&partner).is_ok()).count();
        assert!(ways > 0, "{partner:?}");
    }
}

#[test]
fn impossible_pairs_are_refused_with_the_reason_and_those_that_are_possible() {
    for (up, down, reason) in [
        ("max_unpool = {}", "strided_conv = {}", "positions of the maxima, which are not available"),
        ("max_unpool = {}", "strided_conv = {}", "max_pool, conv_pool"),
        (
            "max_unpool = {}",
            "max_pool = { kernel = 2 }",
            "a kernel of 3 and a stride of 2, but the pooling has 2 and 2",
        ),
        ("max_unpool = { stride = 3 }", "conv_pool = {}", "a stride of 3"),
        ("polyphase_unpool = {}", "max_pool = {}", "adaptive_polyphase, learned_polyphase"),
        ("pixel_shuffle = {}", "strided_conv = { stride = 3 }", "every height and width h to ceil(h/2)"),
        ("inverse_haar = {}", "spectral_pool = {}", "every height and width h to ceil(h/2)"),
        ("transposed_conv = {}", "dilation = {}", "every height and width h to ceil(h/2)"),
    ] {
        let error = read(up).check_pair(&read_partner(down)).unwrap_err().to_string();
        assert!(error.contains(reason), "{up}, {down}: {error}");
    }
    // Settings out of range, of either operator, are reported first.
    let error = read("carafe = { kernel = 2 }").check_pair(&read_partner("max_pool = {}")).unwrap_err();
    assert!(error.to_string().contains("upsample.carafe.kernel"), "{error}");
    let error = read("carafe = {}").check_pair(&read_partner("max_pool = { stride = 0 }")).unwrap_err();
    assert!(error.to_string().contains("downsample.max_pool.stride"), "{error}");
}
