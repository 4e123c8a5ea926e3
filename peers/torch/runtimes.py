"""Throughput of ONNX Runtime and OpenVINO in inference on the CPU, as JSON on standard output.

    python runtimes.py --peer openvino --folder FOLDER --batch 128 --threads 2 --precision f32 --mode best

FOLDER holds what `onnx_export.py` left there. Before a mode is timed, its answers for the whole batch are compared with allconv's and
PyTorch's. `best` tries all modes of the peer and reports the fastest. Every step leaves the answers of the whole batch in memory:

| peer | mode | what runs |
|---|---|---|
| onnxruntime | whole | the batch at once, on all threads |
| | groups | 16 images at a time, on all threads |
| | streams | 16 images at a time, each thread its own |
| openvino | latency | the batch at once, hint LATENCY |
| | latency+groups | 16 images at a time, hint LATENCY |
| | throughput | 16 images at a time, hint THROUGHPUT, as many at once as the runtime advises |

Where the batch cannot be cut into groups, modes that would are left out, but for the hint. `step_memory_mib` is what the steps added to the process at their peak, `note` says where the arithmetic is not what was asked for.
"""

import argparse
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import answers

MODES = {"onnxruntime": ["whole", "groups", "streams"], "openvino": ["latency", "latency+groups", "throughput"]}
WARM_UP = 2
# Images of a group, where a mode cuts the batch: their maps stay in the caches.
GROUP = 16
# Huge pages for whatever the runtimes allocate, as allconv and PyTorch have them.
HUGE_PAGES = "glibc.malloc.hugetlb=1"


def memory_mib(field):
    """`VmRSS`, the resident memory of this process, or `VmHWM`, its peak."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(field + ":"))
    return int(line.split()[1]) >> 10


def forget_peak():
    """Lets the peak begin anew, so that it does not count what reading the network took."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def groups_of(batch):
    """The images of each group: `GROUP` where that divides the batch, else all."""
    size = GROUP if batch % GROUP == 0 else batch
    return [slice(first, first + size) for first in range(0, batch, size)]


def modes(peer, batch):
    """The modes of a peer that differ for a batch."""
    if len(groups_of(batch)) > 1:
        return MODES[peer]
    return ["whole"] if peer == "onnxruntime" else ["latency", "throughput"]


def open_onnxruntime(args, mode):
    """A function from a batch to its answers, and a note."""
    import onnxruntime

    groups = [slice(0, args.batch)] if mode == "whole" else groups_of(args.batch)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1 if mode == "streams" else args.threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_mem_pattern = options.enable_cpu_mem_arena = True
    options.add_free_dimension_override_by_name("batch", groups[0].stop)
    path = str(args.folder / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def one(images):
        return session.run(None, {"images": images})[0]

    if mode == "streams":
        pool = ThreadPoolExecutor(args.threads)
        return lambda images: list(pool.map(one, [images[group] for group in groups])), None
    return lambda images: [one(images[group]) for group in groups], None


def open_openvino(args, mode):
    """A function from a batch to its answers, and a note."""
    import openvino

    groups = [slice(0, args.batch)] if mode == "latency" else groups_of(args.batch)
    core = openvino.Core()
    model = core.read_model(args.folder / "model.onnx")
    shape = model.input(0).partial_shape
    shape[0] = groups[0].stop
    model.reshape(shape)
    settings = {
        "PERFORMANCE_HINT": "THROUGHPUT" if mode == "throughput" else "LATENCY",
        "INFERENCE_NUM_THREADS": args.threads,
        "INFERENCE_PRECISION_HINT": args.precision,
    }
    compiled = core.compile_model(model, "CPU", settings)
    note = None
    if args.precision == "bf16" and "bf16" not in precisions(compiled):
        note = "asked for bf16, computes in f32"
    if mode != "throughput":
        request = compiled.create_infer_request()

        def one(images):
            # Copied, as the next group overwrites the answers of this one.
            return request.infer({0: images}, share_inputs=True)[0]

        return lambda images: [one(images[group]) for group in groups], note
    queue = openvino.AsyncInferQueue(compiled, compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    found = [None] * len(groups)
    queue.set_callback(lambda request, place: found.__setitem__(place, request.get_output_tensor(0).data.copy()))

    def run(images):
        for place, group in enumerate(groups):
            queue.start_async({0: images[group]}, place, share_inputs=True)
        queue.wait_all()
        return found

    return run, note


def precisions(compiled):
    """What the convolutions of a compiled network compute in, in the runtime's own words."""
    infos = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    words = [(info["layerType"].astype(str), info["runtimePrecision"].astype(str)) for info in infos]
    found = {precision.lower() for layer, precision in words if "Convolution" in layer}
    assert found, f"no convolution among {words}"
    return found


OPEN = {"onnxruntime": open_onnxruntime, "openvino": open_openvino}


def measure(mode, args, expected):
    """Images per second of each timed step, slowest first, MiB that the steps added to the process, and a note."""
    run, note = OPEN[args.peer](args, mode)
    forget_peak()
    before = memory_mib("VmRSS")
    expected.check(np.concatenate(run(expected.images)), f"{args.peer} ({mode})")
    for _ in range(WARM_UP):
        run(expected.images)
    rates = []
    for _ in range(args.steps):
        start = time.perf_counter()
        run(expected.images)
        rates.append(args.batch / (time.perf_counter() - start))
    return sorted(rates), memory_mib("VmHWM") - before, note


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=MODES, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--precision", choices=answers.BOUNDS, default="f32")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--mode", default="best", help="a mode of the peer, or best")
    args = parser.parse_args()
    if args.mode not in [*MODES[args.peer], "best"]:
        parser.error(f"{args.peer} has the modes {', '.join(MODES[args.peer])} and best")
    if args.peer == "onnxruntime" and args.precision != "f32":
        parser.error("ONNX Runtime computes convolutions on the CPU in f32 only")
    if os.environ.get("GLIBC_TUNABLES") is None:
        # Read when a process starts, so this one starts again.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "GLIBC_TUNABLES": HUGE_PAGES})
    expected = answers.Answers(args.folder, args.batch, args.precision)
    runs = []
    for mode in modes(args.peer, args.batch) if args.mode == "best" else [args.mode]:
        rates, memory, note = measure(mode, args, expected)
        spread = {"median": statistics.median(rates), "min": rates[0], "max": rates[-1]}
        runs.append({"mode": mode, "images_per_second": spread, "step_memory_mib": memory, "note": note})
    best = max(runs, key=lambda run: run["images_per_second"]["median"])
    settings = {"precision": args.precision, "batch": args.batch, "threads": args.threads}
    print(json.dumps({"peer": args.peer, **settings, "best": best, "runs": runs}))


if __name__ == "__main__":
    main()
