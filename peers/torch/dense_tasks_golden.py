"""Writes what others' implementations give for the metrics, the losses and the optimiser of dense tasks, for the Rust tests.

    python dense_tasks_golden.py crates/train/tests/fixtures/dense.json

Metrics: scikit-image (PSNR, SSIM, luma), SciPy's distance transform (boundary F1), NumPy set operations (overlap).
Losses and their gradients: PyTorch autograd in f64. Adam: torch.optim.Adam in f32. Inputs follow from the formulas below.
"""

import json
import sys

import numpy as np
import torch
from scipy import ndimage
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

HEIGHT, WIDTH = 23, 31


def picture(kind):
    """Two colour pictures of 23×31, the second a distorted first."""
    row, column, channel = np.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
    clean = (row * 7 + column * 13 + channel * 40 + (row * column) % 31 * 5) % 256
    noise = (row * 5 + column * 11 + channel * 3) % 17 - 8
    return clean if kind == "clean" else np.clip(clean + noise, 0, 255)


def class_map(kind):
    """Three classes in discs and stripes; the second map is the first, moved and worn."""
    row, column = np.mgrid[0:180, 0:240]
    if kind == "predicted":
        row, column = row + 1, column - 2
    disc = (row - 75) ** 2 + (column - 90) ** 2 < 51 ** 2
    stripe = (row + 2 * column) % 270 < 36
    classes = np.where(disc, 1, np.where(stripe, 2, 0))
    if kind == "predicted":
        classes = np.where((row * 7 + column * 3) % 241 == 0, 0, classes)
    return classes


def outline(mask):
    return mask & ~ndimage.binary_erosion(mask, border_value=1)


def boundary_f1(truth, predicted):
    reach = 0.0075 * np.hypot(*truth.shape)
    values = []
    for label in range(3):
        true, found = outline(truth == label), outline(predicted == label)
        near_true = ndimage.distance_transform_edt(~true) <= reach
        near_found = ndimage.distance_transform_edt(~found) <= reach
        precision, recall = near_true[found].mean(), near_found[true].mean()
        values.append(2 * precision * recall / (precision + recall))
    return float(np.mean(values))


def metrics():
    clean, noisy = picture("clean"), picture("noisy")
    luma = [rgb2ycbcr(image.astype(np.uint8))[..., 0] for image in (clean, noisy)]
    inner = [image[2:-2, 2:-2] for image in luma]

    def ssim(first, second, **options):
        return structural_similarity(
            first, second, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, **options
        )

    truth, predicted = class_map("truth"), class_map("predicted")
    overlaps = [((truth == c) & (predicted == c)).sum() / ((truth == c) | (predicted == c)).sum() for c in range(3)]
    dices = [
        2 * ((truth == c) & (predicted == c)).sum() / ((truth == c).sum() + (predicted == c).sum()) for c in range(3)
    ]
    return {
        "psnr_rgb": peak_signal_noise_ratio(clean, noisy, data_range=255),
        "psnr_y": peak_signal_noise_ratio(luma[0], luma[1], data_range=255),
        "psnr_y_border_2": peak_signal_noise_ratio(inner[0], inner[1], data_range=255),
        "ssim_y": ssim(luma[0], luma[1]),
        "ssim_red": ssim(clean[..., 0].astype(float), noisy[..., 0].astype(float)),
        "pixel_error": float((truth != predicted).mean()),
        "intersection_over_union": [float(value) for value in overlaps],
        "dice": [float(value) for value in dices],
        "boundary_f1": boundary_f1(truth, predicted),
    }


def wave(count, step, scale):
    """Values between ±scale that repeat late."""
    return torch.tensor([scale * np.sin(step * index + 0.3) for index in range(count)], dtype=torch.float64)


def losses():
    output = wave(2 * 3 * 4 * 5, 1.7, 0.4).requires_grad_()
    target = wave(2 * 3 * 4 * 5, 0.9, 0.4)
    found = {}
    error = output - target
    for name, value in {
        "l1": error.abs().mean(),
        "mse": error.square().mean(),
        "charbonnier": (error.square() + 1e-6).sqrt().mean(),
    }.items():
        (gradient,) = torch.autograd.grad(value, output, retain_graph=True)
        found[name] = {"value": value.item(), "gradient": gradient.tolist()}
    logits = wave(2 * 3 * 4 * 5, 1.1, 3.0).reshape(2, 3, 4, 5).requires_grad_()
    labels = torch.tensor([(index * 7) % 5 % 3 for index in range(2 * 4 * 5)]).reshape(2, 4, 5)
    ignoring = labels.clone()
    ignoring.view(-1)[1::4] = 255
    for ending, labels in {"": labels, "_ignoring": ignoring}.items():
        entropy = torch.nn.functional.cross_entropy(logits, labels, ignore_index=255)
        counted = (labels != 255).unsqueeze(1)
        share = logits.softmax(1) * counted
        truth = torch.nn.functional.one_hot(labels * (labels != 255), 3).permute(0, 3, 1, 2) * counted
        both, sums = (share * truth).sum((0, 2, 3)), (share + truth).sum((0, 2, 3))
        dice = 1 - ((2 * both + 1) / (sums + 1)).mean()
        for name, value in {"cross_entropy": entropy, "cross_entropy_dice": entropy + dice}.items():
            (gradient,) = torch.autograd.grad(value, logits, retain_graph=True)
            found[name + ending] = {"value": value.item(), "gradient": gradient.flatten().tolist()}
    return found


def adam():
    """Five steps on six weights whose gradients follow a formula."""
    runs = []
    for decay in (0.0, 0.1):
        weight = torch.nn.Parameter(wave(6, 2.3, 1.0).float())
        optimizer = torch.optim.Adam([weight], lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay)
        steps = []
        for step in range(5):
            weight.grad = wave(6, 0.7 + step, 0.5).float()
            optimizer.step()
            steps.append(weight.detach().tolist())
        runs.append({"weight_decay": decay, "weights": steps})
    return runs


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump({"metrics": metrics(), "losses": losses(), "adam": adam()}, file, indent=1)
        file.write("\n")
