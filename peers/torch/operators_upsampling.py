"""Every upsampling operator as the implementations of others compute it, bent to our definition.

Each takes x, its parameters, the sides [rows, columns] it shall return, and its settings; see
`operators_pooling.py`.
"""

import numpy as np
import pywt
import scipy.signal
import torch
from torch.nn import functional as F

from operators_pooling import max_pool_with_indices
from operators_registry import FORMULA, UPSAMPLING, Parameter, registered_in
from operators_windows import along_axes, blur

operator = registered_in(UPSAMPLING)


def apart(settings, shape):
    return settings["kernel"] <= settings["stride"]


@operator(
    lambda s, shape: (
        "torch.nn.functional.max_unpool2d" if apart(s, shape) else f"torch.scatter_reduce, {s['duplicates']}"
    ),
    "indices: the positions of the maxima of z under the slot's rule; where several windows name one cell, assign "
    "keeps the largest value and its gradient, add sums them (max_unpool2d leaves open which one stays)",
    exact=lambda settings, shape: apart(settings, shape) or settings["duplicates"] == "assign",
)
def max_unpool(x, parameters, size, indices, kernel, stride, duplicates):
    if kernel <= stride:
        return F.max_unpool2d(x, indices, kernel, stride, output_size=size)
    plane = x.new_zeros(*x.shape[:2], size[0] * size[1])
    rule = "amax" if duplicates == "assign" else "sum"
    return plane.scatter_reduce(2, indices.flatten(2), x.flatten(2), rule, include_self=False).unflatten(2, size)


def pooled(z, kernel, stride):
    """Indices of the maxima of each window of z."""
    return max_pool_with_indices(z, kernel, stride)[1]


@operator("torch.nn.functional.pixel_shuffle", exact=True)
def pixel_shuffle(x, parameters, size, factor=2):
    return F.pixel_shuffle(x, factor)


def resize_note(settings, shape):
    return {
        "nearest": "PyTorch's mode nearest-exact: cell floor((i + 1/2) · h / H); its plain nearest has no half pixel",
        "bilinear": "align_corners = false",
        "bicubic": "align_corners = false, a = -0.75 (Pillow, and PyTorch with antialias, use -0.5), edge repeated",
    }[settings["filter"]]


@operator(
    "torch.nn.functional.interpolate", resize_note, exact=lambda settings, shape: settings["filter"] == "nearest"
)
def resize(x, parameters, size, filter):
    if filter != "nearest":
        return F.interpolate(x, size, mode=filter, align_corners=False)
    for side, out in zip(x.shape[2:], size, strict=True):
        # PyTorch multiplies by a rounded ratio; the fixture keeps to sizes where that changes nothing.
        theirs = F.interpolate(torch.arange(side).double()[None, None], out, mode="nearest-exact").flatten().tolist()
        assert theirs == [(2 * i + 1) * side // (2 * out) for i in range(out)]
    return F.interpolate(x, size, mode="nearest-exact")


@operator(
    "pywt.idwt",
    "rows and columns apart, by the matrix of its answers to unit impulses; x holds LL, LH, HL, HH, each with all "
    "channels; odd sides lose the last cell",
)
def inverse_haar(x, parameters, size):
    def matrices(side):
        identity, nothing = np.eye(side), np.zeros((side, side))
        return [
            torch.from_numpy(pywt.idwt(*pair, "haar", axis=0)) for pair in ((identity, nothing), (nothing, identity))
        ]

    (low_rows, high_rows), (low_columns, high_columns) = (matrices(side) for side in x.shape[2:])
    pairs = (low_rows, low_columns), (high_rows, low_columns), (low_rows, high_columns), (high_rows, high_columns)
    whole = sum(along_axes(band, *pair) for band, pair in zip(x.chunk(4, 1), pairs, strict=True))
    return whole[:, :, : size[0], : size[1]]


@operator(
    "scipy.signal.resample",
    lambda s, shape: (
        "rows and columns apart, by the matrix of its answers to unit impulses"
        + (
            ""
            if shape[2] % 2 and shape[3] % 2
            else "; on an even side the highest frequency is shared between +h/2 and -h/2"
        )
    ),
)
def spectral_upsample(x, parameters, size):
    matrices = [
        torch.from_numpy(scipy.signal.resample(np.eye(side), out, axis=0))
        for side, out in zip(x.shape[2:], size, strict=True)
    ]
    y = along_axes(x, *matrices)
    if x.shape[2] % 2 and x.shape[3] % 2:
        torch.testing.assert_close(y, zero_padded_spectrum(x, size), rtol=0, atol=1e-12)
    return y


def zero_padded_spectrum(x, size):
    """irfft2 of rfft2(x) with zeros for the frequencies it does not have, times HW/(hw); for odd sides."""
    (height, width), half = x.shape[2:], (x.shape[2] + 1) // 2
    spectrum = torch.fft.rfft2(x)
    wider = spectrum.new_zeros(*x.shape[:2], size[0], size[1] // 2 + 1)
    wider[:, :, :half, : width // 2 + 1] = spectrum[:, :, :half]
    wider[:, :, size[0] - (height - half) :, : width // 2 + 1] = spectrum[:, :, half:]
    return size[0] * size[1] / (height * width) * torch.fft.irfft2(wider, s=size)


@operator(
    FORMULA,
    lambda s, shape: (
        "x on every second cell, zeros between, then the blur times 4, bordered by floor(taps/2) cells before "
        "and floor((taps - 1)/2) after"
        + ("; equals 4 times the transpose of BlurPool" if s["padding"] in ("zero", "circular") else "")
    ),
)
def blur_upsample(x, parameters, size, taps=4, padding="reflect"):
    stuffed = x.new_zeros(*x.shape[:2], *size)
    stuffed[:, :, ::2, ::2] = x
    return 4 * blur(stuffed, taps, 1, taps // 2, (taps - 1) // 2, padding)


def carafe_parameters(settings, shape):
    hidden, outputs = settings["hidden"], settings["factor"] ** 2 * settings["kernel"] ** 2
    return {
        "compress_weight": Parameter([hidden, shape[1], 1, 1], 1.0, 0.0),
        "compress_bias": Parameter([hidden], 0.5, 0.0),
        "encode_weight": Parameter(
            [outputs, hidden, settings["encoder_kernel"], settings["encoder_kernel"]], 1.0, 0.0
        ),
        "encode_bias": Parameter([outputs], 0.5, 0.0),
    }


@operator(
    FORMULA,
    "settings as in mmcv's CARAFEPack: zero borders, one group; cells outside the map take part in the softmax",
    parameters=carafe_parameters,
)
def carafe(x, parameters, size, factor, kernel, encoder_kernel, hidden):
    inner = F.conv2d(x, parameters["compress_weight"], parameters["compress_bias"])
    encoded = F.conv2d(inner, parameters["encode_weight"], parameters["encode_bias"], padding=encoder_kernel // 2)
    weights = F.pixel_shuffle(encoded, factor).softmax(1)
    cells = (
        F.unfold(x, kernel, padding=kernel // 2)
        .unflatten(1, (x.shape[1], kernel**2))
        .unflatten(3, tuple(x.shape[2:]))
    )
    near = cells.repeat_interleave(factor, 3).repeat_interleave(factor, 4)
    return (weights.unsqueeze(1) * near).sum(2)
