"""PyTorch's counterpart of each upsampling operator with its default settings, for `operators_bench.py`.

Each is f(x, parameters, size, switches): x is the output of the usual partner, `switches` what it passes to the upsampling
operator. Where PyTorch has no single call, `calls` says what it is made of.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

UPSAMPLERS = {}


@dataclass
class Upsampler:
    """A counterpart; `reduce` makes x and the switches of a feature map."""

    function: Callable
    calls: str
    composition: bool
    parameters: Callable
    reduce: Callable


def averaged(z):
    return F.avg_pool2d(z, 2), None


def quarter(z):
    """What a space-to-depth leaves: four times the channels."""
    return F.pixel_unshuffle(z, 2), None


def upsampler(calls, composition=True, parameters=lambda c, h, w: {}, reduce=averaged):
    def register(function):
        UPSAMPLERS[function.__name__] = Upsampler(function, calls, composition, parameters, reduce)
        return function

    return register


def pooled(z):
    return F.max_pool2d(z, 3, 2, ceil_mode=True, return_indices=True)


@upsampler("max_unpool2d", composition=False, reduce=pooled)
def max_unpool(x, p, size, indices):
    return F.max_unpool2d(x, indices, 3, 2, output_size=size)


@upsampler("conv_transpose2d (depthwise)")
def blur_upsample(x, p, size, switches):
    # Away from the edges; with zeros beyond them, where ours reflects.
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 4
    weight = torch.outer(line, line).repeat(x.shape[1], 1, 1, 1)
    return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=x.shape[1])


@upsampler("chunk, sums, stack, pixel_shuffle", reduce=quarter)
def inverse_haar(x, p, size, switches):
    low, rows, columns, both = x.chunk(4, 1)
    top, bottom = (low + rows, columns + both), (low - rows, columns - both)
    blocks = torch.stack([top[0] + top[1], top[0] - top[1], bottom[0] + bottom[1], bottom[0] - bottom[1]], 2)
    return F.pixel_shuffle(blocks.flatten(1, 2) / 2, 2)


@upsampler("rfft2, pad, irfft2")
def spectral_upsample(x, p, size, switches):
    height, width = x.shape[2:]
    spectrum = torch.fft.rfft2(x)
    # On even sizes the highest frequency is shared between both of its signs; irfft2 counts every column but the first twice.
    spectrum = torch.cat([spectrum[..., :-1], spectrum[..., -1:] / 2], 3)
    low, highest, rest = spectrum.split([height // 2, 1, height // 2 - 1], 2)
    zeros = spectrum.new_zeros(*x.shape[:2], size[0] - height - 1, width // 2 + 1)
    rows = torch.cat([low, highest / 2, zeros, highest / 2, rest], 2)
    wide = F.pad(rows, (0, size[1] // 2 - width // 2))
    return torch.fft.irfft2(wide, s=tuple(size)) * (size[0] * size[1] / (height * width))


def strongest_phase(z):
    phases = torch.stack([z[:, :, ::2, ::2], z[:, :, 1::2, ::2], z[:, :, ::2, 1::2], z[:, :, 1::2, 1::2]], 1)
    choice = torch.linalg.vector_norm(phases.flatten(2), dim=2).argmax(1)
    return phases[torch.arange(len(z)), choice], choice


@upsampler("zeros, index put, pad, conv2d (depthwise)", reduce=strongest_phase)
def polyphase_unpool(x, p, size, choice):
    apart = x.new_zeros(*x.shape[:2], *x.shape[2:], 2, 2)
    everything = torch.arange(len(x))
    apart[everything, :, :, :, choice % 2, choice // 2] = x
    apart = apart.permute(0, 1, 2, 4, 3, 5).reshape(*x.shape[:2], *size)
    line = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype) / 2
    weight = torch.outer(line, line).repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(F.pad(apart, (1, 1, 1, 1), mode="circular"), weight, groups=x.shape[1])


@upsampler("pixel_shuffle", composition=False, reduce=quarter)
def pixel_shuffle(x, p, size, switches):
    return F.pixel_shuffle(x, 2)


@upsampler("conv_transpose2d", composition=False, parameters=lambda c, h, w: {"weight": [c, c, 2, 2], "bias": [c]})
def transposed_conv(x, p, size, switches):
    return F.conv_transpose2d(x, p["weight"], p["bias"], 2)


@upsampler("interpolate, conv2d", parameters=lambda c, h, w: {"weight": [c, c, 3, 3], "bias": [c]})
def resize_conv(x, p, size, switches):
    return F.conv2d(F.interpolate(x, tuple(size), mode="nearest-exact"), p["weight"], p["bias"], padding=1)


@upsampler(
    "conv2d twice, pixel_shuffle, softmax, unfold, interpolate, multiply, sum",
    parameters=lambda c, h, w: {
        "compress_weight": [64, c, 1, 1],
        "compress_bias": [64],
        "encode_weight": [100, 64, 3, 3],
        "encode_bias": [100],
    },
)
def carafe(x, p, size, switches):
    inner = F.conv2d(x, p["compress_weight"], p["compress_bias"])
    encoded = F.conv2d(inner, p["encode_weight"], p["encode_bias"], padding=1)
    # The softmax over the 25 neighbours for each of the four positions of a block, then one product for each.
    weights = encoded.unflatten(1, (25, 4)).softmax(1)
    elements = F.unfold(x, 5, padding=2).unflatten(1, (x.shape[1], 25)).unflatten(3, tuple(x.shape[2:]))
    blocks = torch.einsum("nkbhw,nckhw->ncbhw", weights, elements)
    return F.pixel_shuffle(blocks.flatten(1, 2), 2)
