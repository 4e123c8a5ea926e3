"""Writes the golden vectors of the operators: what others' implementations give, for the Rust tests to compare with.

    python operators_golden.py crates/nets/tests/fixtures/operators

`golden.json`: the first line opens the object with versions and the hash of the other file, then one case a line.
`golden.safetensors`: f32 tensors `<id>/y`, `<id>/dx`, `<id>/d_<parameter>` and, for max pooling and its inverse,
`<id>/indices` (i32).

Inputs are not stored; `formula.uniform` gives them: x from `x/<id>`, the upstream gradient dy from `dy/<id>`,
parameters from `parameter/<id>/<name>` as f32(scale · uniform + shift); for max-unpooling, `z/<id>` is the feature map whose
maxima the indices name. Everything is computed in f64 and rounded once. First `operators_worked.py` must agree.
"""

import hashlib
import importlib.metadata
import json
import math
import platform
import sys
from pathlib import Path

import torch
from safetensors.numpy import save_file

import formula
import operators_pooling
import operators_sampling  # noqa: F401 (registers its operators)
import operators_upsampling
import operators_worked
from operators_cases import BATCH, CHANNELS, DOWNSAMPLING_CASES, UPSAMPLING_CASES
from operators_registry import DOWNSAMPLING, UPSAMPLING

PACKAGES = ["torch", "timm", "kornia", "PyWavelets", "pillow", "scipy", "numpy", "antialiased-cnns"]
LIMIT_BYTES = 1_000_000


def toml(value):
    """A value as it stands in a study file."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, float):
        return "inf" if math.isinf(value) else repr(value)
    return json.dumps(value)


def case_id(name, settings, *sizes):
    """`name-key_value-5x7`, and for an upsampler `-to-` and the size it returns."""
    chosen = [f"{key}_{value}".lower() for key, value in settings.items()]
    return "-".join([name, *chosen, "-to-".join("x".join(map(str, pair)) for pair in sizes)])


def values(name, shape):
    return torch.from_numpy(formula.uniform(name, math.prod(shape))).reshape(shape)


def parameter_values(id_, declared):
    """The parameters of a case as f64 tensors that f32 holds exactly."""
    made = {}
    for name, parameter in declared.items():
        exact = parameter.scale * values(f"parameter/{id_}/{name}", parameter.shape) + parameter.shift
        made[name] = exact.float().double().requires_grad_()
    return made


def gradients(id_, y, x, parameters):
    """dx and d_<parameter> for the upstream gradient of the case; a parameter that y does not depend on has none."""
    wanted = {"dx": x} | {f"d_{name}": value for name, value in parameters.items()}
    found = torch.autograd.grad(y, list(wanted.values()), values(f"dy/{id_}", y.shape), allow_unused=True)
    return {name: gradient for name, gradient in zip(wanted, found, strict=True) if gradient is not None}


def is_movement(moved, origin):
    """Whether every value of `moved` is 0 or a value of `origin`: nothing was computed."""
    return bool(torch.isin(moved, torch.cat([origin.flatten(), origin.new_zeros(1)])).all())


def check_gradient(id_, forward, x, dx):
    """Holds dx against a central difference along one direction."""
    direction = values(f"direction/{id_}", x.shape)
    with torch.no_grad():
        step = 1e-6 * direction
        rise = forward(x + step) - forward(x - step)
        derivative = (rise * values(f"dy/{id_}", rise.shape)).sum() / 2e-6
    torch.testing.assert_close((dx * direction).sum(), derivative, rtol=1e-6, atol=1e-7)


def finish(key, name, settings, id_, operator, x, forward, parameters, declared, extra):
    """One line of the JSON and the tensors of a case."""
    shape, y = list(x.shape), forward(x)
    tensors = {"y": y} | gradients(id_, y, x, parameters)
    check_gradient(id_, forward, x, tensors["dx"])
    for tensor, value in tensors.items():
        assert value.isfinite().all(), f"{id_}/{tensor} is not finite"
    exact = bool(operator.exact(settings, shape))
    assert not exact or is_movement(y.detach(), x.detach()), f"{id_} computes"
    line = {
        "id": id_,
        key: toml({name: settings})[2:-2],
        "shape": shape,
        **extra,
        "parameters": {name: vars(parameter) for name, parameter in declared.items()},
        "output_shape": list(y.shape),
        "mode": "evaluate",
        "exact": exact,
        "exact_dx": exact and is_movement(tensors["dx"], values(f"dy/{id_}", y.shape)),
        "source": operator.source(settings, shape),
        "note": operator.note(settings, shape),
    }
    return line, {f"{id_}/{tensor}": value.detach().float().contiguous().numpy() for tensor, value in tensors.items()}


def downsampling_case(name, settings, input_size):
    operator, id_ = DOWNSAMPLING[name], case_id(name, settings, input_size)
    x = values(f"x/{id_}", [BATCH, CHANNELS, *input_size]).requires_grad_()
    declared = operator.parameters(settings, x.shape)
    parameters = parameter_values(id_, declared)

    def forward(map_):
        return operator.compute(map_, parameters, **settings)

    line, tensors = finish("operator", name, settings, id_, operator, x, forward, parameters, declared, {})
    if name == "max_pool":
        y, indices = operators_pooling.max_pool_with_indices(x, **settings)
        assert torch.equal(x.flatten(2).gather(2, indices.flatten(2)), y.flatten(2))
        tensors[f"{id_}/indices"] = indices.int().numpy()
    return line, tensors


def upsampling_case(name, settings, channels, input_size, size):
    operator, id_ = UPSAMPLING[name], case_id(name, settings, *([size] if input_size is None else [input_size, size]))
    extra, stored = {"size": list(size)}, {}
    if name == "max_unpool":
        indices = operators_upsampling.pooled(
            values(f"z/{id_}", [BATCH, channels, *size]), settings["kernel"], settings["stride"]
        )
        extra["indices"], stored["indices"] = True, indices
        input_size = indices.shape[2:]
    x = values(f"x/{id_}", [BATCH, channels, *input_size]).requires_grad_()
    declared = operator.parameters(settings, x.shape)
    parameters = parameter_values(id_, declared)

    def forward(map_):
        return operator.compute(map_, parameters, size, **stored, **settings)

    line, tensors = finish("upsample", name, settings, id_, operator, x, forward, parameters, declared, extra)
    assert line["output_shape"][2:] == list(size), f"{id_} has {line['output_shape']}"
    return line, tensors | {f"{id_}/{name}": value.int().numpy() for name, value in stored.items()}


def main():
    torch.set_num_threads(1)
    operators_worked.check()
    cases = [
        downsampling_case(name, settings, size) for name, settings, shapes in DOWNSAMPLING_CASES for size in shapes
    ]
    cases += [
        upsampling_case(name, settings, *case) for name, settings, shapes in UPSAMPLING_CASES for case in shapes
    ]
    lines, tensors = zip(*cases, strict=True)
    assert len({line["id"] for line in lines}) == len(lines), "two cases have one name"

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    vectors = folder / "golden.safetensors"
    save_file({name: value for case in tensors for name, value in case.items()}, vectors)
    head = {
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "safetensors_sha256": hashlib.sha256(vectors.read_bytes()).hexdigest(),
        "cases": [],
    }
    opening = json.dumps(head).removesuffix("]}")
    written = ",\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (folder / "golden.json").write_text(opening + "\n" + written + "\n]}\n")

    size = sum(file.stat().st_size for file in folder.iterdir())
    assert size < LIMIT_BYTES, f"{size} bytes of fixture, more than {LIMIT_BYTES}"
    names = sorted({name for name, *_ in DOWNSAMPLING_CASES + UPSAMPLING_CASES})
    print(f"{len(lines)} cases of {len(names)} operators, {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
