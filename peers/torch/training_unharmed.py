"""Trains All-CNN-C in allconv's accuracy classes and as a PyTorch twin from the same weights and batches, and writes
`docs/training-unharmed.md` with its figure.

    python training_unharmed.py PROGRAM DATA_DIR [--seeds 5 --images 10000 --epochs 5 --width 0.5 --steps 200]

PROGRAM is the example `accuracy_classes` of allconv-train, built in release mode; `cargo xtask training-unharmed` does both. Every run
leaves a file in the folder of results and is not made again: the command can be stopped and started.
"""

import argparse
import json
import math
import platform
import statistics
import subprocess
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from scipy import stats

import twin

CLASSES = ["exact", "f32", "bf16", "bf16-fast"]
PEER = "PyTorch"
DATASET = "cifar10_jpeg"
CONFIDENCE = 0.95
COLOURS = {"exact": "#4269d0", "f32": "#efb118", "bf16": "#ff725c", "bf16-fast": "#a463f2", PEER: "#3ca951"}


def allconv(args, folder, width, steps, seed, name):
    """One run in an accuracy class."""
    result = folder / f"{name}.json"
    if not result.exists():
        numbers = [args.images, width, args.epochs, steps, seed]
        print(f"{folder.name}: {name}", flush=True)
        subprocess.run([args.program, folder, args.data_dir, DATASET, *map(str, numbers), name], check=True)
    return json.loads(result.read_text())


def load(net, tensors):
    """Puts the initial weights into the twin, whose names are the same."""
    state = {name: tensor for name, tensor in tensors.items() if name.startswith("features.")}
    missing, unexpected = net.load_state_dict(state, strict=True)
    assert not missing and not unexpected


def peer(args, folder, width, recipe):
    """The same run in PyTorch: f32, the same weights, images, order, learning rates and rule of the optimiser."""
    result = folder / f"{PEER}.json"
    if result.exists():
        return json.loads(result.read_text())
    print(f"{folder.name}: {PEER}", flush=True)
    data, run = load_file(folder.parent / "data.safetensors"), load_file(folder / "run.safetensors")
    images = {split: data[f"{split}.images"].view(-1, 32, 32, 3).permute(0, 3, 1, 2) for split in ("train", "validation")}
    labels = {split: data[f"{split}.labels"].long() for split in images}
    net = twin.springenberg("c", "all", width, last_relu=False, input_dropout=0.0, dropout=0.0)
    load(net, run)
    net = net.to(memory_format=torch.channels_last)
    weights = [p for name, p in net.named_parameters() if not name.endswith("bias")]
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    groups = [{"params": weights, "weight_decay": recipe["weight_decay"]}, {"params": biases, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.0, momentum=recipe["momentum"], nesterov=True)
    order, losses = run["order"].long(), []
    batches = [batch for epoch in order for batch in epoch.split(recipe["batch"])]
    for batch, rate in zip(batches, run["learning_rates"].tolist()):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(images["train"][batch]), labels["train"][batch])
        loss.backward()
        norm = math.sqrt(sum(p.grad.double().square().sum().item() for p in net.parameters()))
        # `clip_grad_norm_` adds 1e-6 to the norm; the rule itself does not.
        shrink = min(1.0, recipe["clip_gradient_norm"] / norm)
        for p in net.parameters():
            p.grad.mul_(shrink)
        optimizer.step()
        losses.append(loss.item())
    error = None
    if len(losses) == len(batches):
        with torch.no_grad():
            wrong = sum((net(x).argmax(1) != y).sum().item() for x, y in zip(images["validation"].split(250), labels["validation"].split(250)))
        error = wrong / len(labels["validation"])
    outcome = {"losses": losses, "error": error}
    result.write_text(json.dumps(outcome))
    return outcome


def runs(args, folder, width, steps, seed):
    """All classes and the peer, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {name: allconv(args, folder, width, steps, seed, name) for name in CLASSES}
    return {**made, PEER: peer(args, folder, width, made[CLASSES[0]])}


def interval(values):
    """Mean and half the width of the t interval."""
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


def differences(curve, reference):
    """Largest difference of the losses over the first steps, 10, 50, and all."""
    gaps = [abs(a - b) for a, b in zip(curve, reference)]
    return [max(gaps[:count]) for count in (10, 50, len(gaps))]


def figure(curves, path):
    """The loss curves, and below them their distance from the peer's on a logarithmic axis."""
    width, height, left, gap = 720, 300, 60, 70
    steps = len(curves[PEER])
    top = max(max(curve) for curve in curves.values())
    x = lambda step: left + step / max(steps - 1, 1) * (width - left - 20)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {2 * height + gap + 16}" font-family="sans-serif" font-size="12">',
             '<title>Training loss of the accuracy classes and of PyTorch</title>', f'<rect width="{width}" height="{2 * height + gap + 16}" fill="#fff"/>']

    def axes(origin, title, ticks):
        parts.append(f'<text x="{left}" y="{origin + 14}">{title}</text>')
        for y, label in ticks:
            parts.append(f'<line x1="{left}" x2="{width - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                         f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        for step in range(0, steps, max(steps // 4, 1)):
            parts.append(f'<text x="{x(step):.1f}" y="{origin + height + 6}" text-anchor="middle">{step}</text>')

    def line(values, colour, y):
        points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in enumerate(values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')

    loss_y = lambda value: height - 10 - value / top * (height - 40)
    axes(0, "loss of the batch (nats), by step", [(loss_y(value), f"{value:g}") for value in [0, 0.5, 1, 1.5, 2, 2.5] if value <= top])
    for name, curve in curves.items():
        line(curve, COLOURS[name], loss_y)
    low, high, start = -8, 1, height + gap
    log_y = lambda value: start + height - 10 - (min(max(math.log10(max(value, 1e-12)), low), high) - low) / (high - low) * (height - 40)
    axes(start, "distance from PyTorch's loss (nats)", [(log_y(10.0 ** power), f"1e{power}") for power in range(low, high + 1, 2)])
    for name, curve in curves.items():
        if name != PEER:
            line([abs(a - b) for a, b in zip(curve, curves[PEER])], COLOURS[name], log_y)
    # Below the curves, where nothing is drawn.
    for place, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{width - 100}" y="{loss_y(1.3) + 16 * place:.1f}" fill="{colour}">— {name}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def page(args, curves, errors):
    lines = ["# Training is unharmed", "",
             "Written by `cargo xtask training-unharmed`; do not edit. Does a faster accuracy class train a worse network? All-CNN-C is trained in the classes `exact`, `f32`, `bf16` and `bf16-fast` "
             "and as a PyTorch twin (f32), each from the same initial weights, on the same batches, with the same learning rates. Recipe: the preset `fast` (batch 32) without "
             "dropout and augmentation, so that a step depends on its batch alone and the two programs need share no random numbers. "
             "Data: the JPEG copy of CIFAR-10, standardised; errors are those of 5,000 images held out of training, the test images are not touched.", "",
             f"## The first {args.steps} steps at width {args.curve_width:g}", "",
             "![The loss curves lie on each other; below, their distances from PyTorch's](images/training-unharmed.svg)", "",
             "Largest distance from PyTorch's loss of the same step, in nats. Rounding errors grow from step to step, as they do between any two programs: `exact` shows how much.", "",
             f"| Class | first 10 steps | first 50 | all {args.steps} | mean loss of the last 20 |", "|---|--:|--:|--:|--:|"]
    for name, curve in curves.items():
        gaps = ["–"] * 3 if name == PEER else [f"{gap:.1e}" for gap in differences(curve, curves[PEER])]
        lines.append(f"| {name} | {' | '.join(gaps)} | {statistics.mean(curve[-20:]):.4f} |")
    lines += ["", f"## Error after {args.epochs} epochs of {args.images:,} images at width {args.width:g}", "",
              f"{args.seeds} seeds. Differences are paired by seed; intervals are {CONFIDENCE:.0%} t intervals, not corrected for their number.", "",
              f"| Class | mean error % | difference from {PEER} (points) | difference from exact (points) |", "|---|--:|--:|--:|"]
    for name, values in errors.items():
        cells = [f"{100 * statistics.mean(values):.2f}"]
        for reference in (PEER, "exact"):
            if name == reference:
                cells.append("–")
            else:
                mean, half = interval([100 * (a - b) for a, b in zip(values, errors[reference])])
                cells.append(f"{mean:+.2f} ± {half:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "Errors by seed, in %:", "", "| Class | " + " | ".join(str(seed) for seed in range(args.seeds)) + " |", "|---|" + "--:|" * args.seeds]
    lines += [f"| {name} | " + " | ".join(f"{100 * value:.2f}" for value in values) + " |" for name, values in errors.items()]
    lines += ["", f"PyTorch {torch.__version__}, {args.threads} threads, {platform.machine()}. Commit {args.commit}."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("data_dir")
    parser.add_argument("--folder", type=Path, default=Path("target/training-unharmed"), help="where results of single runs are kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--curve-width", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    # Results of other settings are other results.
    folder = args.folder / f"{args.images}-images-{args.epochs}-epochs"
    curve = runs(args, folder / f"curve-width-{args.curve_width:g}-steps-{args.steps}", args.curve_width, args.steps, 0)
    seeds = [runs(args, folder / f"width-{args.width:g}-seed-{seed}", args.width, 0, seed) for seed in range(args.seeds)]
    names = [*CLASSES, PEER]
    curves = {name: curve[name]["losses"] for name in names}
    errors = {name: [seed[name]["error"] for seed in seeds] for name in names}
    (args.docs / "images").mkdir(parents=True, exist_ok=True)
    figure(curves, args.docs / "images" / "training-unharmed.svg")
    (args.docs / "training-unharmed.md").write_text(page(args, curves, errors))
    print(f"wrote {args.docs / 'training-unharmed.md'}")


if __name__ == "__main__":
    main()
