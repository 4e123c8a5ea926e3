"""Writes what one training step of residual networks and networks of the Visual Geometry Group gives in PyTorch, in f64.

    python classic_golden.py crates/nets/tests/fixtures/classic_step.json

As `dense_golden.py`, with the logits for a map; before that the twins are held to torchvision where it is installed.
"""

import json
import sys

from torch import nn

import classic_twin
from dense_golden import step


def max_pool():
    return nn.MaxPool2d(3, 2, ceil_mode=True)


# Name, network, its description in allconv's words, the operator in its slot, sides of the images.
CASES = [
    ("resnet20", lambda: classic_twin.Resnet(20, width=0.25), {"resnet": {"layers": 20, "width": 0.25}}, None, 12),
    (
        "resnet8 with pooling in block and shortcut",
        lambda: classic_twin.Resnet(8, width=0.5, kind="operator", reduction=max_pool),
        {"resnet": {"layers": 8, "width": 0.5, "shortcut": "operator"}},
        {"max_pool": {"kernel": 3, "stride": 2}},
        16,  # Even at every reduction: on odd heights PyTorch's rule makes one window less.
    ),
    ("resnet18", lambda: classic_twin.Resnet(18, 20, 0.125), {"resnet": {"layers": 18, "width": 0.125}}, None, 64),
    (
        "resnet18 with means in its shortcuts",
        lambda: classic_twin.Resnet(18, 20, 0.125, "average"),
        {"resnet": {"layers": 18, "width": 0.125, "shortcut": "average"}},
        None,
        64,
    ),
    ("resnet50", lambda: classic_twin.Resnet(50, 20, 0.0625), {"resnet": {"layers": 50, "width": 0.0625}}, None, 64),
    ("vgg11", lambda: classic_twin.Vgg(11, classes=10, width=0.0625), {"vgg": {"layers": 11, "width": 0.0625}}, None, 224),
    (
        "vgg16 with batch norm and an average",
        lambda: classic_twin.Vgg(16, norm=True, average=True, classes=10, width=0.125),
        {"vgg": {"layers": 16, "norm": "batch", "head": "average", "width": 0.125}},
        None,
        64,
    ),
]


def as_map(net):
    """The same network, its logits given out as a map of 1x1, without dropout."""
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    logits = net.forward
    net.forward = lambda images: logits(images)[:, :, None, None]
    return net


def short(value):
    """The same case with numbers of nine digits and two samples of each tensor."""
    if isinstance(value, dict):
        return {key: short(item[:: len(item) - 1] if key == "samples" and len(item) > 1 else item) for key, item in value.items()}
    if isinstance(value, list):
        return [short(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def main():
    for name in ["resnet18", "resnet34", "resnet50", "vgg11", "vgg11_bn", "vgg16", "vgg16_bn"]:
        agrees = classic_twin.check_against_torchvision(name)
        print(f"{name}: {'torchvision is not installed' if agrees is None else f'agrees with torchvision: {agrees}'}", file=sys.stderr)
        assert agrees is not False
    cases = []
    for name, build, description, downsample, side in CASES:
        case = step(name, as_map(build()), description, (3, side, side))
        cases.append(short({**case, "downsample": downsample}))
        print(f"{name}: loss {case['loss']:.6f}", file=sys.stderr)
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases)
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
