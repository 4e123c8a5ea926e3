"""The slot's windows and the borders of a map, in PyTorch.

The rule of the slot: a side h becomes ceil(h / stride); windows start at the first cell and are cut off by the far
edge. Others drop or pad such windows, so the far edge is lengthened here by cells that do not count.
"""

import math

import torch
from torch.nn import functional as F


def ceil_div(side, stride):
    return -(-side // stride)


def beyond(side, kernel, stride, dilation=1, before=0):
    """Cells that the last window reaches beyond the far edge."""
    reach = (ceil_div(side, stride) - 1) * stride + dilation * (kernel - 1) + 1 - before
    return max(0, reach - side)


def extended(x, kernel, stride, fill, dilation=1, before=0):
    """x with `before` cells of `fill` at the near edges and as many at the far ones as the slot's windows need."""
    below, right = (beyond(side, kernel, stride, dilation, before) for side in x.shape[2:])
    return F.pad(x, (before, right, before, below), value=fill)


def windows(x, kernel, stride, fill, before=0):
    """The cells of each window, [n, c, kernel², rows, columns], cells outside the map being `fill`."""
    cells = extended(x, kernel, stride, fill, before=before).unfold(2, kernel, stride).unfold(3, kernel, stride)
    return cells.flatten(4).permute(0, 1, 4, 2, 3)


def window_sums(x, kernel, stride):
    return F.avg_pool2d(extended(x, kernel, stride, 0.0), kernel, stride, divisor_override=1)


def window_elements(x, kernel, stride):
    """How many cells of the map each window holds, [1, 1, rows, columns]."""
    return window_sums(torch.ones_like(x[:1, :1]), kernel, stride)


def window_means(x, kernel, stride):
    return window_sums(x, kernel, stride) / window_elements(x, kernel, stride)


def window_maxima(x, kernel, stride):
    return F.max_pool2d(extended(x, kernel, stride, -math.inf), kernel, stride)


def padded(x, before, after, mode):
    """Borders under any of the four rules; on an axis too short to reflect, reflect becomes replicate."""
    if mode == "zero":
        return F.pad(x, (before, after, before, after))
    for axis in (2, 3):
        side = x.shape[axis]
        positions = torch.arange(-before, side + after)
        if mode == "circular":
            positions %= side
        elif mode == "reflect" and max(before, after) < side:
            positions = (side - 1 - (side - 1 - positions.abs()).abs()).abs()
        else:
            positions = positions.clamp(0, side - 1)
        x = x.index_select(axis, positions)
    return x


def binomial(taps):
    """The outer product of the binomial taps, sum 1."""
    line = torch.tensor([math.comb(taps - 1, j) for j in range(taps)], dtype=torch.float64) / 2 ** (taps - 1)
    return torch.outer(line, line)


def blur(x, taps, stride, before, after, mode):
    """Correlation with the binomial filter, channel by channel."""
    weight = binomial(taps).to(x.dtype).expand(x.shape[1], 1, taps, taps)
    return F.conv2d(padded(x, before, after, mode), weight, stride=stride, groups=x.shape[1])


def along_axes(x, row_matrix, column_matrix):
    """row_matrix · x · column_matrixᵀ, channel by channel."""
    return row_matrix @ x @ column_matrix.T
