"""The paper's networks as plain PyTorch `nn.Sequential`s whose state dicts carry allconv's parameter names.

Stage N of an allconv network is module N of `features`: dropout, convolution, activation, pooling, global average.
"""

import argparse

import torch
from torch import nn

BLOCKS = {"a": [5], "b": [5, 1], "c": [3, 3]}
RULES = {"model": "base", "strided_cnn": "strided", "convpool_cnn": "convpool", "all_cnn": "all"}


class Net(nn.Module):
    """`features`, then the global average's two axes of size 1 dropped."""

    def __init__(self, stages):
        super().__init__()
        self.features = nn.Sequential(*stages)

    def forward(self, images):
        return self.features(images).flatten(1)


def springenberg(base, rule, width=1.0, classes=10, last_relu=True, input_dropout=0.2, dropout=0.5):
    """Tables 1 and 2: base `a`, `b` or `c`; rule `base`, `strided`, `convpool` or `all`."""
    channels, stages = 3, [nn.Dropout(input_dropout)]

    def conv(out, kernel, stride=1, padding=None):
        nonlocal channels
        padding = kernel // 2 if padding is None else padding
        stages.extend([nn.Conv2d(channels, out, kernel, stride, padding), nn.ReLU()])
        channels = out

    def wide(paper):
        return max(1, int(width * paper + 0.5))

    for paper in (96, 192):
        kernels = BLOCKS[base]
        for index, kernel in enumerate(kernels):
            last = index == len(kernels) - 1
            conv(wide(paper), kernel, stride=2 if last and rule == "strided" else 1)
        if rule == "all":
            conv(channels, 3, stride=2)
        if rule == "convpool":
            conv(channels, 3)
        if rule in ("base", "convpool"):
            stages.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        stages.append(nn.Dropout(dropout))
    conv(wide(192), 3, padding=0)
    conv(wide(192), 1)
    stages.append(nn.Conv2d(channels, classes, 1))
    if last_relu:
        stages.append(nn.ReLU())
    stages.append(nn.AdaptiveAvgPool2d(1))
    return Net(stages)


def large_all_cnn(width=1.0, classes=10, slope=1 / 3):
    """Appendix table 5."""
    channels, stages = 3, [nn.Dropout(0.0)]

    def conv(out, kernel, stride=1, dropout=None):
        nonlocal channels
        out = max(1, int(width * out + 0.5))
        stages.extend([nn.Conv2d(channels, out, kernel, stride), nn.LeakyReLU(slope)])
        stages.extend([] if dropout is None else [nn.Dropout(dropout)])
        channels = out

    for block in range(1, 6):
        rate = None if block == 1 else 0.1 * (block - 1)
        conv(320 * block, 2, dropout=rate)
        conv(320 * block, 2, dropout=rate)
        conv(320 * block, 2, stride=2)
    conv(1920, 2, dropout=0.5)
    conv(1920, 1, dropout=0.5)
    return Net([*stages, nn.Conv2d(channels, classes, 1), nn.AdaptiveAvgPool2d(1)])


def all_cnn_imagenet(width=1.0, classes=1000):
    """Appendix table 6, with the paddings that give 54, 26, 12, 6, 6 from 224."""
    table = [(96, 11, 4, 0), (96, 1, 1, 0), (96, 3, 2, 0), (256, 5, 1, 2), (256, 1, 1, 0), (256, 3, 2, 0),
             (384, 3, 1, 1), (384, 1, 1, 0), (384, 3, 2, 1), None, (1024, 3, 1, 1), (1024, 1, 1, 0)]
    channels, stages = 3, [nn.Dropout(0.0)]
    for row in table:
        if row is None:
            stages.append(nn.Dropout(0.5))
            continue
        out, kernel, stride, padding = row
        out = max(1, int(width * out + 0.5))
        stages.extend([nn.Conv2d(channels, out, kernel, stride, padding), nn.ReLU()])
        channels = out
    return Net([*stages, nn.Conv2d(channels, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)])


def build(name, width=1.0, classes=None):
    """The network that allconv calls `name`, and the side of its input."""
    if name == "large_all_cnn":
        return large_all_cnn(width, classes or 10), 126
    if name == "all_cnn_imagenet":
        return all_cnn_imagenet(width, classes or 1000), 224
    rule, base = name.rsplit("_", 1)
    return springenberg(base, RULES[rule], width, classes or 10), 32


NAMES = [f"{rule}_{base}" for base in "abc" for rule in RULES] + ["large_all_cnn", "all_cnn_imagenet"]


def main():
    parser = argparse.ArgumentParser(description="Print a network and its number of parameters.")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--classes", type=int)
    parser.add_argument("--channels-last", action="store_true", help="store the weights channels-last")
    arguments = parser.parse_args()
    net, side = build(arguments.name, arguments.width, arguments.classes)
    if arguments.channels_last:
        net = net.to(memory_format=torch.channels_last)
    print(net)
    print(f"input 3x{side}x{side}, {sum(p.numel() for p in net.parameters()):,} parameters")


if __name__ == "__main__":
    main()
