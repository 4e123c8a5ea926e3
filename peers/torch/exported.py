"""Exported networks in ONNX Runtime and PyTorch: answers, and metrics on whole test sets, beside those of `allconv predict` and `eval`.

    python3 peers/torch/exported.py PROGRAM [PAGE]

PROGRAM is the built `allconv`. The trained runs and their pictures are those of `crates/allconv/tests/fixtures`; PAGE is `docs/take-it-with-you.md`, whose Python is executed.
Needs onnx, onnxruntime, torch, safetensors, numpy and pillow.
"""
import csv
import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from safetensors.torch import load_file

FIXTURES = Path(__file__).resolve().parents[2] / "crates/allconv/tests/fixtures"

# For each trained network: its data set with the options of its import, and the metric that is compared.
NETWORKS = {
    "classifier": ("classes", [], "error"),
    "u-net": ("discs", ["--layout", "segmentation"], "mean_iou"),
    "super-resolution": ("waves", ["--layout", "photographs"], "psnr_y"),
}

PRINTED = 1e-6  # eval writes six places
PROBABILITY_BOUND = 1e-4  # sums of 32-bit floats in another order


def run(folder, *words):
    return subprocess.run([*map(str, words)], cwd=folder, check=True, capture_output=True, text=True).stdout


def read(path):
    """A picture as [1, channels, height, width] of grey levels."""
    array = np.asarray(Image.open(path))
    return np.atleast_3d(array).transpose(2, 0, 1)[None]


def session_of(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]), facts


class Module:
    """An exported module, with the interface of a session."""

    def __init__(self, folder):
        spec = importlib.util.spec_from_file_location("exported", folder / "model.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.model = module.Model().eval()
        self.model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)

    def run(self, _, inputs):
        with torch.no_grad():
            return [self.model(torch.from_numpy(inputs["images"])).numpy()]


def answer(session, levels):
    (found,) = session.run(None, {"images": levels.astype(np.float32)})
    return found


def keys(distance):
    distance = np.abs(distance)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, np.where(distance <= 2, far, 0))


def halved(levels):
    """MATLAB's antialiased bicubic reduction to a half: rows, then columns, each rounded to 8 bits."""
    for axis in (2, 3):
        size = levels.shape[axis]
        centres = 2 * np.arange(size // 2) + 0.5
        places = np.floor(centres - 4)[:, None] + np.arange(10)
        weights = keys((places - centres[:, None]) / 2)
        weights /= weights.sum(1, keepdims=True)
        taken = np.take(levels.astype(np.float64), np.clip(places, 0, size - 1).astype(int), axis=axis)
        shape = [1] * taken.ndim
        shape[axis : axis + 2] = weights.shape
        levels = np.clip(np.floor((taken * weights.reshape(shape)).sum(axis + 1) + 0.5), 0, 255)
    return levels


def pictures_of(map):
    return np.clip(np.floor((map.astype(np.float64) + 0.5) * 255 + 0.5), 0, 255)


def luma(levels):
    if levels.shape[1] == 1:
        return levels[0, 0].astype(np.float64)
    red, green, blue = levels[0].astype(np.float64)
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def error(session, facts, test):
    classes = json.loads(facts["allconv.classes"])
    pictures = sorted(test.glob("*/*.png"))
    wrong = sum(classes[int(answer(session, read(path))[0].argmax())] != path.parent.name for path in pictures)
    return wrong / len(pictures), len(pictures)


def mean_iou(session, facts, test):
    count = len(json.loads(facts["allconv.classes"]))
    confusion = np.zeros((count, count))
    labels = sorted((test / "labels").glob("*.png"))
    values = None
    for path in labels:
        found = answer(session, read(test / "images" / path.name))[0].argmax(0)
        truth = np.asarray(Image.open(path))
        values = np.union1d(truth, [] if values is None else values)
        confusion += np.bincount(np.searchsorted(values, truth).ravel() * count + found.ravel(), minlength=count**2).reshape(count, count)
    both = np.diag(confusion)
    present = confusion.sum(1) > 0
    return (both / (confusion.sum(0) + confusion.sum(1) - both))[present].mean(), len(labels)


def psnr_y(network, facts, test):
    """The mean over the pictures, cut to the sizes that the model takes; `network` gives the enlarged picture of a small one."""
    values, pictures = [], sorted(test.glob("*.png"))
    for path in pictures:
        truth = cut(read(path), facts)
        found = pictures_of(answer(network, halved(truth)))
        difference = (luma(truth) - luma(found))[2:-2, 2:-2]
        values.append(10 * np.log10(255**2 / (difference**2).mean()))
    return np.mean(values), len(pictures)


def cut(truth, facts):
    """A picture whose half has a height and width that the model takes."""
    multiple = 2 * int(facts["allconv.height_and_width"].removeprefix("multiples of "))
    height, width = (size // multiple * multiple for size in truth.shape[2:])
    return truth[:, :, :height, :width]


class Predict:
    """`allconv predict`, with the interface of a session."""

    def __init__(self, program, source, folder):
        self.program, self.source, self.folder = program, source, folder

    def run(self, _, inputs):
        levels = inputs["images"][0].transpose(1, 2, 0).astype(np.uint8)
        Image.fromarray(levels.squeeze()).save(self.folder / "small.png")
        run(self.folder, self.program, "predict", self.source, "small.png", "--out", "large", "--data-dir", "none")
        return [read(self.folder / "large/small.png") / 255 - 0.5]


METRICS = {"error": error, "mean_iou": mean_iou, "psnr_y": psnr_y}


def evaluated(table, metric):
    """The value of a metric over the whole split in a table of eval."""
    for row in csv.DictReader(io.StringIO(table)):
        if row.get("class") == "all":
            return float(row[metric])
        if row.get("example") == "all" and row["metric"] == metric:
            return float(row["value"])
    raise SystemExit(f"eval tells no {metric}: {table}")


def check_metric(program, folder, name):
    """Compares the metric on the whole test set; an empty text if it is the same."""
    data, options, metric = NETWORKS[name]
    archive = FIXTURES / "runs/data" / f"{data}.tar.gz"
    with tarfile.open(archive) as packed:
        packed.extractall(folder / data, filter="data")
    run(folder, program, "data", "import", archive, "--name", data, "--data-dir", "data", *options)
    source = FIXTURES / "runs/format-3" / f"{name}-finished"
    run(folder, program, "export", source, "--to", "onnx", "--with-preprocessing", "--out", folder / f"{name}.onnx", "--data-dir", "none")
    run(folder, program, "export", source, "--to", "pytorch", "--with-preprocessing", "--out", folder / f"{name}.pytorch", "--data-dir", "none")
    session, facts = session_of(folder / f"{name}.onnx")
    test, by = folder / data / "test", "eval"
    wanted = evaluated(run(folder, program, "eval", source, "--split", "test", "--format", "csv", "--data-dir", "data"), metric)
    if metric == "psnr_y":
        # Test pictures whose size the model does not take are cut, which eval does not do.
        by, (wanted, _) = "predict", psnr_y(Predict(program, source, folder), facts, test)
    found, count = METRICS[metric](session, facts, test)
    in_torch, _ = METRICS[metric](Module(folder / f"{name}.pytorch"), facts, test)
    print(f"{name}: {metric} on {count} pictures is {found:.9g} in ONNX Runtime, {in_torch:.9g} in PyTorch, {wanted:.9g} in {by}")
    same = all(abs(value - wanted) <= PRINTED for value in (found, in_torch))
    return "" if same else f"{name}: {metric} differs"


def check_whitened(program, folder):
    """The preprocessing of a run that whitens, as nodes: the probabilities of predict."""
    model = FIXTURES / "models/format-1"
    for form in ("onnx", "pytorch"):
        run(folder, program, "export", model / "whitened", "--to", form, "--with-preprocessing", "--out", folder / f"whitened.{form}")
    session, facts = session_of(folder / "whitened.onnx")
    rows = json.loads(run(folder, program, "predict", model / "whitened", model / "small.png", "--format", "json"))["rows"]
    classes = json.loads(facts["allconv.classes"])
    difference = 0.0
    for network in (session, Module(folder / "whitened.pytorch")):
        logits = answer(network, read(model / "small.png"))[0].astype(np.float64)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        difference = max(difference, *(abs(shares[classes.index(row["result"])] - row["value"]) for row in rows))
    print(f"whitened: largest difference of a probability {difference:.3g}")
    return "" if difference <= PROBABILITY_BOUND else "whitened: probabilities differ"


def check_page(program, folder, page):
    """Executes the Python of the page on a model of the fixtures."""
    picture = sorted((folder / "classes/test").glob("*/*.png"))[0]
    Image.open(picture).save(folder / "picture.png")
    (folder / "classifier.onnx").rename(folder / "shapes.onnx")
    (folder / "classifier.pytorch").rename(folder / "shapes_pytorch")
    blocks = [block.split("```")[0] for block in page.read_text().split("```python\n")[1:]]
    for block in blocks:
        told = run(folder, sys.executable, "-c", block)
        print(f"{page.name}: {told.strip()}")
    return "" if blocks else f"{page}: no Python"


def main():
    program, failures = str(Path(sys.argv[1]).resolve()), []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        failures += [check_metric(program, folder, name) for name in NETWORKS]
        failures.append(check_whitened(program, folder))
        if len(sys.argv) > 2:
            failures.append(check_page(program, folder, Path(sys.argv[2]).resolve()))
    failures = [failure for failure in failures if failure]
    for failure in failures:
        print("FAILED", failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
