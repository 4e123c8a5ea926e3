"""Trains the network of a published run again in PyTorch, by the recipe in the run's `spec.toml` and with random numbers of its own, and asks whether the
test errors of both programs agree.

    python recipe_twin.py RUN ARCHIVE [--seeds 3] [--threads 2] [--write FILE]

RUN is the folder of one run (docs/results/STUDY/runs/ARM-sSEED-HASH); the other seeds of its arm are found beside it. ARCHIVE is the tar archive of JPEG files
that its data set was imported from (`train/CLASS/*.jpg`, `test/CLASS/*.jpg`). Nothing of allconv is called: the images are decoded by Pillow, held out at random
(as many of each class), flipped and shifted by PyTorch's generator. So the errors differ as two seeds differ; the page compares their means by a Welch interval.
"""

import argparse
import io
import json
import math
import statistics
import tarfile
import tomllib
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from scipy import stats
from torch import nn

import twin

SLOTS = {"max_pool": "base", "strided_conv": "all", "conv_pool": "convpool", "folded_stride": "strided"}
CONFIDENCE = 0.95


def read_archive(path):
    """Images `[n, 3, h, w]` of 8 bits and labels of both splits."""
    images, labels, names = {"train": [], "test": []}, {"train": [], "test": []}, set()
    with tarfile.open(path) as archive:
        for entry in archive:
            parts = [part for part in entry.name.split("/") if part not in (".", "")]
            if not entry.isfile() or len(parts) < 3 or parts[-3] not in images:
                continue
            picture = Image.open(io.BytesIO(archive.extractfile(entry).read())).convert("RGB")
            values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
            images[parts[-3]].append(values.view(picture.height, picture.width, 3))
            labels[parts[-3]].append(parts[-2])
            names.add(parts[-2])
    number = {name: place for place, name in enumerate(sorted(names))}
    split = lambda word: (torch.stack(images[word]).permute(0, 3, 1, 2), torch.tensor([number[name] for name in labels[word]]))
    return split("train"), split("test"), len(number)


def build(spec, classes):
    """The network of the specification, its weights as the recipe starts them."""
    net = spec["net"]
    architecture = net["architecture"]["springenberg"]
    (slot,) = net["downsample"]
    assert net["downsample"][slot] in ({"kernel": 3, "stride": 2}, {}), f"the twin knows no {net['downsample']}"
    assert net["initialisation"] == "he", net["initialisation"]
    model = twin.springenberg(architecture["base"], SLOTS[slot], architecture.get("width", 1.0), classes, last_relu=net["last_relu"],
                              input_dropout=net["input_dropout"], dropout=net["dropout"])
    if architecture.get("norm", "none") == "batch":
        stages = []
        for stage in model.features:
            stages.append(stage)
            if isinstance(stage, nn.Conv2d) and stage.out_channels != classes:
                stages.append(nn.BatchNorm2d(stage.out_channels))
        model = twin.Net(stages)
    convolutions = [stage for stage in model.features if isinstance(stage, nn.Conv2d)]
    for stage in convolutions:
        nn.init.kaiming_normal_(stage.weight)
        nn.init.zeros_(stage.bias)
    convolutions[-1].weight.data.mul_(net.get("last_scale", 1.0))
    return model.to(memory_format=torch.channels_last)


def factor(schedule, share, epochs):
    """The factor on the learning rate."""
    ((kind, s),) = schedule.items()
    if kind == "triangle":
        rising = share < s["rise"]
        return s["start"] + (1 - s["start"]) * share / s["rise"] if rising else s["end"] + (1 - s["end"]) * (1 - share) / (1 - s["rise"])
    if kind == "trapezoid":
        up = s["start"] + (1 - s["start"]) * epochs / s["rise_epochs"] if epochs < s["rise_epochs"] else 1.0
        return min(up, s["end"] + (1 - s["end"]) * (1 - share) / s["fall"]) if share >= 1 - s["fall"] else up
    raise SystemExit(f"the twin knows no schedule {kind}")


def augmented(images, places, epoch, first_sides, augment):
    """Mirrored and shifted images; what is uncovered becomes 0."""
    batch = images[places]
    flips = (first_sides[places] ^ (epoch & 1)).bool() if augment.get("alternating_flip") else torch.rand(len(places)) < 0.5
    if augment.get("alternating_flip") or augment.get("horizontal_flip"):
        batch = torch.where(flips[:, None, None, None], batch.flip(3), batch)
    reach = augment.get("translate", 0)
    if reach == 0:
        return batch
    height, width = batch.shape[2:]
    padded = F.pad(batch, (reach,) * 4)
    corner = torch.randint(0, 2 * reach + 1, (len(places), 2))
    rows = (corner[:, :1] + torch.arange(height))[:, None, :, None]
    columns = (corner[:, 1:] + torch.arange(width))[:, None, None, :]
    return padded[torch.arange(len(places))[:, None, None, None], torch.arange(batch.shape[1])[None, :, None, None], rows, columns]


def train(spec, data, seed):
    """The test error of one training."""
    torch.manual_seed(seed)
    (images, labels), (test_images, test_labels), classes = data
    recipe, augment = spec["train"], spec["data"].get("augment", {})
    assert spec["data"]["preprocess"] == ["standardize"], spec["data"]["preprocess"]
    held_out = spec["data"]["validation"] // classes
    order = torch.randperm(len(labels))
    keep = torch.cat([order[labels[order] == label][held_out:] for label in range(classes)])
    images, labels = images[keep].float(), labels[keep]
    mean, deviation = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True, correction=0)
    ready = lambda values: ((values.float() - mean) / deviation).contiguous(memory_format=torch.channels_last)
    images, test_images = ready(images), ready(test_images)
    net = build(spec, classes)
    decays = [p for name, p in net.named_parameters() if p.dim() > 1 or recipe["decay_biases"] or name.endswith("weight")]
    rest = [p for p in net.parameters() if all(p is not other for other in decays)]
    groups = [{"params": decays, "weight_decay": recipe["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=recipe["momentum"], nesterov=recipe["nesterov"])
    count, size, first_sides = len(labels), recipe["batch"], torch.randint(0, 2, (len(labels),))
    epochs = recipe["length"].get("epochs") or recipe["length"]["presentations"] / count
    steps_per_epoch = math.ceil(count / size)
    steps = round(epochs * steps_per_epoch)
    for step in range(steps):
        epoch, batch = divmod(step, steps_per_epoch)
        if batch == 0:
            order = torch.randperm(count)
        places = order[batch * size:(batch + 1) * size]
        rate = recipe["learning_rate"] * factor(recipe["schedule"], step / steps, step / steps_per_epoch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        logits = net(augmented(images, places, epoch, first_sides, augment))
        F.cross_entropy(logits, labels[places], label_smoothing=recipe["label_smoothing"]).backward()
        if recipe.get("clip_gradient_norm"):
            nn.utils.clip_grad_norm_(net.parameters(), recipe["clip_gradient_norm"])
        optimizer.step()
        if batch == 0:
            print(f"seed {seed}: epoch {epoch} of {epochs:g}", flush=True)
    net.eval()
    with torch.no_grad():
        wrong = sum((net(x).argmax(1) != y).sum().item() for x, y in zip(test_images.split(500), test_labels.split(500)))
    return wrong / len(test_labels)


def published(run):
    """The test errors of all seeds of the run's arm."""
    arm = json.loads((run / "run.json").read_text())["arm"]
    errors = {}
    for folder in sorted(run.parent.iterdir()):
        record = json.loads((folder / "run.json").read_text())
        if record["arm"] == arm and record["status"] == "finished":
            points = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
            errors[record["seed"]] = [point["value"] for point in points if (point["split"], point["name"]) == ("test", "error")][-1]
    return arm, list(errors.values())


def page(arm, ours, theirs):
    """Both lists of errors, their means, and the interval of the difference."""
    percent = lambda values: ", ".join(f"{100 * value:.2f}" for value in values)
    lines = [f"# PyTorch by the recipe of `{arm}`", "", "Written by `peers/torch/recipe_twin.py`; do not edit. Test error in %, each seed's own random numbers.", "",
             "| program | errors | mean |", "|---|---|--:|"]
    lines += [f"| {name} | {percent(values)} | {100 * statistics.mean(values):.2f} |" for name, values in (("allconv", ours), (f"PyTorch {torch.__version__}", theirs))]
    if min(len(ours), len(theirs)) >= 2:
        interval = stats.ttest_ind(theirs, ours, equal_var=False).confidence_interval(CONFIDENCE)
        lines += ["", f"PyTorch − allconv: {100 * (statistics.mean(theirs) - statistics.mean(ours)):+.2f} points, {CONFIDENCE:.0%} Welch interval "
                      f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f}."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    spec = tomllib.loads((arguments.run / "spec.toml").read_text())
    arm, ours = published(arguments.run)
    data = read_archive(arguments.archive)
    theirs = [train(spec, data, seed) for seed in range(arguments.seeds)]
    text = page(arm, ours, theirs)
    print(text)
    if arguments.write:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
