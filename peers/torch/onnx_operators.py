"""Every operator through ONNX Runtime, compared with what this program computes; writes docs/onnx.md.

    cargo run -p allconv-exchange --example lowered_operators -- DIRECTORY
    python3 peers/torch/onnx_operators.py DIRECTORY [--page docs/onnx.md]

Needs onnx, onnxruntime and numpy. Each model passes `onnx.checker` with its full check. Fails when a difference is above the bound.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

BOUND = 1e-4  # of the largest value: sums of 32-bit floats in another order
MOVES_DATA = {"decimation", "max_pool", "pixel_unshuffle", "pixel_shuffle", "median_pool", "fractional_max_pool"}

HEAD = """# Operators in ONNX

Written by `peers/torch/onnx_operators.py` from what `cargo run -p allconv-exchange --example lowered_operators` leaves. Do not edit.

`allconv export RUN --to onnx` writes core nodes of opset {opset} alone. Each operator, with every setting that tests walk, on maps of an even and an odd height and
width, with 1 and 7 images, was run by ONNX Runtime {runtime}; every model passed the full check of onnx {checker}. The difference is the largest one from
this program's result, relative to the largest value of that result. An operator that enlarges is measured behind one that reduces, from which it takes what it needs.
Sampling at random has its expectation, as in evaluation. "Any size" says whether
the same model runs at any height and width, in part if with some settings or sizes alone; the others hold for the size that they were written for.

"""


def largest_difference(session, folder, case):
    """The largest difference from the recorded map, relative to its largest value."""
    read = lambda what, shape: np.fromfile(folder / f"{case['data']}.{what}.f32", dtype="<f4").reshape(shape)
    wanted = read("map", case["map"])
    (found,) = session.run(None, {"images": read("images", case["images"])})
    assert found.shape == wanted.shape, f"{case['data']}: shape {found.shape} instead of {wanted.shape}"
    largest = float(np.abs(wanted).max()) or 1.0
    return float(np.abs(found.astype(np.float64) - wanted).max()) / largest


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    cases = json.loads((arguments.folder / "cases.json").read_text())
    rows, failures, opsets = {}, [], set()
    for case in cases:
        path = arguments.folder / case["model"]
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        opsets.update(entry.version for entry in model.opset_import)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        difference = largest_difference(session, arguments.folder, case)
        operator = case["operator"]
        key = (operator["direction"], operator["name"])
        row = rows.setdefault(key, {"cases": 0, "difference": 0.0, "any": 0, "nodes": set()})
        row["cases"] += 1
        row["difference"] = max(row["difference"], difference)
        row["any"] += any(d.dim_param == "height" for d in model.graph.input[0].type.tensor_type.shape.dim)
        row["nodes"].update(node.op_type for node in model.graph.node if node.op_type != "Identity")
        if not difference <= BOUND:
            failures.append(f"{case['data']} {json.dumps(operator['settings'])}: {difference:.3g}")
        if operator["direction"] == "down" and operator["name"] in MOVES_DATA - {"median_pool"} and difference != 0:
            failures.append(f"{case['data']} {json.dumps(operator['settings'])}: moves data, but differs by {difference:.3g}")
    lines = [HEAD.format(opset="/".join(map(str, sorted(opsets))), runtime=onnxruntime.__version__, checker=onnx.__version__)]
    lines.append("| operator | direction | cases | largest difference | any size | nodes |\n|---|---|--:|--:|---|---|\n")
    for (direction, name), row in rows.items():
        difference = "0" if row["difference"] == 0 else f"{row['difference']:.1e}"
        nodes = ", ".join(sorted(row["nodes"]))
        lines.append(f"| `{name}` | {direction} | {row['cases']} | {difference} | {'yes' if row['any'] == row['cases'] else 'in part' if row['any'] else 'no'} | {nodes} |\n")
    if arguments.page:
        arguments.page.write_text("".join(lines))
    print(f"{len(cases)} cases of {len(rows)} operators, largest difference {max(row['difference'] for row in rows.values()):.3g}")
    for failure in failures:
        print("FAILED", failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
