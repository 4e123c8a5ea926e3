"""The networks for dense tasks in plain PyTorch, with allconv's parameter names.

Stage N of an allconv network is module N of `features`; stages that only keep a feature map, take one back or note where to return
are `nn.Identity`s here, and the code between the modules does what they stand for.
"""

import torch
from torch import nn
from torch.nn import functional as F


def wide(channels, width):
    """Channels at a width: to the nearest, halves up, at least 1."""
    return max(1, int(width * channels + 0.5))


def norm_of(kind, channels):
    """A list of the normalisation `kind`, or an empty one."""
    if kind == "none":
        return []
    if kind == "batch":
        return [nn.BatchNorm2d(channels)]
    groups = next(groups for groups in range(8, 0, -1) if channels % groups == 0)
    return [nn.GroupNorm(groups, channels)]


class Stages(nn.Module):
    """A network over `features`; `forward` takes the modules one after the other from `self.modules_in_order()`."""

    def __init__(self, features):
        super().__init__()
        self.features = nn.ModuleList(features)

    def modules_in_order(self):
        return iter(self.features)


def convolution(inputs, outputs, kernel, norm="none"):
    """Convolution, normalisation, ReLU."""
    return [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), *norm_of(norm, outputs), nn.ReLU()]


def apply(modules, x, count):
    """`count` modules in a row."""
    for _ in range(count):
        x = next(modules)(x)
    return x


class Levels:
    """The levels of a U-shaped network with max pooling 2x2 and transposed convolutions 2x2."""

    def __init__(self, images, depth, channels, growth, convolutions, norm, residual, width):
        self.depth, self.convolutions, self.norm, self.residual = depth, convolutions, norm, residual
        self.modules = []
        of_level = [wide(channels * growth**level, width) for level in range(depth + 1)]
        inputs = images
        for level in range(depth):
            self.modules += [nn.Identity(), *self.block(inputs, of_level[level]), nn.Identity()]
            self.modules.append(nn.MaxPool2d(2, 2, ceil_mode=True))
            inputs = of_level[level]
        self.modules += [*self.block(inputs, of_level[depth]), nn.Dropout(0.0)]
        inputs = of_level[depth]
        for level in reversed(range(depth)):
            outputs = of_level[level]
            self.modules += [nn.ConvTranspose2d(inputs, outputs, 2, stride=2), nn.ReLU(), nn.Identity()]
            self.modules += self.block(2 * outputs, outputs)
            inputs = outputs
        self.channels = inputs

    def block(self, inputs, outputs):
        modules = convolution(inputs, outputs, 3, self.norm)
        if not self.residual:
            for _ in range(1, self.convolutions):
                modules += convolution(outputs, outputs, 3, self.norm)
        elif self.convolutions > 1:
            modules.append(nn.Identity())
            for _ in range(2, self.convolutions):
                modules += convolution(outputs, outputs, 3, self.norm)
            modules += [nn.Conv2d(outputs, outputs, 3, padding=1), *norm_of(self.norm, outputs), nn.Identity(), nn.ReLU()]
        return modules

    def run_block(self, modules, x):
        each = 2 if self.norm == "none" else 3
        if not self.residual:
            return apply(modules, x, each * self.convolutions)
        x = apply(modules, x, each)
        if self.convolutions == 1:
            return x
        next(modules)
        branch = apply(modules, x, each * (self.convolutions - 2) + each - 1)
        next(modules)
        return next(modules)(x + branch)

    def run(self, modules, x):
        kept = []
        for _ in range(self.depth):
            next(modules)
            x = self.run_block(modules, x)
            next(modules)
            kept.append(x)
            x = next(modules)(x)
        x = self.run_block(modules, x)
        x = next(modules)(x)
        for skip in reversed(kept):
            rows, columns = skip.shape[2:]
            # A row or column beyond an odd size is cut off.
            x = next(modules)(x)[:, :, :rows, :columns]
            x = next(modules)(x)
            next(modules)
            x = self.run_block(modules, torch.cat([skip, x], 1))
        return x


class UNet(Stages):
    def __init__(self, images=1, outputs=2, depth=4, channels=64, growth=2, convolutions=2, norm="none", residual=False, width=1.0):
        levels = Levels(images, depth, channels, growth, convolutions, norm, residual, width)
        super().__init__([nn.Dropout(0.0), *levels.modules, nn.Conv2d(levels.channels, outputs, 1)])
        self.levels = levels

    def forward(self, x):
        modules = self.modules_in_order()
        x = self.levels.run(modules, next(modules)(x))
        return next(modules)(x)


def steps_of(scale):
    """The factors of the enlarging steps."""
    if scale & (scale - 1) == 0:
        return [2] * (scale.bit_length() - 1)
    return [scale]


class ExpandingShuffle(nn.Module):
    """A convolution to factor² times the channels, then a pixel shuffle; the convolution's parameters are the module's own."""

    def __init__(self, channels, factor):
        super().__init__()
        inner = nn.Conv2d(channels, channels * factor**2, 3, padding=1)
        self.weight, self.bias, self.factor = inner.weight, inner.bias, factor

    def forward(self, x):
        return F.pixel_shuffle(F.conv2d(x, self.weight, self.bias, padding=1), self.factor)


def head(channels, scale):
    modules = []
    for factor in steps_of(scale):
        modules += [nn.Identity(), ExpandingShuffle(channels, factor)]
    return modules


def run_head(modules, x, scale):
    for _ in steps_of(scale):
        next(modules)
        x = next(modules)(x)
    return x


def bicubic(x, scale):
    """The bicubic enlargement of super-resolution: Keys' cubic with a = -1/2, edge values repeated, half-pixel centres."""

    def weight(distance):
        d = abs(distance)
        if d <= 1:
            return 1.5 * d**3 - 2.5 * d**2 + 1
        return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0

    def matrix(size):
        rows = torch.zeros(size * scale, size, dtype=x.dtype)
        for output in range(size * scale):
            centre = (output + 0.5) / scale - 0.5
            first = int(centre // 1) - 1
            for position in range(first, first + 4):
                rows[output, min(max(position, 0), size - 1)] += weight(centre - position)
        return rows

    height, columns = x.shape[2:]
    return torch.einsum("ai,bj,ncij->ncab", matrix(height), matrix(columns), x)


class Edsr(Stages):
    def __init__(self, images=3, outputs=3, scale=2, blocks=16, channels=64, residual_scale=1.0, residual=False, width=1.0):
        channels = wide(channels, width)
        features = [nn.Dropout(0.0)] + ([nn.Identity()] if residual else [])
        features += [nn.Conv2d(images, channels, 3, padding=1), nn.Identity()]
        for _ in range(blocks):
            features += [nn.Identity(), *convolution(channels, channels, 3), nn.Conv2d(channels, channels, 3, padding=1), nn.Identity()]
        features += [nn.Conv2d(channels, channels, 3, padding=1), nn.Identity()]
        features += [*head(channels, scale), nn.Dropout(0.0), nn.Conv2d(channels, outputs, 3, padding=1)]
        super().__init__(features)
        self.scale, self.blocks, self.residual_scale, self.residual = scale, blocks, residual_scale, residual

    def forward(self, images):
        modules = self.modules_in_order()
        x = next(modules)(images)
        if self.residual:
            next(modules)
            over_all = bicubic(x, self.scale)
        start = x = next(modules)(x)
        next(modules)
        for _ in range(self.blocks):
            next(modules)
            x = x + self.residual_scale * apply(modules, x, 3)
            next(modules)
        x = start + next(modules)(x)
        next(modules)
        x = run_head(modules, x, self.scale)
        x = apply(modules, x, 2)
        return x + over_all if self.residual else x


class SuperResolutionUNet(Stages):
    def __init__(self, images=3, outputs=3, scale=2, depth=2, channels=64, growth=1, convolutions=2, norm="none", residual=True, width=1.0):
        levels = Levels(images, depth, channels, growth, convolutions, norm, False, width)
        features = [nn.Dropout(0.0)] + ([nn.Identity()] if residual else [])
        features += [*levels.modules, *head(levels.channels, scale), nn.Conv2d(levels.channels, outputs, 3, padding=1)]
        super().__init__(features + ([nn.Identity()] if residual else []))
        self.levels, self.scale, self.residual = levels, scale, residual

    def forward(self, images):
        modules = self.modules_in_order()
        x = next(modules)(images)
        if self.residual:
            next(modules)
            over_all = bicubic(x, self.scale)
        x = self.levels.run(modules, x)
        x = run_head(modules, x, self.scale)
        x = next(modules)(x)
        return x + over_all if self.residual else x


class Autoencoder(Stages):
    def __init__(self, images=3, outputs=3, depth=1, channels=32, convolutions=1, bottleneck=12, width=1.0):
        channels = wide(channels, width)
        features, inputs = [nn.Dropout(0.0)], images
        for _ in range(depth):
            features.append(nn.Identity())
            for _ in range(convolutions):
                features += convolution(inputs, channels, 3)
                inputs = channels
            features.append(nn.MaxPool2d(2, 2, ceil_mode=True))
        features += [nn.Conv2d(inputs, bottleneck, 1), nn.Dropout(0.0)]
        inputs = bottleneck
        for _ in range(depth):
            features += [nn.ConvTranspose2d(inputs, channels, 2, stride=2), nn.ReLU()]
            for _ in range(convolutions):
                features += convolution(channels, channels, 3)
            inputs = channels
        super().__init__([*features, nn.Conv2d(inputs, outputs, 3, padding=1)])
        self.depth, self.convolutions = depth, convolutions

    def forward(self, x):
        modules = self.modules_in_order()
        x, sizes = next(modules)(x), []
        for _ in range(self.depth):
            next(modules)
            sizes.append(x.shape[2:])
            x = apply(modules, x, 2 * self.convolutions + 1)
        x = apply(modules, x, 2)
        for rows, columns in reversed(sizes):
            x = next(modules)(x)[:, :, :rows, :columns]
            x = apply(modules, x, 1 + 2 * self.convolutions)
        return next(modules)(x)


def build(name, width=1.0):
    """The network that allconv calls `name`, and its input: channels, rows, columns."""
    if name == "u_net":
        return UNet(width=width), (1, 512, 512)
    if name == "edsr_baseline":
        return Edsr(width=width), (3, 48, 48)
    if name == "sr_u_net":
        return SuperResolutionUNet(width=width), (3, 48, 48)
    return Autoencoder(width=width), (3, 32, 32)


NAMES = ["u_net", "edsr_baseline", "sr_u_net", "autoencoder"]
