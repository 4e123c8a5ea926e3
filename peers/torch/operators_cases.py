"""Which settings and shapes of each operator the golden vectors hold."""

# Odd and even sizes mixed, nowhere square, one feature map of a single row.
SHAPES = [(5, 7), (6, 4), (9, 8), (1, 3), (7, 11)]
FEW = [(5, 7), (6, 4), (1, 3)]
# For operators that refuse small feature maps: spectra, and windows that must fit.
WIDE = [(5, 7), (6, 4), (9, 8), (4, 5), (7, 11)]
FEW_WIDE = [(5, 7), (6, 4), (9, 8)]

BATCH, CHANNELS = 2, 3

# (name, settings, sizes): the first settings of an operator get five shapes.
DOWNSAMPLING_CASES = [
    ("max_pool", {}, SHAPES),
    ("max_pool", {"kernel": 2}, FEW),
    ("max_pool", {"kernel": 2, "stride": 3}, FEW),
    ("max_pool", {"kernel": 3, "dilation": 2}, FEW),
    ("max_pool", {"kernel": 3, "padding": 1}, FEW),
    ("max_pool", {"kernel": 2, "padding": 0, "ceil_mode": True}, FEW_WIDE),
    ("average_pool", {}, SHAPES),
    ("average_pool", {"kernel": 3}, FEW),
    ("average_pool", {"kernel": 3, "divisor": "window"}, FEW),
    ("average_pool", {"kernel": 2, "stride": 3}, FEW),
    ("average_pool", {"kernel": 3, "padding": 1}, FEW),
    ("average_pool", {"kernel": 3, "divisor": "window", "padding": 1, "ceil_mode": True}, FEW_WIDE),
    ("p_norm_pool", {}, SHAPES),
    ("p_norm_pool", {"kernel": 2, "p": 3.0, "form": "sum"}, FEW),
    ("p_norm_pool", {"p": 1.0}, FEW),
    ("p_norm_pool", {"p": 2.5, "form": "sum"}, FEW),
    ("p_norm_pool", {"p": float("inf")}, FEW),
    ("learned_p_norm_pool", {}, SHAPES),
    ("learned_p_norm_pool", {"kernel": 2, "form": "sum", "per": "channel"}, FEW),
    ("gem_pool", {}, SHAPES),
    ("gem_pool", {"kernel": 3, "p": 2.5, "learned": False}, FEW),
    ("gem_pool", {"epsilon": 0.25}, FEW),
    ("log_sum_exp_pool", {}, SHAPES),
    ("log_sum_exp_pool", {"kernel": 3, "sharpness": 10.0}, FEW),
    ("median_pool", {}, SHAPES),
    ("median_pool", {"kernel": 2}, FEW),
    ("median_pool", {"kernel": 2, "even": "lower"}, FEW),
    ("median_pool", {"kernel": 3, "stride": 3, "even": "lower"}, FEW),
    ("rank_average_pool", {}, SHAPES),
    ("rank_average_pool", {"kernel": 2, "top": 2}, FEW),
    ("rank_average_pool", {"stride": 3, "top": 9}, FEW),
    ("stochastic_pool", {}, SHAPES),
    ("stochastic_pool", {"kernel": 3}, FEW),
    ("mixed_pool", {"per": "layer"}, SHAPES),
    ("mixed_pool", {"kernel": 3, "per": "channel"}, FEW),
    ("gated_pool", {"per": "layer"}, SHAPES),
    ("gated_pool", {"kernel": 3, "per": "channel"}, FEW),
    ("max_average_pool", {}, SHAPES),
    ("max_average_pool", {"kernel": 3, "combine": "concatenate"}, FEW),
    ("fractional_max_pool", {"ratio": 2.0, "draw": "fixed"}, WIDE),
    ("fractional_max_pool", {"ratio": 1.5, "draw": "fixed"}, FEW_WIDE),
    ("fractional_max_pool", {"kernel": 3, "ratio": 1.6, "draw": "fixed"}, FEW_WIDE),
    ("fractional_max_pool", {"ratio": 1.5, "regions": "disjoint", "draw": "fixed"}, WIDE),
    ("depthwise_conv", {}, SHAPES),
    ("depthwise_conv", {"kernel": 2}, FEW),
    ("depthwise_conv", {"kernel": 5, "stride": 3}, FEW),
    ("conv_unshuffle", {}, SHAPES),
    ("conv_unshuffle", {"expansion": 2, "activation": False}, FEW),
    ("conv_unshuffle", {"kernel": 2, "factor": 3}, FEW),
    ("decimation", {}, SHAPES),
    ("decimation", {"stride": 3}, FEW),
    ("pixel_unshuffle", {}, SHAPES),
    ("pixel_unshuffle", {"factor": 3}, FEW),
    ("pixel_unshuffle", {"order": "spd"}, SHAPES),
    ("pixel_unshuffle", {"factor": 3, "order": "spd"}, FEW),
    ("pixel_unshuffle", {"order": "tensorflow"}, FEW),
    ("pixel_unshuffle", {"factor": 4, "order": "tensorflow"}, SHAPES),
    ("patch_merging", {}, SHAPES),
    ("blur_pool", {}, SHAPES),
    ("blur_pool", {"taps": 1}, FEW),
    ("blur_pool", {"taps": 2}, FEW),
    ("blur_pool", {"taps": 3}, FEW),
    ("blur_pool", {"taps": 5, "stride": 3, "padding": "replicate"}, FEW),
    ("blur_pool", {"taps": 6, "padding": "zero"}, FEW),
    ("blur_pool", {"taps": 7}, FEW_WIDE),
    ("blur_pool", {"taps": 3, "padding": "circular"}, FEW),
    ("blur_pool", {"taps": 4, "padding": "circular"}, FEW),
    ("max_blur_pool", {}, SHAPES),
    ("max_blur_pool", {"kernel": 3, "taps": 3, "padding": "zero"}, FEW),
    ("average_blur_pool", {}, SHAPES),
    ("average_blur_pool", {"kernel": 3, "taps": 3, "padding": "zero"}, FEW),
    ("antialiased_resize", {}, SHAPES),
    # Not 11 elements to 6: the centre of an element falls on the border of two boxes there, and Pillow decides by rounding.
    ("antialiased_resize", {"filter": "box"}, [(5, 7), (6, 4), (9, 8), (1, 3), (7, 10)]),
    ("antialiased_resize", {"filter": "triangle"}, FEW),
    ("antialiased_resize", {"filter": "cubic"}, FEW),
    ("antialiased_resize", {"filter": "cubic", "stride": 3}, FEW),
    ("adaptive_polyphase", {}, SHAPES),
    ("adaptive_polyphase", {"norm": "l1"}, FEW),
    ("adaptive_polyphase", {"norm": "linf"}, FEW),
    ("adaptive_polyphase", {"blur_taps": 3}, FEW),
    ("adaptive_polyphase", {"blur_taps": 4}, FEW),
    ("learned_polyphase", {}, SHAPES),
    ("learned_polyphase", {"hidden": 5}, FEW),
    ("soft_pool", {}, SHAPES),
    ("soft_pool", {"kernel": 3}, FEW),
    ("ada_pool", {}, SHAPES),
    ("ada_pool", {"kernel": 3}, FEW),
    ("local_importance_pool", {"gate": "simplified"}, SHAPES),
    ("local_importance_pool", {"kernel": 2, "gate": "simplified"}, FEW),
    ("haar_low_pass", {"padding": "zero"}, SHAPES),
    ("haar_low_pass", {"padding": "reflect"}, FEW),
    ("haar_wavelet", {"padding": "zero"}, SHAPES),
    ("haar_wavelet", {"padding": "reflect"}, FEW),
    ("spectral_pool", {}, WIDE),
    ("spectral_pool", {"rescale": False}, FEW_WIDE),
    ("spectral_pool", {"stride": 1.5}, FEW_WIDE),
    ("spectral_pool", {"window": "hamming"}, FEW_WIDE),
    ("diff_stride", {}, [(9, 8), (8, 11), (12, 10), (11, 14), (16, 9)]),
    ("diff_stride", {"stride": 3.0, "smoothness": 2.0}, [(9, 8), (8, 11), (12, 10)]),
]

# (name, settings, [(channels in, size in, size out)]).
UPSAMPLING_CASES = [
    ("max_unpool", {"kernel": 2, "stride": 2, "duplicates": "assign"}, [(3, None, size) for size in SHAPES]),
    ("max_unpool", {"kernel": 3, "stride": 2, "duplicates": "assign"}, [(3, None, size) for size in SHAPES]),
    ("max_unpool", {"kernel": 3, "stride": 2, "duplicates": "add"}, [(3, None, size) for size in SHAPES]),
    (
        "pixel_shuffle",
        {"factor": 2},
        [(12, (h, w), (2 * h, 2 * w)) for h, w in [(3, 4), (2, 3), (1, 2), (4, 1), (3, 5)]],
    ),
    ("pixel_shuffle", {"factor": 3}, [(27, (h, w), (3 * h, 3 * w)) for h, w in [(2, 3), (1, 2)]]),
]

RESIZED = [((3, 4), (6, 8)), ((5, 2), (9, 5)), ((1, 2), (3, 4)), ((4, 3), (7, 8)), ((2, 5), (5, 12))]
UPSAMPLING_CASES += [
    ("resize", {"filter": filter_}, [(3, *size) for size in RESIZED])
    for filter_ in ("nearest", "bilinear", "bicubic")
]
UPSAMPLING_CASES += [
    (
        "inverse_haar",
        {},
        [
            (12, s, t)
            for s, t in [((3, 4), (6, 8)), ((3, 4), (5, 7)), ((1, 2), (1, 3)), ((2, 1), (4, 2)), ((4, 5), (8, 9))]
        ],
    ),
    (
        "spectral_upsample",
        {},
        [
            (3, s, t)
            for s, t in [
                ((3, 5), (6, 10)),
                ((5, 3), (9, 6)),
                ((3, 7), (7, 12)),
                ((5, 5), (8, 9)),
                ((1, 3), (2, 5)),
                ((4, 6), (8, 12)),
                ((6, 3), (11, 5)),
            ]
        ],
    ),
]
DOUBLED = [((3, 4), (6, 8)), ((3, 4), (5, 7)), ((1, 2), (1, 3)), ((2, 3), (4, 6)), ((4, 5), (8, 9))]
UPSAMPLING_CASES += [
    (
        "blur_upsample",
        {"taps": taps, "padding": padding},
        [(3, *size) for size in (DOUBLED if taps == 4 and padding == "reflect" else DOUBLED[:3])],
    )
    for taps, padding in [
        (4, "reflect"),
        (2, "zero"),
        (3, "reflect"),
        (3, "circular"),
        (4, "zero"),
        (4, "replicate"),
        (4, "circular"),
        (5, "zero"),
    ]
]
UPSAMPLING_CASES += [
    (
        "carafe",
        {"factor": 2, "kernel": 5, "encoder_kernel": 3, "hidden": 4},
        [(3, (h, w), (2 * h, 2 * w)) for h, w in [(3, 4), (2, 5), (1, 3), (5, 2), (4, 3)]],
    ),
    ("carafe", {"factor": 3, "kernel": 3, "encoder_kernel": 3, "hidden": 2}, [(3, (2, 3), (6, 9))]),
]
