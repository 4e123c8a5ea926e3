"""Writes what one training step of each network gives in PyTorch, in f64, for the Rust tests to compare with.

    python golden.py crates/nets/tests/fixtures/training_step.json

Weights and images come from `formula.py`; dropout is off; the step is SGD on the mean cross-entropy of two images
with labels 1 and 7.
"""

import json
import sys

import torch
from torch.nn.functional import cross_entropy

import formula
import twin

LABELS = [1, 7]
SAMPLES = 4


def sample_indices(count):
    """Indices spread over `count` elements."""
    return sorted({position * (count - 1) // (SAMPLES - 1) for position in range(SAMPLES)})


def step(name, width=0.125, learning_rate=0.01):
    net, size = twin.build(name, width)
    net = net.double().eval()
    formula.fill(net)
    images, labels = formula.images(size).double(), torch.tensor(LABELS)
    logits = net(images)
    loss = cross_entropy(logits, labels)
    loss.backward()
    gradients = {}
    for path, parameter in net.named_parameters():
        gradient = parameter.grad.flatten()
        gradients[path] = {
            "shape": list(parameter.shape),
            "norm": float(f"{gradient.norm().item():.12g}"),
            "samples": [[index, float(f"{gradient[index].item():.12g}")] for index in sample_indices(gradient.numel())],
        }
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= learning_rate * parameter.grad
        loss_after = cross_entropy(net(images), labels).item()
    shown = logits.detach().flatten()[:20].tolist()
    return {
        "name": name,
        "width": width,
        "learning_rate": learning_rate,
        "logits": [float(f"{value:.12g}") for value in shown],
        "loss": loss.item(),
        "loss_after": loss_after,
        "gradients": gradients,
    }


def main():
    # The large networks at their full width, with rates at which one step lowers their loss.
    settings = {"large_all_cnn": (1.0, 1e-4), "all_cnn_imagenet": (1.0, 0.01)}
    cases = []
    for name in twin.NAMES:
        cases.append(step(name, *settings.get(name, ())))
        print(f"{name}: loss {cases[-1]['loss']:.6f}, after the step {cases[-1]['loss_after']:.6f}", file=sys.stderr)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
