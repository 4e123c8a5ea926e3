"""Times PyTorch's counterpart of each operator, of either way, on the CPU, as JSON on standard output.

    python operators_bench.py max_pool blur_pool --shape 32,96,32,32 --repeats 7
    python operators_bench.py --check

Without names every operator is timed. Each is measured with its default settings in f32, in evaluation mode, eagerly,
with its input contiguous and channels-last; the faster layout is reported for each pass. `forward` runs without a
graph, `forward_backward` also gives the gradients of x and of every parameter. Where PyTorch has no single call,
`composition` is true and `calls` says what it is made of: what one would write, without the shift by the maximum that
keeps an exponential from overflowing. The shape is that of the larger feature map: what a downsampling operator takes and an
upsampling operator gives. `--check` holds every counterpart to the functions behind the golden vectors.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch's own option for huge pages: the tuned baseline

import torch
from torch.nn import functional as F

from operators_bench_up import UPSAMPLERS

WARM_UP = 2
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

PEERS = {}
# Their last row and column follow another rule at the edge, so `--check` leaves these out.
OTHER_EDGE = {"median_pool", "rank_average_pool", "blur_upsample"}
# Of the registry, but not operators that compute something of their own in the slot.
WITHOUT_COUNTERPART = {
    "folded_stride": "a stride of the convolution before the slot: see strided_conv",
    "dilation": "computes nothing in the slot; later convolutions are dilated",
}


def peer(calls, composition=True, parameters=lambda c, h, w: {}):
    """Registers f(x, parameters) under its name; `parameters` gives their shapes for an input of c, h, w."""

    def register(function):
        PEERS[function.__name__] = (function, calls, composition, parameters)
        return function

    return register


@peer("max_pool2d", composition=False)
def max_pool(x, p):
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


@peer("avg_pool2d", composition=False)
def average_pool(x, p):
    return F.avg_pool2d(x, 2)


@peer("square, avg_pool2d, sqrt")
def p_norm_pool(x, p):
    return F.avg_pool2d(x * x, 3, 2, ceil_mode=True).sqrt()


@peer("abs, pow, avg_pool2d, pow", parameters=lambda c, h, w: {"q": [1]})
def learned_p_norm_pool(x, p):
    power = 1 + F.softplus(p["q"])
    return F.avg_pool2d(x.abs().pow(power), 3, 2, ceil_mode=True).pow(1 / power)


@peer("clamp, pow, avg_pool2d, pow", parameters=lambda c, h, w: {"p": [1]})
def gem_pool(x, p):
    return F.avg_pool2d(x.clamp(min=1e-6).pow(p["p"]), 2).pow(1 / p["p"])


@peer("exp, avg_pool2d, log")
def log_sum_exp_pool(x, p):
    return F.avg_pool2d(x.exp(), 2).log()


@peer("pad, unfold, median")
def median_pool(x, p):
    # As timm does it; leaving out the elements beyond the edge, by nanmedian or nanquantile, is slower still.
    return F.pad(x, (0, 1, 0, 1), mode="reflect").unfold(2, 3, 2).unfold(3, 3, 2).flatten(4).median(4).values


@peer("pad, unfold, topk, mean")
def rank_average_pool(x, p):
    return F.pad(x, (0, 1, 0, 1), mode="reflect").unfold(2, 3, 2).unfold(3, 3, 2).flatten(4).topk(4, dim=4).values.mean(4)


@peer("relu, square, two avg_pool2d")
def stochastic_pool(x, p):
    a = x.relu()
    return F.avg_pool2d(a * a, 2) / F.avg_pool2d(a, 2).clamp(min=1e-30)


@peer("max_pool2d, avg_pool2d, lerp", parameters=lambda c, h, w: {"mix": [1]})
def mixed_pool(x, p):
    return torch.lerp(F.avg_pool2d(x, 2), F.max_pool2d(x, 2), p["mix"].sigmoid())


@peer("conv2d (depthwise), max_pool2d, avg_pool2d, lerp", parameters=lambda c, h, w: {"gate": [1, 2, 2]})
def gated_pool(x, p):
    gate = F.conv2d(x, p["gate"].expand(x.shape[1], 1, 2, 2), stride=2, groups=x.shape[1]).sigmoid()
    return torch.lerp(F.avg_pool2d(x, 2), F.max_pool2d(x, 2), gate)


@peer("max_pool2d, avg_pool2d")
def max_average_pool(x, p):
    return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)


@peer("fractional_max_pool2d", composition=False)
def fractional_max_pool(x, p):
    samples = x.new_full((*x.shape[:2], 2), 0.5)
    return F.fractional_max_pool2d(x, 2, (x.shape[2] // 2, x.shape[3] // 2), _random_samples=samples)


@peer("conv2d, relu", composition=False, parameters=lambda c, h, w: {"weight": [c, c, 3, 3], "bias": [c]})
def strided_conv(x, p):
    return F.conv2d(x, p["weight"], p["bias"], 2, 1).relu_()


@peer("conv2d, relu, max_pool2d", parameters=lambda c, h, w: {"weight": [c, c, 3, 3], "bias": [c]})
def conv_pool(x, p):
    return F.max_pool2d(F.conv2d(x, p["weight"], p["bias"], 1, 1).relu_(), 3, 2, ceil_mode=True)


@peer("conv2d, relu, pixel_unshuffle", parameters=lambda c, h, w: {"weight": [c // 4, c, 3, 3], "bias": [c // 4]})
def conv_unshuffle(x, p):
    return F.pixel_unshuffle(F.conv2d(x, p["weight"], p["bias"], 1, 1).relu_(), 2)


@peer("conv2d", composition=False, parameters=lambda c, h, w: {"weight": [c, 1, 3, 3], "bias": [c]})
def depthwise_conv(x, p):
    return F.conv2d(x, p["weight"], p["bias"], 2, 1, groups=x.shape[1])


@peer("slice and copy")
def decimation(x, p):
    return x[:, :, ::2, ::2].clone(memory_format=torch.preserve_format)


@peer("pixel_unshuffle", composition=False)
def pixel_unshuffle(x, p):
    return F.pixel_unshuffle(x, 2)


@peer(
    "reshape, layer_norm, linear",
    parameters=lambda c, h, w: {"norm_weight": [4 * c], "norm_bias": [4 * c], "reduction": [2 * c, 4 * c]},
)
def patch_merging(x, p):
    n, c, h, w = x.shape
    blocks = x.permute(0, 2, 3, 1).reshape(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 4, 2, 5).flatten(3)
    normalised = F.layer_norm(blocks, [4 * c], p["norm_weight"], p["norm_bias"])
    return F.linear(normalised, p["reduction"]).permute(0, 3, 1, 2)


BLURS = {}


def blur(x):
    """Four taps, reflect, stride 2; the filter is made once."""
    key = (x.shape[1], x.dtype)
    if key not in BLURS:
        line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
        BLURS[key] = torch.outer(line, line).repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(F.pad(x, (1, 2, 1, 2), mode="reflect"), BLURS[key], stride=2, groups=x.shape[1])


@peer("pad, conv2d (depthwise)")
def blur_pool(x, p):
    return blur(x)


@peer("pad with -inf, max_pool2d at stride 1, pad, conv2d (depthwise)")
def max_blur_pool(x, p):
    return blur(F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-math.inf), 2, 1))


@peer("pad, avg_pool2d at stride 1, pad, conv2d (depthwise)")
def average_blur_pool(x, p):
    # A window cut off by the edge averages its own elements, which is what repeating the edge gives.
    return blur(F.avg_pool2d(F.pad(x, (0, 1, 0, 1), mode="replicate"), 2, 1))


@peer("conv2d, relu, pad, conv2d (depthwise)", parameters=lambda c, h, w: {"weight": [c, c, 3, 3], "bias": [c]})
def conv_blur_pool(x, p):
    return blur(F.conv2d(x, p["weight"], p["bias"], 1, 1).relu_())


@peer("interpolate, lanczos, antialias", composition=False)
def antialiased_resize(x, p):
    return F.interpolate(x, (x.shape[2] // 2, x.shape[3] // 2), mode="lanczos", antialias=True)


def phases(x):
    return torch.stack([x[:, :, ::2, ::2], x[:, :, 1::2, ::2], x[:, :, ::2, 1::2], x[:, :, 1::2, 1::2]], 1)


def pick(components, scores):
    return components[torch.arange(len(scores)), scores.argmax(1)]


@peer("four slices, vector_norm, index")
def adaptive_polyphase(x, p):
    components = phases(x)
    return pick(components, torch.linalg.vector_norm(components.detach().flatten(2), dim=2))


@peer(
    "four slices, pad and conv2d twice, mean, index",
    parameters=lambda c, h, w: {
        "first_weight": [c, c, 3, 3],
        "first_bias": [c],
        "second_weight": [c, c, 3, 3],
        "second_bias": [c],
    },
)
def learned_polyphase(x, p):
    components = phases(x)
    with torch.no_grad():  # in evaluation nothing reaches the parameters
        ring = (1, 1, 1, 1)
        inner = F.conv2d(F.pad(components.flatten(0, 1), ring, mode="circular"), p["first_weight"], p["first_bias"])
        outer = F.conv2d(F.pad(inner.relu_(), ring, mode="circular"), p["second_weight"], p["second_bias"])
        scores = outer.mean((1, 2, 3)).unflatten(0, components.shape[:2])
    return pick(components, scores)


@peer("exp, two avg_pool2d")
def soft_pool(x, p):
    weight = x.exp()
    return F.avg_pool2d(x * weight, 2) / F.avg_pool2d(weight, 2)


@peer("avg_pool2d, interpolate, exp, four avg_pool2d, lerp", parameters=lambda c, h, w: {"beta": [h // 2, w // 2]})
def ada_pool(x, p):
    mean = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="nearest")
    weight = (2 * x * mean / (x * x + mean * mean)).exp()
    similar = F.avg_pool2d(x * weight, 2) / F.avg_pool2d(weight, 2)
    return torch.lerp(soft_pool(x, p), similar, p["beta"].clamp(0, 1))


@peer(
    "conv2d, instance_norm, sigmoid, exp, two avg_pool2d",
    parameters=lambda c, h, w: {"weight": [c, c, 3, 3], "norm_weight": [c], "norm_bias": [c]},
)
def local_importance_pool(x, p):
    inner = F.conv2d(x, p["weight"], padding=1)
    weight = (12 * F.instance_norm(inner, weight=p["norm_weight"], bias=p["norm_bias"]).sigmoid()).exp()
    return F.avg_pool2d(x * weight, 3, 2, 1) / F.avg_pool2d(weight, 3, 2, 1)


@peer("avg_pool2d, multiply")
def haar_low_pass(x, p):
    return 2 * F.avg_pool2d(x, 2)


@peer("four slices, sums, cat")
def haar_wavelet(x, p):
    top_sum, top_difference = x[:, :, ::2, ::2] + x[:, :, ::2, 1::2], x[:, :, ::2, ::2] - x[:, :, ::2, 1::2]
    low_sum, low_difference = x[:, :, 1::2, ::2] + x[:, :, 1::2, 1::2], x[:, :, 1::2, ::2] - x[:, :, 1::2, 1::2]
    bands = top_sum + low_sum, top_sum - low_sum, top_difference + low_difference, top_difference - low_difference
    return torch.cat(bands, 1) / 2


@peer("rfft2, two slices, cat, irfft2")
def spectral_pool(x, p):
    rows, columns = x.shape[2] // 2, x.shape[3] // 2
    spectrum = torch.fft.rfft2(x)[..., : columns // 2 + 1]
    cropped = torch.cat([spectrum[:, :, : rows // 2], spectrum[:, :, x.shape[2] - rows // 2 :]], 2)
    return torch.fft.irfft2(cropped, s=(rows, columns)) / 4


@peer("rfft2, masks, index, irfft2", parameters=lambda c, h, w: {"strides": [2]})
def diff_stride(x, p):
    height, width = x.shape[2:]
    rows = torch.arange(height, dtype=x.dtype)
    rows = torch.minimum(rows, height - 1 - rows)
    columns = torch.arange(width // 2 + 1, dtype=x.dtype)
    row_stride, column_stride = (
        p["strides"][i].clamp(min=size / (size - 4)) for i, size in enumerate((height, width))
    )
    row_mask = ((4 + height / (2 * row_stride) - rows) / 4).clamp(0, 1)
    column_mask = ((5 + width / (2 * column_stride) - columns) / 4).clamp(0, 1)
    masked = torch.fft.rfft2(x) * (row_mask[:, None] * column_mask)
    cropped = masked[:, :, row_mask > 0][..., column_mask > 0]
    size = cropped.shape[2], 2 * (cropped.shape[3] - 1)
    return torch.fft.irfft2(cropped, s=size) * (size[0] * size[1] / (height * width))


STARTS = {"p": 3.0, "beta": 0.5, "strides": 2.0, "norm_weight": 1.0}


def made_parameters(shapes, dtype=torch.float32):
    """Parameters around their usual start, small random numbers otherwise."""
    return {key: STARTS.get(key, 0.0) + 0.1 * torch.randn(size, dtype=dtype) for key, size in shapes.items()}


def case(name, shape, dtype=torch.float32):
    """x, the parameters' shapes and f(x, parameters) of either way."""
    x = torch.randn(shape, dtype=dtype)
    if name in PEERS:
        function, _, _, parameters = PEERS[name]
        return x, parameters(*shape[1:]), function
    up = UPSAMPLERS[name]
    x, switches = up.reduce(x)
    return x, up.parameters(*x.shape[1:]), lambda x, p: up.function(x, p, shape[2:], switches)


def milliseconds(step, repeats):
    for _ in range(WARM_UP):
        step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return {"median": statistics.median(times), "min": min(times), "max": max(times)}


def measure(name, shape, layout, repeats):
    """Milliseconds of both passes in one layout."""
    torch.manual_seed(0)
    form = LAYOUTS[layout]
    x, shapes, function = case(name, shape)
    x = x.contiguous(memory_format=form).requires_grad_()
    parameters = made_parameters(shapes)
    parameters = {k: v.contiguous(memory_format=form) if v.dim() == 4 else v for k, v in parameters.items()}
    with torch.no_grad():
        forward = milliseconds(lambda: function(x, parameters), repeats)
    leaves = [x, *(parameter.requires_grad_() for parameter in parameters.values())]
    upstream = torch.randn_like(function(x, parameters).detach())

    def both():
        torch.autograd.grad(function(x, parameters), leaves, upstream, allow_unused=True)

    return {"forward": forward, "forward_backward": milliseconds(both, repeats)}


def result(name, shape, repeats):
    if name in PEERS:
        _, calls, composition, _ = PEERS[name]
    else:
        calls, composition = UPSAMPLERS[name].calls, UPSAMPLERS[name].composition
    runs = {layout: measure(name, shape, layout, repeats) for layout in LAYOUTS}
    line = {"operator": name, "shape": shape, "composition": composition, "calls": calls}
    for which in ("forward", "forward_backward"):
        layout = min(runs, key=lambda layout: runs[layout][which]["median"])
        line[f"{which}_ms"] = {"layout": layout, **runs[layout][which]}
    return line


def check():
    """Holds each counterpart, y and dx, to the function behind the golden vectors, in f64."""
    import operators_pooling  # noqa: F401 (registers its operators)
    import operators_sampling  # noqa: F401
    from operators_registry import DOWNSAMPLING

    torch.manual_seed(0)
    for name, (function, *_) in PEERS.items():
        if name not in DOWNSAMPLING:
            print(f"{name}: plain convolutions, not among the golden vectors", file=sys.stderr)
            continue
        x = torch.randn(2, 3, 12, 10, dtype=torch.float64, requires_grad=True)
        parameters = made_parameters(PEERS[name][3](*x.shape[1:]), torch.float64)
        ours, theirs = DOWNSAMPLING[name].compute(x, parameters), function(x, parameters)
        upstream = torch.randn_like(ours)
        if name in OTHER_EDGE:
            upstream[..., -1, :] = upstream[..., -1] = 0.0
        torch.testing.assert_close(theirs[upstream != 0], ours[upstream != 0])
        gradients = [torch.autograd.grad(y, x, upstream)[0] for y in (theirs, ours)]
        torch.testing.assert_close(*gradients)
    check_up()


# The settings that the functions behind the golden vectors ask for.
UP_SETTINGS = {
    "max_unpool": {"kernel": 3, "stride": 2, "duplicates": "assign"},
    "carafe": {"factor": 2, "kernel": 5, "encoder_kernel": 3, "hidden": 64},
}


def check_up():
    """The same for upsampling; y alone where several windows name one position, which leaves PyTorch's gradient open."""
    import operators_upsampling  # noqa: F401
    from operators_registry import UPSAMPLING

    size = [12, 8]
    for name, up in UPSAMPLERS.items():
        if name not in UPSAMPLING:
            print(f"{name}: not among the golden vectors", file=sys.stderr)
            continue
        x, switches = up.reduce(torch.randn(2, 4, *size, dtype=torch.float64))
        x.requires_grad_()
        parameters = made_parameters(up.parameters(*x.shape[1:]), torch.float64)
        settings = UP_SETTINGS.get(name, {})
        if name == "max_unpool":
            settings = {**settings, "indices": switches}
        ours = UPSAMPLING[name].compute(x, parameters, size, **settings)
        theirs = up.function(x, parameters, size, switches)
        inside = slice(3, -3) if name in OTHER_EDGE else slice(None)
        torch.testing.assert_close(theirs[..., inside, inside], ours[..., inside, inside])
        if name != "max_unpool":
            upstream = torch.zeros_like(ours)
            upstream[..., inside, inside] = torch.randn_like(ours[..., inside, inside])
            gradients = [torch.autograd.grad(y, x, upstream)[0] for y in (theirs, ours)]
            torch.testing.assert_close(*gradients)


def numbers(text):
    shape = [int(part) for part in text.split(",")]
    if len(shape) != 4 or min(shape) < 1 or shape[2] % 2 or shape[3] % 2 or min(shape[2:]) < 6:
        raise argparse.ArgumentTypeError(f"`{text}` is not n,c,h,w with even height and width of at least 6")
    return shape


def positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number of at least 1")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("operators", nargs="*", metavar="OPERATOR", help="names as in the registry; all if none")
    parser.add_argument("--shape", action="append", type=numbers, help="n,c,h,w; may be given several times")
    parser.add_argument("--repeats", type=positive, default=7)
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    unknown = [name for name in args.operators if name not in PEERS and name not in UPSAMPLERS]
    if unknown:
        reasons = [f"{name}: {WITHOUT_COUNTERPART.get(name, 'no such operator')}" for name in unknown]
        parser.error("; ".join(reasons))
    torch.set_num_threads(args.threads)
    if args.check:
        return check()
    shapes = args.shape or [[32, 96, 32, 32], [32, 192, 16, 16]]
    results = [result(name, shape, args.repeats) for name in args.operators or [*PEERS, *UPSAMPLERS] for shape in shapes]
    head = {"torch": torch.__version__, "threads": args.threads, "repeats": args.repeats}
    print(json.dumps({**head, "without_counterpart": WITHOUT_COUNTERPART, "results": results}))


if __name__ == "__main__":
    main()
