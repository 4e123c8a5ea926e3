"""The worked numbers of the operators' definitions, checked against the functions that write the golden vectors.

python operators_worked.py
"""

import math

import kornia
import torch
from torch.testing import assert_close

import operators_sampling
from operators_pooling import disjoint_starts, max_pool_with_indices
from operators_registry import DOWNSAMPLING, UPSAMPLING
from operators_sampling import phases, row_positions
from operators_upsampling import pooled

X = torch.arange(1.0, 17.0, dtype=torch.float64).reshape(1, 1, 4, 4)
EYE = torch.eye(5, dtype=torch.float64).reshape(1, 1, 5, 5)


def down(name, x, parameters=None, **settings):
    return DOWNSAMPLING[name].compute(x, parameters or {}, **settings)


def up(name, x, size, **settings):
    return UPSAMPLING[name].compute(x, {}, size, **settings)


def map_(rows):
    return torch.tensor(rows, dtype=torch.float64)[None, None]


def same(found, expected, digits=12):
    """`expected` printed with so many digits after the point."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    assert_close(found.detach().squeeze().double(), expected.squeeze(), rtol=0, atol=0.5000001 * 10.0**-digits)


def pools():
    y, indices = max_pool_with_indices(X, 2, 2)
    same(y, [[6, 8], [14, 16]])
    same(indices, [[5, 7], [13, 15]])
    _, first = max_pool_with_indices(torch.zeros_like(X), 2, 2)
    same(first, [[0, 2], [8, 10]])
    same(down("average_pool", X), [[3.5, 5.5], [11.5, 13.5]])
    same(down("p_norm_pool", X, kernel=2, p=2.0, form="sum"), [[8.124, 11.747], [23.367, 27.313]], 3)
    same(down("p_norm_pool", X, kernel=2, p=3.0), [[4.4395, 6.1841], [11.8583, 13.8077]], 4)
    same(down("gem_pool", X, p=3.0, learned=False), [[4.4395, 6.1841], [11.8583, 13.8077]], 4)
    assert_close(down("p_norm_pool", X, p=1.0), down("average_pool", X, kernel=3))
    assert_close(down("p_norm_pool", X, p=math.inf), down("max_pool", X))
    window = map_([[0.0, 1.0], [2.0, 3.0]])
    same(down("soft_pool", window), 2.492653, 6)
    same(down("soft_pool", window - 1), 1.492653, 6)
    same(down("soft_pool", X), [[5.6591, 7.6591], [13.6591, 15.6591]], 4)
    same(down("log_sum_exp_pool", window), 2.053895, 6)
    same(down("stochastic_pool", map_([[1.6, 0.0], [0.0, 2.4]])), 2.08)
    same(down("stochastic_pool", -X), torch.zeros(2, 2))
    same(down("mixed_pool", X, {"mix": torch.zeros(1)}), [[4.75, 6.75], [12.75, 14.75]])
    same(down("gated_pool", X, {"gate": torch.zeros(1, 2, 2).double()}), [[4.75, 6.75], [12.75, 14.75]])
    line = map_([[2.0, 4.0, 3.0, 1.0, 5.0, 2.0, 3.0]]).mT.expand(1, 1, 7, 2)
    overlapping = DOWNSAMPLING["fractional_max_pool"].compute(line, {}, kernel=2, ratio=1.4, u=0.3)
    same(overlapping, [4, 4, 3, 5, 3])
    disjoint = DOWNSAMPLING["fractional_max_pool"].compute(line, {}, ratio=1.4, regions="disjoint", u=0.3)
    same(disjoint[..., 0], [2, 4, 1, 5, 3])
    assert disjoint_starts(7, 5, 300) == ([0, 1, 3, 4, 6], [1, 3, 4, 6, 7])


def rearrangements():
    blocks = [[1, 3], [9, 11]], [[2, 4], [10, 12]], [[5, 7], [13, 15]], [[6, 8], [14, 16]]
    same(down("pixel_unshuffle", X), blocks)
    same(down("pixel_unshuffle", X, order="tensorflow"), blocks)
    same(down("pixel_unshuffle", X, order="spd"), [blocks[i] for i in (0, 2, 1, 3)])
    norms = torch.stack([phase.norm() for phase in phases(X)])
    same(norms, [14.560, 21.633, 16.248, 23.495], 3)
    same(down("adaptive_polyphase", X), [[6, 8], [14, 16]])
    assert_close(up("pixel_shuffle", down("pixel_unshuffle", X), (4, 4)), X)


def blurs():
    same(down("blur_pool", X, taps=3), [[3.5, 5], [9.5, 11]])
    same(down("blur_pool", X, taps=3, padding="zero"), [[1.5, 3.25], [7, 11]])
    same(down("blur_pool", X, taps=3, padding="circular"), [[6, 7], [10, 11]])
    same(down("blur_pool", X), [[4.75, 6.25], [10.75, 12.25]])
    diagonal = [[0.3125, 0.0625, 0], [0.0625, 0.375, 0.0625], [0, 0.0625, 0.3125]]
    same(down("blur_pool", EYE, taps=3, padding="zero"), diagonal)
    same(kornia.filters.blur_pool2d(EYE, 3), diagonal)
    same(down("max_blur_pool", EYE, taps=3, padding="zero")[..., :2, :2], [[0.5625, 0.3125], [0.3125, 0.875]])
    same(kornia.filters.max_blur_pool2d(EYE, 3), [[0.5625, 0.3125], [0.3125, 0.875]])
    assert_close(down("blur_pool", X, taps=2), down("average_pool", X))
    for side in range(1, 9):
        for taps in range(1, 8):
            map_of_ones = torch.ones(1, 1, side, 1, dtype=torch.float64)
            for padding in ("reflect", "replicate", "circular"):
                same(down("blur_pool", map_of_ones, taps=taps, padding=padding), torch.ones((side + 1) // 2))


def transforms():
    low, low_high, high_low, high = operators_sampling.haar_bands(X, "zero")
    same(low, [[7, 11], [23, 27]])
    same(low_high, torch.full((2, 2), -4.0))
    same(high_low, torch.full((2, 2), -1.0))
    same(high, torch.zeros(2, 2))
    assert_close(up("inverse_haar", down("haar_wavelet", X), (4, 4)), X)
    odd = X[:, :, :3, :3]
    for padding in ("zero", "reflect"):
        assert_close(up("inverse_haar", down("haar_wavelet", odd, padding=padding), (3, 3)), odd)
    constant = torch.full((1, 1, 6, 9), 2.0, dtype=torch.float64)
    same(down("spectral_pool", constant), torch.full((2, 4), 2.0))
    same(down("spectral_pool", constant, rescale=False), torch.full((2, 4), 2.0 * 54 / 8))
    for side, stride, out in [(32, 2, 24), (24, 2, 20), (20, 2, 18), (16, 2, 16), (8, 2, 8), (32, 3, 20)]:
        map_of_twos = torch.full((1, 1, side, side), 2.0, dtype=torch.float64)
        strides = torch.full((2,), float(stride), dtype=torch.float64)
        same(down("diff_stride", map_of_twos, {"strides": strides}), torch.full((out, out), 2.0))
    same(row_positions(32), [*range(16), *range(15, -1, -1)])


def upsamplers():
    _, indices = max_pool_with_indices(X, 2, 2)
    placed = torch.zeros(4, 4)
    placed[1::2, 1::2] = torch.tensor([[6.0, 8.0], [14.0, 16.0]])
    same(
        up(
            "max_unpool", down("max_pool", X, kernel=2), (4, 4), indices=indices, kernel=2, stride=2, duplicates="add"
        ),
        placed,
    )
    peak = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    peak[..., 2, 2] = 3.0
    # Only whole 3×3 windows, as in the worked example: the slot's rule adds windows that the far edge cuts off.
    y, indices = torch.nn.functional.max_pool2d(peak, 3, 2, return_indices=True)
    for duplicates, factor in (("assign", 1), ("add", 4)):
        same(up("max_unpool", y, (5, 5), indices=indices, kernel=3, stride=2, duplicates=duplicates), factor * peak)
    assert pooled(X, 3, 2).shape == (1, 1, 2, 2)
    # Band-limited interpolation goes through the samples; a constant stays; the blur-up is the transpose of BlurPool.
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 2, 4, 5, generator=generator, dtype=torch.float64)
    assert_close(up("spectral_upsample", x, (8, 15))[..., ::2, ::3], x)
    ones = torch.ones(1, 1, 3, 4, dtype=torch.float64)
    for size in ((6, 8), (5, 7)):
        same(up("spectral_upsample", ones, size), torch.ones(size))
        for filter_ in ("nearest", "bilinear", "bicubic"):
            same(up("resize", ones, size, filter=filter_), torch.ones(size))
    for taps in range(2, 8):
        same(up("blur_upsample", ones, (6, 8), taps=taps, padding="circular"), torch.ones(6, 8))
        for padding in ("zero", "circular"):
            for size in ((8, 10), (7, 9)):
                wide = torch.randn(1, 2, *size, generator=generator, dtype=torch.float64, requires_grad=True)
                (transpose,) = torch.autograd.grad(down("blur_pool", wide, taps=taps, padding=padding), wide, x)
                assert_close(up("blur_upsample", x, size, taps=taps, padding=padding), 4 * transpose)
    uniform = {
        "compress_weight": torch.zeros(2, 2, 1, 1),
        "compress_bias": torch.zeros(2),
        "encode_weight": torch.zeros(36, 2, 3, 3),
        "encode_bias": torch.zeros(36),
    }
    uniform = {name: value.double() for name, value in uniform.items()}
    box = UPSAMPLING["carafe"].compute(x, uniform, (8, 10), factor=2, kernel=3, encoder_kernel=3, hidden=2)
    boxed = torch.nn.functional.avg_pool2d(x, 3, 1, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert_close(box, boxed)


def gains():
    """y/c for a constant map, as the table of gains has it."""
    constant = torch.full((1, 2, 8, 8), 2.0, dtype=torch.float64)
    for name in (
        "max_pool",
        "average_pool",
        "p_norm_pool",
        "log_sum_exp_pool",
        "median_pool",
        "stochastic_pool",
        "soft_pool",
        "blur_pool",
        "max_blur_pool",
        "average_blur_pool",
        "antialiased_resize",
        "decimation",
        "spectral_pool",
        "fractional_max_pool",
    ):
        same(down(name, constant), torch.full((2, 4, 4), 2.0))
    same(down("gem_pool", constant, learned=False), torch.full((2, 4, 4), 2.0))
    same(
        down("p_norm_pool", constant, kernel=2, p=3.0, form="sum"),
        torch.full((2, 4, 4), 2.0 * 2 ** (2 / 3), dtype=torch.float64),
    )
    same(down("haar_low_pass", constant), torch.full((2, 4, 4), 4.0))
    same(down("max_average_pool", constant), torch.full((2, 4, 4), 4.0))
    same(down("spectral_pool", constant, rescale=False), torch.full((2, 4, 4), 8.0))


def check():
    for group in (pools, rearrangements, blurs, transforms, upsamplers, gains):
        group()


if __name__ == "__main__":
    check()
