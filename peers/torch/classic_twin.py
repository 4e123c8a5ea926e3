"""Residual networks and the networks of the Visual Geometry Group in plain PyTorch, with torchvision's parameter names.

The default settings are those of torchvision.models (`check_against_torchvision` holds them to it where it is installed); the CIFAR networks follow
He et al., arXiv 1512.03385, section 4.2, with zeros in their shortcuts.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dense_twin import wide

RESNETS = {
    8: (16, [1] * 3, 1), 20: (16, [3] * 3, 1), 32: (16, [5] * 3, 1), 56: (16, [9] * 3, 1),
    18: (64, [2, 2, 2, 2], 1), 34: (64, [3, 4, 6, 3], 1), 50: (64, [3, 4, 6, 3], 4),
}
VGGS = {11: [1, 1, 2, 2, 2], 16: [2, 2, 3, 3, 3]}


class Zeros(nn.Module):
    """Every second position, between channels of zeros."""

    def __init__(self, channels, stride):
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x):
        x = x[:, :, :: self.stride, :: self.stride]
        missing = self.channels - x.shape[1]
        return F.pad(x, (0, 0, 0, 0, missing // 2, missing - missing // 2))


def shortcut(kind, inputs, outputs, stride, reduction):
    """What stands in the shortcut of a block that changes the shape of its map."""
    if kind == "zeros":
        return Zeros(outputs, stride)
    modules = []
    if kind == "average":
        modules.append(nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity())
    if kind == "operator" and stride > 1:
        modules.append(reduction())
    projected = stride if kind == "projection" else 1
    modules += [nn.Conv2d(inputs, outputs, 1, projected, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*modules)


class Block(nn.Module):
    """A basic block (expansion 1) or a bottleneck; `reduction`, if given, stands in for the stride."""

    def __init__(self, inputs, inner, expansion, stride, kind, reduction):
        super().__init__()
        outputs = inner * expansion
        kernels = [3, 3] if expansion == 1 else [1, 3, 1]
        self.reducing = len(kernels) - 1
        self.count = len(kernels)
        channels = inputs
        for number, kernel in enumerate(kernels, 1):
            after = outputs if number == self.count else inner
            step = stride if number == self.reducing and reduction is None else 1
            setattr(self, f"conv{number}", nn.Conv2d(channels, after, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{number}", nn.BatchNorm2d(after))
            channels = after
        self.reduction = reduction() if reduction is not None and stride > 1 else None
        changes = stride > 1 or inputs != outputs
        self.downsample = shortcut(kind, inputs, outputs, stride, reduction) if changes else None

    def forward(self, x):
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number < self.count:
                y = F.relu(y, inplace=True)
            if number == self.reducing and self.reduction is not None:
                y = self.reduction(y)
        y += x if self.downsample is None else self.downsample(x)
        return F.relu(y, inplace=True)


class Resnet(nn.Module):
    def __init__(self, layers, classes=None, width=1.0, kind=None, reduction=None):
        super().__init__()
        channels, blocks, expansion = RESNETS[layers]
        self.large = channels == 64
        kind = kind or ("projection" if self.large else "zeros")
        inputs = wide(channels, width)
        self.conv1 = nn.Conv2d(3, inputs, *([7, 2, 3] if self.large else [3, 1, 1]), bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        if self.large:
            self.maxpool = nn.MaxPool2d(3, 2, 1) if reduction is None else reduction()
        self.stages = len(blocks)
        for stage, count in enumerate(blocks):
            inner, modules = wide(channels * 2**stage, width), []
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                modules.append(Block(inputs, inner, expansion, stride, kind, reduction))
                inputs = inner * expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*modules))
        self.fc = nn.Linear(inputs, classes or (1000 if self.large else 10))

    def forward(self, images):
        x = F.relu(self.bn1(self.conv1(images)), inplace=True)
        x = self.maxpool(x) if self.large else x
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Vgg(nn.Module):
    def __init__(self, layers, norm=False, average=False, classes=1000, width=1.0):
        super().__init__()
        features, inputs = [], 3
        for count, channels in zip(VGGS[layers], [64, 128, 256, 512, 512]):
            for _ in range(count):
                outputs = wide(channels, width)
                features += [nn.Conv2d(inputs, outputs, 3, padding=1), *([nn.BatchNorm2d(outputs)] if norm else []), nn.ReLU()]
                inputs = outputs
            features.append(nn.MaxPool2d(2, 2))
        self.features, self.average = nn.Sequential(*features), average
        if average:
            self.classifier = nn.Linear(inputs, classes)
            return
        inner = wide(4096, width)
        self.classifier = nn.Sequential(
            nn.Linear(inputs * 49, inner), nn.ReLU(), nn.Dropout(), nn.Linear(inner, inner), nn.ReLU(), nn.Dropout(), nn.Linear(inner, classes)
        )

    def forward(self, images):
        x = self.features(images)
        return self.classifier(x.mean((2, 3)) if self.average else x.flatten(1))


def build(name, width=1.0):
    """The network that allconv calls `name`, and its input: channels, rows, columns."""
    if name.startswith("vgg"):
        layers, *rest = name.removeprefix("vgg").split("_")
        cifar = "cifar" in rest
        net = Vgg(int(layers), norm="bn" in rest, average=cifar, classes=10 if cifar else 1000, width=width)
        return net, (3, 32, 32) if cifar else (3, 224, 224)
    layers = int(name.removeprefix("resnet"))
    return Resnet(layers, width=width), (3, 224, 224) if RESNETS[layers][0] == 64 else (3, 32, 32)


NAMES = ["resnet20", "resnet32", "resnet56", "resnet18", "resnet34", "resnet50", "vgg11", "vgg11_bn", "vgg16", "vgg16_bn", "vgg16_bn_cifar"]


def check_against_torchvision(name):
    """Whether torchvision's network has the same state dict and gives the same logits; `None` where it is not installed."""
    try:
        from torchvision import models
    except ImportError:
        return None
    ours, theirs = build(name)[0].eval(), getattr(models, name)().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    with torch.no_grad():
        images = torch.randn(2, 3, 224, 224)
        expected = theirs(images)
        return (ours(images) - expected).abs().max().item() <= 1e-4 * expected.abs().max().item()
