"""The layers of allconv's example `decoder_shapes` in PyTorch: forward and all gradients, with ReLU, as one line of JSON.

    python decoder_shapes.py --rounds 5 --threads 2

Each shape runs contiguous and channels-last; the faster of the two counts.
"""

import argparse
import json
import os
import statistics
import time

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
import torch.nn.functional as F

# Images, height and width of the feature map, channels in, channels out, transposed; as in the example.
SHAPES = [(1, 256, 64, 64, False), (1, 128, 128, 128, False), (1, 64, 256, 256, False), (1, 128, 128, 64, True), (1, 64, 256, 128, True)]


def measure(batch, size, channels_in, channels_out, transposed, memory_format, rounds):
    layer = torch.nn.ConvTranspose2d(channels_in, channels_out, 2, 2) if transposed else torch.nn.Conv2d(channels_in, channels_out, 3, 1, 1)
    layer = layer.to(memory_format=memory_format)
    images = torch.randn(batch, channels_in, size, size).contiguous(memory_format=memory_format).requires_grad_()
    with torch.no_grad():
        gradient = torch.randn_like(layer(images)).contiguous(memory_format=memory_format)
    seconds = []
    for _ in range(rounds + 1):
        images.grad = layer.weight.grad = layer.bias.grad = None
        start = time.perf_counter()
        F.relu(layer(images)).backward(gradient)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = []
    for batch, size, channels_in, channels_out, transposed in SHAPES:
        formats = [torch.contiguous_format, torch.channels_last]
        best = min(measure(batch, size, channels_in, channels_out, transposed, kind, args.rounds) for kind in formats)
        name = "transposed 2x2" if transposed else "3x3"
        rows.append({"shape": f"{name} {channels_in}-{channels_out} {size}x{size} batch {batch}", "seconds": best})
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
