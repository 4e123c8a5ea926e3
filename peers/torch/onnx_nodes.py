"""The node tests that the `onnx` package ships, through this program's operators; writes docs/onnx-nodes.md.

    cargo build -p allconv-exchange --example node_values
    python3 peers/torch/onnx_nodes.py target/debug/examples/node_values [--page docs/onnx-nodes.md]

Needs onnx and numpy. A test either gives the values that onnx expects, or is listed with the setting that no operator here has.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

NODES = ("MaxPool", "AveragePool", "LpPool", "MaxUnpool", "SpaceToDepth", "DepthToSpace", "Resize", "ConvTranspose", "GlobalAveragePool")

HEAD = """# Node tests of ONNX

Written by `peers/torch/onnx_nodes.py`. Do not edit.

The `onnx` package (here {version}) ships tests of single nodes: attributes, inputs, and the values that they must give. Those of the nodes that correspond to an operator of
[the registry](operators.md) run through that operator. Of {total} tests {passed} give the expected values, within the bounds of the
package's own runner; the others need a setting that no operator here has.

| test | operator and settings | result |
|---|---|---|
"""


class Missing(Exception):
    """A setting that no operator here has."""


def node_tests():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return [case for case in collect_testcases(None) if case.model.graph.node[0].op_type in NODES]


def inputs_of(case):
    """The attributes of the node, its inputs by place, and the expected first output."""
    node = case.model.graph.node[0]
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    attributes = {name: value.decode() if isinstance(value, bytes) else value for name, value in attributes.items()}
    inputs, outputs = case.data_sets[0]
    arrays = iter([numpy_helper.to_array(value) if hasattr(value, "raw_data") else np.asarray(value) for value in inputs])
    placed = [next(arrays) if name else None for name in node.input]
    expected = outputs[0]
    return node.op_type, attributes, placed, np.asarray(numpy_helper.to_array(expected) if hasattr(expected, "raw_data") else expected)


def equal(values, what):
    if len(set(values)) > 1:
        raise Missing(f"{what} that differ between height and width")
    return values[0]


def windows(attributes, sizes):
    """Kernel, stride and the settings `padding` and `ceil_mode` of a pool."""
    kernel = equal(attributes["kernel_shape"], "kernels")
    stride = equal(attributes.get("strides", [1, 1]), "strides")
    dilation = equal(attributes.get("dilations", [1, 1]), "dilations")
    pads = attributes.get("pads", [0, 0, 0, 0])
    automatic = attributes.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        total = [max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) for size in sizes]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = small + large if automatic == "SAME_UPPER" else large + small
    if pads[:2] == [0, 0] and any(pads[2:]):
        # Windows that the far edge cuts off: the rule without `padding`.
        if all(pads[2 + axis] == max((-(-sizes[axis] // stride) - 1) * stride + (kernel - 1) * dilation + 1 - sizes[axis], 0) for axis in (0, 1)):
            return kernel, stride, dilation, {}
    padding = equal(pads, "borders")
    ceil = bool(attributes.get("ceil_mode", 0))
    if padding > kernel // 2:
        raise Missing("a border of more than half the kernel")
    return kernel, stride, dilation, {"padding": padding} | ({"ceil_mode": True} if ceil else {})


def pool(kind, attributes, x):
    if x.ndim != 4:
        raise Missing(f"maps of {x.ndim - 2} spatial axes")
    if x.dtype != np.float32:
        raise Missing(f"maps of {x.dtype}")
    kernel, stride, dilation, border = windows(attributes, list(x.shape[2:]))
    settings = {"kernel": kernel, "stride": stride} | border
    if kind == "MaxPool":
        return {"down": {"max_pool": settings | ({"dilation": dilation} if dilation > 1 else {})}}
    if dilation > 1:
        raise Missing("a dilation")
    if kind == "AveragePool":
        counts_border = attributes.get("count_include_pad", 0)
        return {"down": {"average_pool": settings | {"divisor": "window" if counts_border else "cells"}}}
    if "padding" in border:
        raise Missing("windows that start before the map, or are left out where the far edge cuts them off")
    return {"down": {"p_norm_pool": {"kernel": kernel, "stride": stride, "p": float(attributes.get("p", 2)), "form": "sum"}}}


def resized(attributes, placed, expected):
    x = placed[0]
    if x.ndim != 4:
        raise Missing(f"maps of {x.ndim - 2} spatial axes")
    mode = attributes.get("mode", "nearest")
    where = attributes.get("coordinate_transformation_mode", "half_pixel")
    if where != "half_pixel":
        raise Missing(f"coordinates `{where}`")
    scales = placed[2] if len(placed) > 2 and placed[2] is not None and placed[2].size else None
    if scales is not None and any(size * scale % 1 for size, scale in zip(x.shape[-len(scales) :], scales)):
        raise Missing("a scale that does not give whole sizes")
    grows = [after >= before for before, after in zip(x.shape, expected.shape)]
    if attributes.get("antialias", 0):
        stride = [before / after for before, after in zip(x.shape[2:], expected.shape[2:])]
        if stride[0] != stride[1] or stride[0] % 1:
            raise Missing("sizes that are not divided by one whole number")
        filters = {"linear": "triangle", "cubic": "cubic"}
        if mode == "cubic" and attributes.get("cubic_coeff_a", -0.75) != -0.5:
            raise Missing("a cubic filter with a = -0.75 that reduces")
        return {"down": {"antialiased_resize": {"filter": filters[mode], "stride": int(stride[0])}}}
    if not all(grows):
        raise Missing("interpolation to a smaller size without a filter")
    if mode == "nearest" and attributes.get("nearest_mode", "round_prefer_floor") != "round_prefer_floor":
        raise Missing(f"`nearest_mode` {attributes['nearest_mode']}")
    ties = any((2 * place + 1) * before % (2 * after) == 0 for before, after in zip(x.shape[2:], expected.shape[2:]) for place in range(after) if after > before)
    if mode == "nearest" and ties:
        raise Missing("the lower of two positions that are equally near")
    if mode == "cubic" and (attributes.get("cubic_coeff_a", -0.75) != -0.75 or attributes.get("exclude_outside", 0)):
        raise Missing("a cubic filter other than a = -0.75 with the edge repeated")
    filters = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}
    channels = x.shape[1]
    return {
        "up": {"resize_conv": {"filter": filters[mode], "kernel": 1}},
        "output": expected.shape[1:],
        "tensors": {"weight": np.eye(channels), "bias": np.zeros(channels)},
    }


def transposed(attributes, placed, expected):
    x, weight = placed[:2]
    if x.ndim != 4:
        raise Missing(f"maps of {x.ndim - 2} spatial axes")
    if attributes.get("group", 1) > 1:
        raise Missing("groups")
    if max(attributes.get("dilations", [1, 1])) > 1:
        raise Missing("a dilation")
    kernel, stride = weight.shape[2], equal(attributes.get("strides", [1, 1]), "strides")
    before = (kernel - 1) // 2
    pads = attributes.get("pads", [0, 0, 0, 0])
    if attributes.get("auto_pad", "NOTSET") == "NOTSET" and "output_shape" not in attributes and pads == [before] * 4:
        bias = placed[2] if len(placed) > 2 else np.zeros(weight.shape[1])
        tensors = {"weight": weight, "bias": bias}
        return {"up": {"transposed_conv": {"kernel": kernel, "stride": stride}}, "output": expected.shape[1:], "tensors": tensors}
    raise Missing("a border other than that with which the size is multiplied by the stride")


def translated(kind, attributes, placed, expected):
    """The operator with its settings, and what it needs besides the input."""
    x = placed[0]
    if kind in ("MaxPool", "AveragePool", "LpPool"):
        return pool(kind, attributes, x)
    if kind == "GlobalAveragePool":
        return {}
    if kind == "SpaceToDepth":
        order = {"DCR": "tensorflow", "CRD": "pytorch"}[attributes.get("mode", "DCR")]
        return {"down": {"pixel_unshuffle": {"factor": attributes["blocksize"], "order": order}}}
    if kind == "DepthToSpace":
        order = {"DCR": "tensorflow", "CRD": "pytorch"}[attributes.get("mode", "DCR")]
        return {"up": {"pixel_shuffle": {"factor": attributes["blocksize"], "order": order}}, "output": expected.shape[1:]}
    if kind == "MaxUnpool":
        if len(placed) > 2:
            raise Missing("a size other than that which was pooled")
        kernel, stride = equal(attributes["kernel_shape"], "kernels"), equal(attributes.get("strides", [1, 1]), "strides")
        return {"up": {"max_unpool": {"kernel": kernel, "stride": stride}}, "output": expected.shape[1:], "tensors": {"positions": placed[1]}}
    return resized(attributes, placed, expected) if kind == "Resize" else transposed(attributes, placed, expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    cases, results, wanted = [], {}, {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for test in node_tests():
            kind, attributes, placed, expected = inputs_of(test)
            try:
                case = translated(kind, attributes, placed, expected)
            except Missing as missing:
                results[test.name] = ("–", f"{kind}: {missing}")
                continue
            placed[0].astype("<f4").tofile(folder / f"{test.name}.x")
            for name, values in case.pop("tensors", {}).items():
                np.asarray(values).astype("<f4").tofile(folder / f"{test.name}.{name}")
            cases.append(case | {"name": test.name, "input": placed[0].shape})
            wanted[test.name] = expected, test
        (folder / "cases.json").write_text(json.dumps(cases, default=int))
        subprocess.run([arguments.program.resolve(), folder], check=True)
        failures = []
        for case in cases:
            name = case["name"]
            found = np.fromfile(folder / f"{name}.y", dtype="<f4").reshape(json.loads((folder / f"{name}.shape").read_text()))
            operator = json.dumps(case.get("up") or case.get("down") or "global average").replace('"', "")
            expected, test = wanted[name]
            close = found.shape == expected.shape and np.allclose(found, expected, rtol=test.rtol, atol=test.atol)
            results[name] = (f"`{operator}`", "passed" if close else "FAILED")
            if not close:
                failures.append(f"{name}: {operator}: shape {found.shape}, expected {expected.shape}")
    passed = sum(result == "passed" for _, result in results.values())
    lines = [HEAD.format(version=onnx.__version__, total=len(results), passed=passed)]
    lines += [f"| `{name}` | {operator} | {result} |\n" for name, (operator, result) in sorted(results.items())]
    if arguments.page:
        arguments.page.write_text("".join(lines))
    print(f"{len(results)} tests, {passed} passed, {len(failures)} failed, {len(results) - len(cases)} need a setting that is not here")
    for failure in failures:
        print("FAILED", failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
