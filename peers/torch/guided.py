"""Gradient, deconvnet and guided backpropagation in PyTorch, in f64, for allconv's `explain` to be compared with.

    python guided.py check NAME WIDTH WEIGHTS SIGNALS [--no-last-relu] [--classes N]
    python guided.py golden DIRECTORY

`check` reads weights and what `allconv explain … --signals SIGNALS` wrote, computes the signal of the same unit of every
stage and image under each rule, and ends with 3 if any differs by more than 1e-4 of its largest absolute value.
`golden` trains two tiny networks on gratings and writes weights and signals, in f32, for the Rust tests.

The rules are written as autograd functions in the place of every ReLU module of the twin; nothing is taken from allconv.
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import cross_entropy

import twin

RULES = ["gradient", "deconvnet", "guided"]
TOLERANCE = 1e-4
GOLDEN_SIDE = 12
GOLDEN_WIDTH = 0.0625


class Rectifier(torch.autograd.Function):
    """max(x, 0), with the rule's way back: Springenberg et al., section 4."""

    @staticmethod
    def forward(ctx, x, rule):
        ctx.save_for_backward(x)
        ctx.rule = rule
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, signal):
        (x,) = ctx.saved_tensors
        if ctx.rule in ("gradient", "guided"):
            signal = signal * (x > 0)
        if ctx.rule in ("deconvnet", "guided"):
            signal = signal * (signal > 0)
        return signal, None


class Ruled(nn.Module):
    """A ReLU whose way back is a choice."""

    def __init__(self, rule):
        super().__init__()
        self.rule = rule

    def forward(self, x):
        return Rectifier.apply(x, self.rule)


def with_rule(net, rule):
    """The stages of `net`, every ReLU replaced; fails if there is another activation."""
    stages = []
    for stage in net.features:
        assert not isinstance(stage, (nn.LeakyReLU, nn.Sigmoid, nn.Tanh)), stage
        stages.append(Ruled(rule) if isinstance(stage, nn.ReLU) else stage)
    return stages


def signals(net, images, rule, last, places=None):
    """What arrives at the images from one unit of stage `last`: the strongest, or that of `places` [n, 3]."""
    images = images.clone().requires_grad_(True)
    x = images
    for stage in with_rule(net, rule)[: last + 1]:
        x = stage(x)
    if places is None:
        _, _, rows, columns = x.shape
        flat = x.detach().flatten(1).argmax(1)
        places = torch.stack([flat // (rows * columns), flat // columns % rows, flat % columns], dim=1)
    sent = torch.zeros_like(x)
    for image, (channel, row, column) in enumerate(places.tolist()):
        sent[image, channel, row, column] = 1
    (signal,) = torch.autograd.grad(x, images, sent)
    return signal, places


def build(name, width, classes, last_relu):
    rule, base = name.rsplit("_", 1)
    if base in "abc" and name not in ("large_all_cnn", "all_cnn_imagenet"):
        return twin.springenberg(base, twin.RULES[rule], width, classes or 10, last_relu=last_relu)
    return twin.build(name, width, classes)[0]


def check(arguments):
    net = build(arguments.name, arguments.width, arguments.classes, not arguments.no_last_relu)
    net.load_state_dict(load_file(arguments.weights), strict=True)
    net = net.double().eval()
    given = load_file(arguments.signals)
    images = given["images"]
    print(f"{len(images)} images, {len(net.features)} stages")
    worst = 0.0
    for stage in range(len(net.features)):
        differences = []
        for rule in RULES:
            expected, _ = signals(net, images, rule, stage, given[f"places.{stage}"])
            scale = expected.abs().max().clamp(min=1e-300)
            differences.append(((given[f"{rule}.{stage}"] - expected).abs().max() / scale).item())
        print(f"{stage:3} {type(net.features[stage]).__name__:18}", " ".join(f"{d:.1e}" for d in differences))
        worst = max(worst, *differences)
    print(f"largest difference relative to the largest value: {worst:.2e} (limit {TOLERANCE:.0e})")
    sys.exit(0 if worst <= TOLERANCE else 3)


def gratings(count, generator):
    """Gratings of four directions in noise, and their directions."""
    labels = torch.randint(0, 4, (count,), generator=generator)
    grid = torch.arange(GOLDEN_SIDE, dtype=torch.float32)
    rows, columns = torch.meshgrid(grid, grid, indexing="ij")
    angle = labels[:, None, None] * torch.pi / 4
    phase = 6.3 * torch.rand((count, 1, 1), generator=generator)
    wave = torch.sin(1.3 * (rows * torch.sin(angle) + columns * torch.cos(angle)) + phase)
    colour = torch.rand((count, 3, 1, 1), generator=generator) - 0.3
    noise = 0.3 * torch.randn((count, 3, GOLDEN_SIDE, GOLDEN_SIDE), generator=generator)
    return wave[:, None] * colour + noise, labels


def golden(folder):
    for name in ("model_c", "all_cnn_c"):
        torch.manual_seed(1)
        generator = torch.Generator().manual_seed(2)
        net = build(name, GOLDEN_WIDTH, 4, last_relu=False)
        for parameter in net.parameters():
            nn.init.kaiming_normal_(parameter) if parameter.dim() > 1 else nn.init.zeros_(parameter)
        optimiser = torch.optim.Adam(net.parameters(), lr=0.005)
        net.eval()
        for step in range(300):
            images, labels = gratings(64, generator)
            loss = cross_entropy(net(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        print(f"{name}: loss {loss.item():.3f} after {step + 1} steps")
        folder.mkdir(parents=True, exist_ok=True)
        save_file(net.state_dict(), folder / f"{name}.weights.safetensors")
        net = net.double()
        images = gratings(2, generator)[0].double()
        tensors = {"images": images.float()}
        for stage, module in enumerate(net.features):
            if isinstance(module, nn.Dropout):
                continue
            for rule in RULES:
                signal, places = signals(net, images.float().double(), rule, stage)
                tensors[f"{rule}.{stage}"] = signal.float()
            tensors[f"places.{stage}"] = places.float()
        save_file(tensors, folder / f"{name}.signals.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True, dest="action")
    checked = actions.add_parser("check")
    checked.add_argument("name")
    checked.add_argument("width", type=float)
    checked.add_argument("weights", type=Path)
    checked.add_argument("signals", type=Path)
    checked.add_argument("--no-last-relu", action="store_true")
    checked.add_argument("--classes", type=int)
    actions.add_parser("golden").add_argument("folder", type=Path)
    arguments = parser.parse_args()
    check(arguments) if arguments.action == "check" else golden(arguments.folder)


if __name__ == "__main__":
    main()
