"""Every operator as the PyTorch module that `allconv` writes, compared with this program in double precision: results and gradients.

    cargo run -p allconv-exchange --example lowered_operators -- DIRECTORY
    python3 peers/torch/pytorch_modules.py DIRECTORY

Needs torch, onnx (whose models hold the weights) and numpy. Each module is loaded with `strict=True` and traced by `torch.export`.
"""
import argparse
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch

BOUND = 1e-10  # of the largest value, in double precision
PARAMETER_BOUND = 1e-6  # this program hands gradients of parameters over in 32 bits


def module_of(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Model()


def relative(found, wanted):
    """The largest difference, relative to the largest value."""
    largest = float(np.abs(wanted).max()) if wanted.size else 0.0
    return float(np.abs(found - wanted).max()) / (largest or 1.0) if wanted.size else 0.0


def check(folder, case):
    """The largest differences of the map, of the gradient by the images, and of those by parameters."""
    double = lambda what, shape: np.fromfile(folder / f"{case['data']}.{what}.f64", dtype="<f8").reshape(shape)
    model = module_of(folder / case["module"])
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(folder / case["model"]).graph.initializer}
    model.load_state_dict({name: torch.from_numpy(tensors[name].copy()) for name in model.state_dict()}, strict=True)
    model = model.double().eval()
    images = np.fromfile(folder / f"{case['data']}.images.f32", dtype="<f4").reshape(case["images"])
    images = torch.from_numpy(images.astype(np.float64)).requires_grad_()
    found = model(images)
    (found * torch.from_numpy(double("signal", case["map"]))).sum().backward()
    by_parameters = json.loads((folder / f"{case['data']}.by_parameters.json").read_text())
    parameters = dict(model.named_parameters())
    differences = [0.0]
    for name, wanted in by_parameters.items():
        gradient = parameters[name].grad
        gradient = np.zeros(len(wanted)) if gradient is None else gradient.numpy().ravel()
        differences.append(relative(gradient, np.array(wanted)))
    if len(images) == 1:  # one module serves every number of images
        exported = torch.export.export(model, (images.detach(),), strict=False)
        with torch.no_grad():
            traced = exported.module()(images.detach())
        assert torch.equal(traced, found.detach()), f"{case['data']}: torch.export changes the result"
    return (
        relative(found.detach().numpy(), double("map", case["map"])),
        relative(images.grad.numpy(), double("by_images", case["images"])),
        max(differences),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = json.loads((arguments.folder / "cases.json").read_text())
    worst, failures = [0.0, 0.0, 0.0], []
    for case in cases:
        differences = check(arguments.folder, case)
        worst = [max(pair) for pair in zip(worst, differences)]
        if not (differences[0] <= BOUND and differences[1] <= BOUND and differences[2] <= PARAMETER_BOUND):
            failures.append(f"{case['data']} {json.dumps(case['operator'])}: {differences}")
    print(f"{len(cases)} cases; largest differences: map {worst[0]:.3g}, by images {worst[1]:.3g}, by parameters {worst[2]:.3g}")
    for failure in failures:
        print("FAILED", failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
