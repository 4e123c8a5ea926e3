"""Every operator and every named network in ONNX Runtime, tract and rten, compared with what this program computes; writes docs/onnx.md.

    cargo run -p allconv-exchange --example lowered_operators -- DIRECTORY
    cargo run --manifest-path peers/rten/Cargo.toml -- DIRECTORY
    python3 peers/torch/onnx_operators.py DIRECTORY [--page docs/onnx.md]

Needs onnx, onnxruntime, tract and numpy; the results of rten are those that the second command left. Each model passes `onnx.checker` with its full check.
Fails when a difference is above the bound, and when ONNX Runtime refuses a model.
"""
import argparse
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tract

BOUND = 1e-4  # of the largest value: sums of 32-bit floats in another order
MOVES_DATA = {"decimation", "max_pool", "pixel_unshuffle", "fractional_max_pool"}
LOCK = Path(__file__).resolve().parents[1] / "rten/Cargo.lock"
PROGRAMS = ("ONNX Runtime", "tract", "rten")
SHOWN = 160  # characters of a message

HEAD = """# Operators in ONNX

Written by `peers/torch/onnx_operators.py` from what `cargo run -p allconv-exchange --example lowered_operators` and `peers/rten` leave. Do not edit.

`allconv export RUN --to onnx` writes core nodes of opset {opset} alone. Each operator, with every setting that tests walk, on maps of an even and an odd height and
width, with 1 and 7 images, was run by ONNX Runtime {runtime}, tract {tract} and rten {rten}; every model passed the full check of onnx {checker}. The difference is the largest one from
this program's result, relative to the largest value of that result. An operator that enlarges is measured behind one that reduces, from which it takes what it needs.
Sampling at random has its expectation, as in evaluation. "Any size" says whether
the same model runs at any height and width, in part if with some settings or sizes alone; the others hold for the size that they were written for.

"""

NETWORKS = """
## Networks

Every named network, with few channels, at two sizes of the images, with 1 and 7 of them: the largest difference, relative to the largest value of the result.

"""

REFUSED = """
## Not run

Cases that a program refuses, each message once, cut to {shown} characters.

"""


class Programs:
    """The result of each program for a case, or its message."""

    def __init__(self, folder):
        self.folder, self.path, self.session = folder, None, None

    def values(self, what, case):
        return np.fromfile(self.folder / f"{case['data']}.{what}.f32", dtype="<f4")

    def onnx_runtime(self, case):
        path = self.folder / case["model"]
        if path != self.path:
            self.path, self.session = path, onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (found,) = self.session.run(None, {"images": self.values("images", case).reshape(case["images"])})
        return found

    def tract(self, case):
        try:
            model = tract.onnx().load(str(self.folder / case["model"]))
            model.set_input_fact(0, ",".join(map(str, case["images"])) + ",f32")
            (found,) = model.into_model().into_runnable().run([self.values("images", case).reshape(case["images"])])
            return found.to_numpy()
        except tract.TractError as error:
            return " ".join(str(error).split())

    def rten(self, case):
        refusal = self.folder / f"{case['data']}.rten.refusal"
        if refusal.exists():
            return " ".join(refusal.read_text().split())
        return self.values("rten", case).reshape(case["map"])

    def difference(self, program, case):
        """The largest difference relative to the largest value; the program's message where it does not run the model."""
        found = {"ONNX Runtime": self.onnx_runtime, "tract": self.tract, "rten": self.rten}[program](case)
        if isinstance(found, str):
            return found
        if list(found.shape) != case["map"]:
            return f"a result of shape {list(found.shape)} instead of {case['map']}"
        wanted = self.values("map", case).reshape(case["map"])
        largest = float(np.abs(wanted).max()) or 1.0
        return float(np.abs(found.astype(np.float64) - wanted).max()) / largest


class Row:
    """What is known of the cases of an operator or a network."""

    def __init__(self):
        self.cases, self.any, self.nodes = 0, 0, set()
        self.largest, self.refused = dict.fromkeys(PROGRAMS, 0.0), dict.fromkeys(PROGRAMS, 0)

    def add(self, program, difference):
        if isinstance(difference, str):
            self.refused[program] += 1
        else:
            self.largest[program] = max(self.largest[program], difference)

    def cell(self, program):
        refused, largest = self.refused[program], self.largest[program]
        if refused == self.cases:
            return "not run"
        shown = "0" if largest == 0 else f"{largest:.1e}"
        return f"{shown}, {refused} not run" if refused else shown

    def cells(self):
        return " | ".join(self.cell(program) for program in PROGRAMS)


class Comparison:
    """All cases in all programs."""

    def __init__(self, folder):
        self.programs, self.failures, self.opsets, self.refusals, self.seen = Programs(folder), [], set(), {}, {}

    def model(self, case):
        """The kinds of nodes of a model that passes the check, and whether it takes any size."""
        if case["model"] not in self.seen:
            model = onnx.load(self.programs.folder / case["model"])
            onnx.checker.check_model(model, full_check=True)
            self.opsets.update(entry.version for entry in model.opset_import)
            sizes = model.graph.input[0].type.tensor_type.shape.dim
            nodes = {node.op_type for node in model.graph.node if node.op_type != "Identity"}
            self.seen[case["model"]] = nodes, any(size.dim_param == "height" for size in sizes)
        return self.seen[case["model"]]

    def rows(self, name, key, label, is_exact):
        """The rows of a list of cases, by the key of each case."""
        rows = {}
        for case in json.loads((self.programs.folder / name).read_text()):
            row, (nodes, takes_any) = rows.setdefault(key(case), Row()), self.model(case)
            row.cases, row.any = row.cases + 1, row.any + takes_any
            row.nodes |= nodes
            for program in PROGRAMS:
                difference = self.programs.difference(program, case)
                row.add(program, difference)
                self.check(program, case, label(case), difference, is_exact(case))
        return rows

    def check(self, program, case, label, difference, is_exact):
        what = f"{case['data']} {label} in {program}"
        if isinstance(difference, str):
            self.refusals.setdefault((program, difference), []).append(label)
            if program == "ONNX Runtime":
                self.failures.append(f"{what}: {difference}")
        elif not difference <= BOUND:
            self.failures.append(f"{what}: {difference:.3g}")
        elif is_exact and difference != 0:
            self.failures.append(f"{what}: moves data, but differs by {difference:.3g}")


def moves_data(case):
    """Whether an operator moves elements and does no arithmetic, which no program may change."""
    operator = case["operator"]
    settings = next(iter(operator["settings"].values()), {}) if isinstance(operator["settings"], dict) else {}
    return operator["direction"] == "down" and operator["name"] in MOVES_DATA and "project" not in settings


def versions():
    packages = tomllib.loads(LOCK.read_text())["package"]
    (rten,) = (package["version"] for package in packages if package["name"] == "rten")
    return {"runtime": onnxruntime.__version__, "checker": onnx.__version__, "tract": tract.version(), "rten": rten}


def page(comparison, operators, networks):
    opset = "/".join(map(str, sorted(comparison.opsets)))
    lines = [HEAD.format(opset=opset, **versions())]
    programs = " | ".join(PROGRAMS)
    lines.append(f"| operator | direction | cases | {programs} | any size | nodes |\n|---|---|--:|--:|--:|--:|---|---|\n")
    for (direction, name), row in operators.items():
        takes_any = "yes" if row.any == row.cases else "in part" if row.any else "no"
        lines.append(f"| `{name}` | {direction} | {row.cases} | {row.cells()} | {takes_any} | {', '.join(sorted(row.nodes))} |\n")
    lines.append(NETWORKS + f"| network | stages | {programs} |\n|---|--:|--:|--:|--:|\n")
    for (name, stages), row in networks.items():
        lines.append(f"| `{name}` | {stages} | {row.cells()} |\n")
    if comparison.refusals:
        lines.append(REFUSED.format(shown=SHOWN))
        lines.append("| program | cases | of | message |\n|---|--:|---|---|\n")
        for (program, message), labels in sorted(comparison.refusals.items()):
            names = ", ".join(f"`{name}`" for name in sorted({label.split()[0] for label in labels}))
            shown = message[:SHOWN].replace("|", "\\|").replace("`", "'")
            lines.append(f"| {program} | {len(labels)} | {names} | `{shown}` |\n")
    return "".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    comparison = Comparison(arguments.folder)
    operators = comparison.rows(
        "cases.json",
        lambda case: (case["operator"]["direction"], case["operator"]["name"]),
        lambda case: f"{case['operator']['name']} {json.dumps(case['operator']['settings'])}",
        moves_data,
    )
    networks = comparison.rows(
        "networks.json", lambda case: (case["network"], case["stages"]), lambda case: case["network"], lambda case: False
    )
    for rows, what in ((operators, "operators"), (networks, "networks")):
        for program in PROGRAMS:
            largest = max(row.largest[program] for row in rows.values())
            refused = sum(row.refused[program] for row in rows.values())
            print(f"{sum(row.cases for row in rows.values())} cases of {len(rows)} {what} in {program}: largest difference {largest:.3g}, {refused} not run")
    if arguments.page:
        arguments.page.write_text(page(comparison, operators, networks))
    for (program, message), labels in sorted(comparison.refusals.items()):
        print("NOT RUN", program, len(labels), labels[0], message[:600])
    for failure in comparison.failures:
        print("FAILED", failure)
    sys.exit(bool(comparison.failures))


if __name__ == "__main__":
    main()
