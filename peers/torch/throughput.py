"""Throughput of a twin in PyTorch on the CPU, as JSON on standard output.

    python throughput.py --model all_cnn_c --width 1.0 --pass train --batch 128 --threads 2 --mode best

`best` tries eager, channels-last and both compiled, and reports the fastest; `torch.compile` needs a C++ compiler. With a single
mode, `step_memory_mib` is what the steps added to the process at their peak. `--precision bf16` is autocast. With `--answers FOLDER`
inference is that of allconv's weights and images, and its answers are compared with allconv's before a mode is timed.
"""

import argparse
import json
import os
import resource
import statistics
import time
from pathlib import Path

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch's own option for huge pages: the tuned baseline

import torch
import torch.nn.functional as F

import answers
import dense_twin
import twins

MODES = ["eager", "channels_last", "compile", "channels_last+compile"]
WARM_UP = 2


def resident_mib():
    """Resident memory of this process now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def measure(mode, args):
    """Images per second of each timed step, slowest first, and MiB that the steps added to the process."""
    torch.manual_seed(0)
    dense = args.model in dense_twin.NAMES
    net, (channels, side, _) = twins.build(args.model, args.width)
    side = args.size or side
    expected = None
    if args.answers:
        twins.load(net, args.answers)
        expected = answers.Answers(args.answers, args.batch, args.precision)
    before = resident_mib()
    images = torch.from_numpy(expected.images) if expected else torch.randn(args.batch, channels, side, side)
    if dense:
        # A step of gradient descent on the mean square of the difference from a fixed map, as `allconv bench train` takes it.
        with torch.no_grad():
            target = torch.randn_like(net(images))
    else:
        target = torch.randint(0, 10, (args.batch,))
    if "channels_last" in mode:
        net = net.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
        if dense:
            target = target.contiguous(memory_format=torch.channels_last)
    # In networks with skips a map may be read again.
    for module in [] if dense else net.modules():
        if isinstance(module, (torch.nn.ReLU, torch.nn.LeakyReLU)):
            module.inplace = True  # the tuned baseline: no second copy of a map
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4 if dense else 0.01, momentum=0.9, weight_decay=1e-3)
    run = torch.compile(net) if "compile" in mode else net
    loss = F.mse_loss if dense else F.cross_entropy
    if args.which == "infer":
        net.eval()

    def cast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16")

    def step():
        if args.which == "infer":
            with torch.no_grad(), cast():
                return run(images)
        optimizer.zero_grad(set_to_none=True)
        with cast():
            value = loss(run(images), target)
        value.backward()
        return optimizer.step()

    if expected:
        # As many images as are timed: a compiled network is one for this number.
        expected.check(step().float().numpy(), f"PyTorch ({mode})")
    for _ in range(WARM_UP):
        step()
    rates = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        rates.append(args.batch / (time.perf_counter() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return sorted(rates), peak - before


def note(args):
    """Where the arithmetic is not what was asked for."""
    if args.precision == "bf16" and not multiplies_bfloat16():
        return "no bfloat16 instructions"
    return None


def multiplies_bfloat16():
    """Whether the processor has instructions that multiply bfloat16."""
    with open("/proc/cpuinfo") as file:
        flags = next((line for line in file if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=twins.NAMES, default="all_cnn_c")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--pass", dest="which", choices=["train", "infer"], default="train")
    parser.add_argument("--size", type=int, help="side of the images (default: the network's own)")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--mode", choices=[*MODES, "best"], default="best")
    parser.add_argument("--answers", type=Path, help="with --pass infer: what the example `exchange_weights write` left")
    args = parser.parse_args()
    if args.answers and (args.which != "infer" or args.size):
        parser.error("--answers are those of inference on the network's own size")
    torch.set_num_threads(args.threads)
    runs = []
    for mode in MODES if args.mode == "best" else [args.mode]:
        try:
            rates, memory = measure(mode, args)
        except Exception as error:  # a mode that cannot run here is reported, not fatal
            runs.append({"mode": mode, "error": str(error).splitlines()[0]})
            continue
        spread = {"median": statistics.median(rates), "min": rates[0], "max": rates[-1]}
        runs.append({"mode": mode, "images_per_second": spread, "step_memory_mib": memory, "note": note(args)})
    timed = [run for run in runs if "error" not in run]
    best = max(timed, key=lambda run: run["images_per_second"]["median"])
    settings = {
        "model": args.model,
        "width": args.width,
        "pass": args.which,
        "precision": args.precision,
        "size": args.size,
        "batch": args.batch,
        "threads": args.threads,
    }
    print(json.dumps({"torch": torch.__version__, **settings, "best": best, "runs": runs}))


if __name__ == "__main__":
    main()
