"""The downsampling operators that reduce each window to a number, as the implementations of others compute them.

Where no package has the operator, the source is `formula`: written here in plain PyTorch from the definition, without
looking at the Rust. Settings and their defaults are those of a study file.
"""

import math

import torch
from torch.nn import functional as F

from operators_registry import DOWNSAMPLING, FORMULA, Parameter, registered_in
from operators_windows import (
    ceil_div,
    extended,
    window_elements,
    window_maxima,
    window_means,
    window_sums,
    windows,
)

operator = registered_in(DOWNSAMPLING)


def per_layer_or_channel(name, scale, shift):
    return lambda settings, shape: {
        name: Parameter([shape[1] if settings.get("per") == "channel" else 1], scale, shift)
    }


def spread(value):
    """A parameter [1] or [c] over [n, c, h, w]."""
    return value.reshape(1, -1, 1, 1)


CUT_OFF = "far edge padded with cells that do not count; PyTorch would drop the window or pad on both sides"


def max_pool_with_indices(x, kernel=3, stride=2, dilation=1, padding=None, ceil_mode=False):
    """y and the flat positions of the maxima in the plane of x."""
    if padding is not None:
        return F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode, return_indices=True)
    map_ = extended(x, kernel, stride, -math.inf, dilation)
    y, indices = F.max_pool2d(map_, kernel, stride, 0, dilation, return_indices=True)
    return y, indices // map_.shape[3] * x.shape[3] + indices % map_.shape[3]


@operator("torch.nn.functional.max_pool2d", lambda s, _: "" if "padding" in s else CUT_OFF, exact=True)
def max_pool(x, parameters, **settings):
    return max_pool_with_indices(x, **settings)[0]


CEIL_WINDOW = (
    "PyTorch's divisor with count_include_pad and ceil_mode: the window's cells up to side + padding, not kernel²"
)


@operator(
    "torch.nn.functional.avg_pool2d",
    lambda s, _: CUT_OFF if "padding" not in s else CEIL_WINDOW if s.get("ceil_mode") and s.get("divisor") else "",
)
def average_pool(x, parameters, kernel=2, stride=2, divisor="cells", padding=None, ceil_mode=False):
    if padding is not None:
        return F.avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad=divisor == "window")
    if divisor == "window":
        return window_sums(x, kernel, stride) / kernel**2
    return window_means(x, kernel, stride)


def p_norm(x, p, kernel, stride, form):
    """PyTorch's sum over |x| (it raises x itself to the power), divided by the cells for the mean form."""
    sums = F.lp_pool2d(extended(x.abs(), kernel, stride, 0.0), p, kernel, stride)
    return sums if form == "sum" else sums / window_elements(x, kernel, stride) ** (1.0 / p)


OF_MAGNITUDES = "of |x|: PyTorch raises x itself to the power; divided by the cells inside the map for the mean form"


@operator("torch.nn.functional.lp_pool2d", OF_MAGNITUDES)
def p_norm_pool(x, parameters, kernel=3, stride=2, p=2.0, form="mean"):
    return p_norm(x, p, kernel, stride, form)


@operator(
    "torch.nn.functional.lp_pool2d",
    OF_MAGNITUDES + "; its norm_type given as a tensor, p = 1 + softplus(q)",
    parameters=per_layer_or_channel("q", 1.0, 0.5),
)
def learned_p_norm_pool(x, parameters, kernel=3, stride=2, form="mean", initial_p=2.0, per="layer"):
    return p_norm(x, spread(1.0 + F.softplus(parameters["q"])), kernel, stride, form)


def gem_parameters(settings, shape):
    return {"p": Parameter([1], 1.0, 3.0)} if settings.get("learned", True) else {}


@operator(
    "torch.nn.functional.lp_pool2d",
    "of max(x, epsilon), divided by the cells inside the map",
    parameters=gem_parameters,
)
def gem_pool(x, parameters, kernel=2, stride=2, p=3.0, epsilon=1e-6, learned=True):
    return p_norm(x.clamp(min=epsilon), spread(parameters["p"]) if learned else p, kernel, stride, "mean")


@operator("torch.logsumexp", "over the cells of each window inside the map")
def log_sum_exp_pool(x, parameters, kernel=2, stride=2, sharpness=1.0):
    sums = torch.logsumexp(sharpness * windows(x, kernel, stride, -math.inf), 2)
    return (sums - window_elements(x, kernel, stride).log()) / sharpness


def lower(settings, shape):
    return settings.get("even") == "lower"


@operator(
    lambda s, _: "torch.nanmedian" if s.get("even") == "lower" else "torch.nanquantile, interpolation midpoint",
    "over the cells of each window inside the map",
    exact=lower,
)
def median_pool(x, parameters, kernel=3, stride=2, even="mean"):
    cells = windows(x, kernel, stride, math.nan)
    if even == "lower":
        return cells.nanmedian(2).values
    return cells.nanquantile(0.5, dim=2, interpolation="midpoint")


@operator("torch.topk", "over the elements of each window inside the map; of all where there are fewer")
def rank_average_pool(x, parameters, kernel=3, stride=2, top=4):
    largest = windows(x, kernel, stride, -math.inf).topk(top, dim=2).values
    counted = largest > -math.inf
    return largest.where(counted, 0.0).sum(2) / counted.sum(2)


@operator(FORMULA, "sums by torch.nn.functional.avg_pool2d; a window without a positive cell gives 0 and no gradient")
def stochastic_pool(x, parameters, kernel=2, stride=2):
    a = x.relu()
    sums = window_sums(a, kernel, stride)
    positive = sums > 0
    return torch.where(positive, window_sums(a * a, kernel, stride) / sums.where(positive, 1.0), 0.0)


MAX_AND_AVERAGE = "torch.nn.functional.max_pool2d and avg_pool2d"


@operator(MAX_AND_AVERAGE, parameters=per_layer_or_channel("mix", 2.0, 0.25))
def mixed_pool(x, parameters, kernel=2, stride=2, per="layer"):
    share = spread(parameters["mix"]).sigmoid()
    return share * window_maxima(x, kernel, stride) + (1 - share) * window_means(x, kernel, stride)


def gate_parameter(settings, shape):
    kernel = settings.get("kernel", 2)
    return {"gate": Parameter([shape[1] if settings.get("per") == "channel" else 1, kernel, kernel], 2.0, 0.0)}


@operator(
    MAX_AND_AVERAGE + "; gate by conv2d", "cells beyond the edge count as 0 in the gate", parameters=gate_parameter
)
def gated_pool(x, parameters, kernel=2, stride=2, per="layer"):
    channels = x.shape[1]
    weight = parameters["gate"].expand(channels, kernel, kernel).unsqueeze(1)
    gate = F.conv2d(extended(x, kernel, stride, 0.0), weight, stride=stride, groups=channels).sigmoid()
    return gate * window_maxima(x, kernel, stride) + (1 - gate) * window_means(x, kernel, stride)


@operator(MAX_AND_AVERAGE)
def max_average_pool(x, parameters, kernel=2, stride=2, combine="sum"):
    both = window_maxima(x, kernel, stride), window_means(x, kernel, stride)
    return sum(both) if combine == "sum" else torch.cat(both, 1)


def disjoint_starts(side, count, u):
    """Starts and the end of the last region, in exact arithmetic; `u` in 1/1000."""
    starts = [max(0, ceil_div(side * (1000 * i + u), 1000 * count) - 1) for i in range(count + 1)]
    return starts[:-1], [min(end, side) for end in starts[1:]]


@operator(
    lambda s, _: FORMULA if s.get("regions") == "disjoint" else "torch.nn.functional.fractional_max_pool2d",
    "u = 0.5 in both axes, window starts in f64 (in f32 PyTorch places some windows elsewhere)",
    exact=True,
)
def fractional_max_pool(x, parameters, kernel=2, ratio=2.0, regions="overlapping", draw="fixed", u=0.5):
    rows, columns = (max(1, math.floor(side / ratio)) for side in x.shape[2:])
    if regions == "overlapping":
        samples = torch.full((*x.shape[:2], 2), u, dtype=x.dtype)
        return F.fractional_max_pool2d(x, kernel, (rows, columns), _random_samples=samples)
    row_regions, column_regions = (
        list(zip(*disjoint_starts(side, count, round(1000 * u)), strict=True))
        for side, count in zip(x.shape[2:], (rows, columns), strict=True)
    )
    maxima = [x[:, :, a:b, c:d].amax((2, 3)) for a, b in row_regions for c, d in column_regions]
    return torch.stack(maxima, -1).unflatten(-1, (rows, columns))


def soft_mean(x, logits, kernel, stride, before=0):
    """The mean of each window with weights exp(logit), cells outside the map left out."""
    weights = windows(logits, kernel, stride, -math.inf, before).softmax(2)
    return (weights * windows(x, kernel, stride, 0.0, before)).sum(2)


@operator("torch.softmax", "over each window, channel by channel; the author's PyTorch path differs and clamps")
def soft_pool(x, parameters, kernel=2, stride=2):
    return soft_mean(x, x, kernel, stride)


def beta_parameter(settings, shape):
    stride = settings.get("stride", 2)
    return {"beta": Parameter([ceil_div(side, stride) for side in shape[2:]], 0.75, 0.5)}


@operator(
    FORMULA,
    "beta clamped to [0, 1]; similarity 2xm / (x² + m²) of each cell and the window mean m, channel by channel, as "
    "in the authors' CUDA code, 0 where both are 0; windows of the slot and no clamp at 0, unlike there",
    parameters=beta_parameter,
)
def ada_pool(x, parameters, kernel=2, stride=2):
    cells = windows(x, kernel, stride, math.nan)
    inside = ~cells.isnan()
    cells = windows(x, kernel, stride, 0.0)
    means = window_means(x, kernel, stride).unsqueeze(2)
    squares = cells**2 + means**2
    similarity = torch.where(squares > 0, 2 * cells * means / squares.where(squares > 0, 1.0), 0.0)
    weights = similarity.masked_fill(~inside, -math.inf).softmax(2)
    beta = parameters["beta"].clamp(0.0, 1.0)
    return beta * (weights * cells).sum(2) + (1 - beta) * soft_mean(x, x, kernel, stride)


def importance_parameters(settings, shape):
    channels = shape[1]
    return {
        "weight": Parameter([channels, channels, 3, 3], 0.5, 0.0),
        "norm_weight": Parameter([channels], 0.5, 0.5),
        "norm_bias": Parameter([channels], 0.5, 0.0),
    }


@operator(
    "torch.softmax, torch.nn.functional.instance_norm and conv2d",
    "the simplified gate",
    parameters=importance_parameters,
)
def local_importance_pool(x, parameters, kernel=3, stride=2, gate="simplified"):
    inner = F.conv2d(x, parameters["weight"], padding=1)
    normalised = F.instance_norm(inner, weight=parameters["norm_weight"], bias=parameters["norm_bias"], eps=1e-5)
    return soft_mean(x, 12 * normalised.sigmoid(), kernel, stride, (kernel - 1) // 2)
