"""Weights between allconv and PyTorch, in both directions.

    python exchange.py check NAME WIDTH DIRECTORY    loads what the example `exchange_weights write` left there
    python exchange.py write NAME WIDTH DIRECTORY    leaves what `exchange_weights check` loads

A directory holds `weights.safetensors`, a state dict, and `case.safetensors` with `images` [n, 3, h, w] and the
`logits` [n, classes] (of a network of a dense task: the output, flattened) that the writer computed from them.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import twins

TOLERANCE = 1e-4


def check(net, folder):
    twins.load(net, folder)
    case = load_file(folder / "case.safetensors")
    with torch.no_grad():
        logits = net(case["images"]).flatten(1)
    difference = (logits - case["logits"]).abs().max().item()
    limit = TOLERANCE * case["logits"].abs().max().item()
    print(f"largest difference of logits: {difference:.3g} (limit {limit:.3g})")
    sys.exit(0 if difference < limit else 3)


def write(net, shape, folder):
    torch.manual_seed(0)
    for parameter in net.parameters():
        # PyTorch's default lets deep nets forget their input, which would make the logits a weak witness.
        torch.nn.init.kaiming_normal_(parameter) if parameter.dim() > 1 else torch.nn.init.normal_(parameter, std=0.1)
    folder.mkdir(parents=True, exist_ok=True)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 1.0, 0.1)
    images = torch.randn(2, *shape)
    with torch.no_grad():
        logits = net(images).flatten(1)
    state = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    save_file(state, folder / "weights.safetensors")
    save_file({"images": images, "logits": logits}, folder / "case.safetensors")


def main():
    action, name, width, folder = sys.argv[1:]
    net, shape = twins.build(name, float(width))
    net.eval()
    if action == "check":
        check(net, Path(folder))
    elif action == "write":
        write(net, shape, Path(folder))
    else:
        sys.exit(f"unknown action {action}; use check or write")


if __name__ == "__main__":
    main()
