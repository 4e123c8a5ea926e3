"""The downsampling operators that filter, rearrange, choose or transform, as others' implementations compute them.

See `operators_pooling.py` for what `formula` means.
"""

import itertools
import math

import antialiased_cnns
import numpy as np
import pywt
import torch
from PIL import Image
from timm.layers.space_to_depth import SpaceToDepth
from timm.models.swin_transformer import PatchMerging
from torch.nn import functional as F

from operators_registry import DOWNSAMPLING, FORMULA, Parameter, registered_in
from operators_windows import along_axes, blur, ceil_div, extended, padded, window_maxima, window_means

operator = registered_in(DOWNSAMPLING)


def depthwise_parameters(settings, shape):
    kernel = settings.get("kernel", 3)
    return {
        "weight": Parameter([shape[1], 1, kernel, kernel], 0.5, 0.0),
        "bias": Parameter([shape[1]], 0.5, 0.0),
    }


@operator(
    "torch.nn.functional.conv2d",
    "zeros: floor((kernel - 1)/2) before and floor(kernel/2) after",
    parameters=depthwise_parameters,
)
def depthwise_conv(x, parameters, kernel=3, stride=2):
    before, after = (kernel - 1) // 2, kernel // 2
    map_ = F.pad(x, (before, after, before, after))
    return F.conv2d(map_, parameters["weight"], parameters["bias"], stride, groups=x.shape[1])


def conv_unshuffle_parameters(settings, shape):
    kernel, factor = settings.get("kernel", 3), settings.get("factor", 2)
    channels = math.ceil(shape[1] * settings.get("expansion", 1) / factor**2)
    return {
        "weight": Parameter([channels, shape[1], kernel, kernel], 0.5, 0.0),
        "bias": Parameter([channels], 0.5, 0.0),
    }


@operator(
    "torch.nn.functional.conv2d, relu, pixel_unshuffle",
    "far edges padded with zeros to a multiple of the factor",
    parameters=conv_unshuffle_parameters,
)
def conv_unshuffle(x, parameters, kernel=3, factor=2, expansion=1, activation=True):
    before, after = (kernel - 1) // 2, kernel // 2
    map_ = F.conv2d(F.pad(x, (before, after, before, after)), parameters["weight"], parameters["bias"])
    return F.pixel_unshuffle(extended(torch.relu(map_) if activation else map_, factor, factor, 0.0), factor)


@operator("torch slicing", exact=True)
def decimation(x, parameters, stride=2):
    return x[:, :, ::stride, ::stride]


def unshuffle_source(settings, shape):
    order, factor = settings.get("order", "pytorch"), settings.get("factor", 2)
    if order == "pytorch":
        return "torch.nn.functional.pixel_unshuffle"
    return "timm.layers.space_to_depth.SpaceToDepth" if (order, factor) == ("tensorflow", 4) else FORMULA


@operator(unshuffle_source, "far edges padded with zeros to a multiple of the factor", exact=True)
def pixel_unshuffle(x, parameters, factor=2, order="pytorch"):
    map_ = extended(x, factor, factor, 0.0)
    if order == "pytorch":
        return F.pixel_unshuffle(map_, factor)
    if (order, factor) == ("tensorflow", 4):
        return SpaceToDepth(4)(map_)
    offsets = range(factor)
    phases = (
        [(i, j) for i in offsets for j in offsets]
        if order == "tensorflow"
        else [(i, j) for j in offsets for i in offsets]
    )
    return torch.cat([map_[:, :, i::factor, j::factor] for i, j in phases], 1)


def merging_parameters(settings, shape):
    channels = shape[1]
    return {
        "norm_weight": Parameter([4 * channels], 0.5, 1.0),
        "norm_bias": Parameter([4 * channels], 0.5, 0.0),
        "reduction": Parameter([2 * channels, 4 * channels], 0.5, 0.0),
    }


@operator("timm.models.swin_transformer.PatchMerging", parameters=merging_parameters)
def patch_merging(x, parameters):
    names = {"norm.weight": "norm_weight", "norm.bias": "norm_bias", "reduction.weight": "reduction"}
    module = PatchMerging(x.shape[1], dtype=x.dtype)
    weights = {theirs: parameters[ours] for theirs, ours in names.items()}
    return torch.func.functional_call(module, weights, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def packaged_blur(settings, shape):
    """Whether antialiased-cnns has this padding and can do it on this map."""
    mode, after = settings.get("padding", "reflect"), settings.get("taps", 4) // 2
    return mode in ("zero", "replicate") or (mode == "reflect" and after < min(shape[2:]))


def blur_source(settings, shape):
    return "antialiased_cnns.BlurPool" if packaged_blur(settings, shape) else FORMULA


def blur_note(settings, shape):
    if packaged_blur(settings, shape):
        return ""
    return (
        "the package has no such padding"
        if settings.get("padding") == "circular"
        else ("the package refuses to reflect on so small a map; replicate on that axis")
    )


def slot_blur(x, taps, stride, padding):
    if packaged_blur({"padding": padding, "taps": taps}, x.shape):
        return antialiased_cnns.BlurPool(x.shape[1], padding, taps, stride).to(x.dtype)(x)
    return blur(x, taps, stride, (taps - 1) // 2, taps // 2, padding)


@operator(blur_source, blur_note, exact=lambda settings, shape: settings.get("taps") == 1)
def blur_pool(x, parameters, taps=4, stride=2, padding="reflect"):
    return slot_blur(x, taps, stride, padding)


@operator(lambda *case: "torch.nn.functional.max_pool2d, " + blur_source(*case), blur_note)
def max_blur_pool(x, parameters, kernel=2, taps=4, stride=2, padding="reflect"):
    return slot_blur(window_maxima(x, kernel, 1), taps, stride, padding)


@operator(lambda *case: "torch.nn.functional.avg_pool2d, " + blur_source(*case), blur_note)
def average_blur_pool(x, parameters, kernel=2, taps=4, stride=2, padding="reflect"):
    return slot_blur(window_means(x, kernel, 1), taps, stride, padding)


def pillow_matrix(side, out, filter_):
    """What Pillow's resampling of one axis does to each unit impulse, [out, side]."""
    impulses = Image.fromarray(np.eye(side, dtype=np.float32))
    resized = impulses.resize((side, out), getattr(Image.Resampling, filter_))
    return torch.from_numpy(np.asarray(resized, dtype=np.float64))


def box_cells(side, out):
    """Which cells each box holds, in exact arithmetic: centre in (i · side / out, (i + 1) · side / out]."""
    ends = [(2 * i * side + out) // (2 * out) for i in range(out + 1)]
    return torch.tensor([[first <= cell < end for cell in range(side)] for first, end in itertools.pairwise(ends)])


PILLOW_FILTERS = {"box": "BOX", "triangle": "BILINEAR", "cubic": "BICUBIC", "lanczos3": "LANCZOS"}
TORCH_FILTERS = {"triangle": "bilinear", "cubic": "bicubic", "lanczos3": "lanczos"}


@operator(
    lambda s, _: "PIL.Image.resize" if s.get("filter") == "box" else "torch.nn.functional.interpolate, antialias",
    lambda s, _: (
        "matrices of its answers to impulses (mode F); a box holds the cells with centre in (i·h/H, (i+1)·h/H]"
        if s.get("filter") == "box"
        else "agrees with PIL.Image.resize in mode F within 1e-6"
    ),
)
def antialiased_resize(x, parameters, filter="lanczos3", stride=2):
    size = [ceil_div(side, stride) for side in x.shape[2:]]
    matrices = [pillow_matrix(side, out, PILLOW_FILTERS[filter]) for side, out in zip(x.shape[2:], size, strict=True)]
    pillow = along_axes(x, *matrices)
    if filter == "box":
        for side, out, matrix in zip(x.shape[2:], size, matrices, strict=True):
            assert torch.equal(matrix > 0, box_cells(side, out)), f"Pillow decides {side} to {out} by rounding"
        return pillow
    y = F.interpolate(
        x, size, mode=TORCH_FILTERS[filter], align_corners=None if filter == "lanczos3" else False, antialias=True
    )
    torch.testing.assert_close(y, pillow, rtol=0, atol=1e-6)
    return y


PHASES = [(0, 0), (1, 0), (0, 1), (1, 1)]


def phases(x):
    """The four polyphase components in the order of PHASES, odd sides lengthened by one circular cell."""
    map_ = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="circular")
    return [map_[:, :, a::2, b::2] for a, b in PHASES]


def clear_winner(scores):
    """The first of the largest scores of each image, [n, 4] to [n]; refuses a lead that f32 could turn round.

    Equal scores are well defined: on a map of one row the circular cell makes pairs of phases equal.
    """
    behind = scores.amax(1, keepdim=True) - scores
    assert not ((behind > 0) & (behind < 1e-4 * scores.abs())).any(), "the phases are too close for a fixture"
    return scores.argmax(1)


def pick(components, chosen):
    return torch.stack(components, 1)[torch.arange(len(chosen)), chosen]


@operator(
    FORMULA,
    "phases (row, column): (0,0), (1,0), (0,1), (1,1); norm of the unblurred map; the blur comes before an odd "
    "side's circular cell",
    exact=lambda settings, shape: settings.get("blur_taps", 1) == 1,
)
def adaptive_polyphase(x, parameters, norm="l2", blur_taps=1, padding="circular"):
    order = {"l1": 1, "l2": 2, "linf": math.inf}[norm]
    scores = torch.stack([torch.linalg.vector_norm(phase.flatten(1), order, 1) for phase in phases(x)], 1)
    blurred = blur(x, blur_taps, 1, (blur_taps - 1) // 2, blur_taps // 2, padding)
    return pick(phases(blurred), clear_winner(scores.detach()))


def logit_parameters(settings, shape):
    hidden, channels = settings.get("hidden", 0) or shape[1], shape[1]
    return {
        "first_weight": Parameter([hidden, channels, 3, 3], 0.5, 0.0),
        "first_bias": Parameter([hidden], 0.25, 0.0),
        "second_weight": Parameter([hidden, hidden, 3, 3], 0.5, 0.0),
        "second_bias": Parameter([hidden], 0.25, 0.0),
    }


@operator(
    FORMULA,
    "evaluation: the phase with the largest logit; no gradient reaches the parameters",
    exact=True,
    parameters=logit_parameters,
)
def learned_polyphase(x, parameters, hidden=0, temperature=1.0):
    def logit(phase):
        inner = F.conv2d(padded(phase, 1, 1, "circular"), parameters["first_weight"], parameters["first_bias"]).relu()
        outer = F.conv2d(padded(inner, 1, 1, "circular"), parameters["second_weight"], parameters["second_bias"])
        return outer.mean((1, 2, 3))

    components = phases(x)
    return pick(components, clear_winner(torch.stack([logit(phase) for phase in components], 1).detach()))


def haar_matrices(side, padding):
    """Low and high pass of one axis, [ceil(side/2), side]: what PyWavelets does to each unit impulse."""
    # PyWavelets refuses to reflect a single cell; repeating it is our rule there.
    mode = "symmetric" if padding == "reflect" and side == 1 else padding
    return [torch.from_numpy(band) for band in pywt.dwt(np.eye(side), "haar", mode=mode, axis=0)]


def haar_bands(x, padding):
    (low_rows, high_rows), (low_columns, high_columns) = (haar_matrices(side, padding) for side in x.shape[2:])
    pairs = (low_rows, low_columns), (high_rows, low_columns), (low_rows, high_columns), (high_rows, high_columns)
    return [along_axes(x, rows, columns) for rows, columns in pairs]


HAAR_NOTE = "rows and columns apart, by the matrix of its answers to unit impulses"


@operator("pywt.dwt", HAAR_NOTE)
def haar_low_pass(x, parameters, padding="zero"):
    return haar_bands(x, padding)[0]


@operator("pywt.dwt", HAAR_NOTE + "; bands LL, LH = (a+b-c-d)/2, HL = (a-b+c-d)/2, HH, each with all channels")
def haar_wavelet(x, parameters, padding="zero"):
    return torch.cat(haar_bands(x, padding), 1)


def spectral_size(shape, stride):
    return 2 * (math.floor(shape[2] / stride) // 2), math.floor(shape[3] / stride)


def shifted_window(side, dtype):
    """A Hamming window whose largest value comes first, from torch's of twice the length, whose middle is a sample for odd sides too."""
    return torch.fft.fftshift(torch.hamming_window(2 * side, dtype=dtype))[::2]


@operator("torch.fft", "rfft2, crop, irfft2; google-research/diffstride leaves out the factor hw/(HW)")
def spectral_pool(x, parameters, stride=2.0, rescale=True, window=None):
    rows, columns = spectral_size(x.shape, stride)
    assert min(rows, columns) >= 2, "the output's sides are at least 2"
    spectrum = torch.fft.rfft2(x)
    if window == "hamming":
        # The periodic window has its least value first; shifted by half a period its largest lies on frequency 0.
        down, across = (torch.sqrt(shifted_window(side, x.dtype)) for side in x.shape[2:])
        spectrum = spectrum * down[:, None] * across[: x.shape[3] // 2 + 1]
    spectrum = spectrum[..., : columns // 2 + 1]
    half = rows // 2
    cropped = torch.cat([spectrum[:, :, :half], spectrum[:, :, x.shape[2] - half :]], 2)
    factor = rows * columns / (x.shape[2] * x.shape[3]) if rescale else 1.0
    return factor * torch.fft.irfft2(cropped, s=(rows, columns))


def row_positions(side):
    """Distance of each row of the spectrum from the lowest frequency, as the authors count on even sides."""
    frequency = torch.arange(side, dtype=torch.float64)
    return torch.minimum(frequency, side - frequency - (1 - side % 2))


@operator(
    FORMULA,
    "masks of google-research/diffstride with torch.fft, times hw/(HW), which it leaves out; on odd heights its "
    "masks are shifted by one row, here they are centred",
    parameters=lambda settings, shape: {"strides": Parameter([2], 0.5, settings.get("stride", 2.0))},
)
def diff_stride(x, parameters, stride=2.0, smoothness=4.0):
    height, width = x.shape[2:]
    row_stride, column_stride = (
        value.clamp(min=side / (side - smoothness))
        for value, side in zip(parameters["strides"], (height, width), strict=True)
    )

    def mask(threshold, positions):
        return ((smoothness + threshold - positions) / smoothness).clamp(0.0, 1.0)

    row_mask = mask(height / row_stride.clamp(max=height / 2) / 2, row_positions(height))
    column_positions = torch.arange(width // 2 + 1, dtype=torch.float64)
    column_mask = mask(width / column_stride.clamp(max=width / 2) / 2 + 1, column_positions)
    masked = torch.fft.rfft2(x) * row_mask[:, None] * column_mask
    cropped = masked[:, :, row_mask > 0][..., column_mask > 0]
    rows, columns = cropped.shape[2], 2 * (cropped.shape[3] - 1)
    return rows * columns / (height * width) * torch.fft.irfft2(cropped, s=(rows, columns))
