"""Writes what one training step of each network for dense tasks gives in PyTorch, in f64, for the Rust tests to compare with.

    python dense_golden.py crates/nets/tests/fixtures/dense_step.json

Weights, images and targets come from `formula.py`; scales of normalisation are 1 plus half of it. The step is plain SGD on the
mean square of the difference from the target, in training mode; the output after it is taken in evaluation mode.
"""

import json
import sys

import numpy as np
import torch
from PIL import Image
from torch import nn

import dense_twin
import formula
from golden import sample_indices

RATE = 0.01

# Name, network, its description as a study file writes it, channels and size of the images.
CASES = [
    (
        "u_net, batch norm",
        lambda: dense_twin.UNet(images=2, outputs=3, depth=2, channels=6, norm="batch"),
        {"u_net": {"depth": 2, "channels": 6, "norm": "batch"}},
        (2, 13, 10),
    ),
    (
        "u_net, group norm, residual",
        lambda: dense_twin.UNet(images=1, outputs=2, depth=2, channels=12, growth=1.5, convolutions=3, norm="group", residual=True),
        {"u_net": {"depth": 2, "channels": 12, "growth": 1.5, "convolutions": 3, "norm": "group", "blocks": "residual"}},
        (1, 9, 15),
    ),
    (
        "edsr ×2",
        lambda: dense_twin.Edsr(scale=2, blocks=2, channels=8, residual_scale=0.25),
        {"edsr": {"scale": 2, "blocks": 2, "channels": 8, "residual_scale": 0.25}},
        (3, 7, 9),
    ),
    (
        "edsr ×3 over bicubic",
        lambda: dense_twin.Edsr(scale=3, blocks=1, channels=6, residual=True),
        {"edsr": {"scale": 3, "blocks": 1, "channels": 6, "residual": "bicubic"}},
        (3, 5, 8),
    ),
    (
        "edsr ×4",
        lambda: dense_twin.Edsr(scale=4, blocks=1, channels=6),
        {"edsr": {"scale": 4, "blocks": 1, "channels": 6}},
        (3, 4, 5),
    ),
    (
        "super_resolution_u_net ×2 over bicubic",
        lambda: dense_twin.SuperResolutionUNet(scale=2, channels=6),
        {"super_resolution_u_net": {"scale": 2, "channels": 6, "residual": "bicubic"}},
        (3, 11, 7),
    ),
    (
        "autoencoder",
        lambda: dense_twin.Autoencoder(depth=2, channels=5, bottleneck=7),
        {"autoencoder": {"depth": 2, "channels": 5, "bottleneck": 7}},
        (3, 9, 6),
    ),
]


def fill(net):
    formula.fill(net)
    scales = {id(module.weight) for module in net.modules() if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm))}
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if id(parameter) in scales:
                values = 1 + 0.5 * formula.uniform(name, parameter.numel())
                parameter.copy_(torch.from_numpy(values.astype(np.float32)))


def tensor(name, shape):
    values = formula.uniform(name, int(np.prod(shape))).astype(np.float32).astype(np.float64)
    return torch.from_numpy(values).reshape(shape)


def rounded(value):
    return float(f"{value:.12g}")


def samples(values):
    values = values.detach().flatten()
    return [[index, rounded(values[index].item())] for index in sample_indices(values.numel())]


def summary(values):
    return {"shape": list(values.shape), "norm": rounded(values.norm().item()), "samples": samples(values)}


def step(name, net, description, shape):
    net = net.double().train()
    fill(net)
    images = tensor("images", (2, *shape))
    with torch.no_grad():
        target = tensor("target", tuple(net.eval()(images).shape))
    net.train()
    output = net(images)
    loss = (output - target).square().mean()
    loss.backward()
    case = {
        "name": name,
        "architecture": description,
        "shape": list(shape),
        "outputs": output.shape[1],
        "rate": RATE,
        "output": summary(output),
        "loss": loss.item(),
        "gradients": {path: summary(parameter.grad) for path, parameter in net.named_parameters()},
    }
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= RATE * parameter.grad
        running = {path: value for path, value in net.state_dict().items() if "running" in path}
        case["running"] = {path: summary(value) for path, value in running.items()}
        case["output_after"] = summary(net.eval()(images))
    return case


def check_bicubic():
    """Inside, the bicubic enlargement is Pillow's, which does something else at edges."""
    values = tensor("picture", (12, 10)).numpy()
    ours = dense_twin.bicubic(torch.from_numpy(values)[None, None], 3)[0, 0].numpy()
    pillow = np.asarray(Image.fromarray(values.astype(np.float32)).resize((30, 36), Image.Resampling.BICUBIC))
    assert np.abs(ours - pillow)[6:-6, 6:-6].max() < 1e-5


def main():
    check_bicubic()
    cases = []
    for name, build, description, shape in CASES:
        cases.append(step(name, build(), description, shape))
        print(f"{name}: loss {cases[-1]['loss']:.6f}", file=sys.stderr)
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases)
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
