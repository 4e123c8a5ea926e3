"""Writes a twin with allconv's weights as ONNX, once its answers are those of allconv.

    python onnx_export.py --model all_cnn_c --width 1.0 --folder FOLDER

FOLDER holds what the example `exchange_weights write` left there. Beside it come `model.onnx`, whose number of images is a dimension
called `batch`, and `pytorch.safetensors`: the `logits` of PyTorch in f32 for the same images.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

import answers
import twins

# The first that both runtimes' optimisers were written for in full; the networks need nothing newer.
OPSET = 17


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=twins.NAMES, required=True)
    parser.add_argument("--width", type=float, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    # The bound of the class that the answers were computed in.
    parser.add_argument("--precision", choices=answers.BOUNDS, default="f32")
    args = parser.parse_args()
    (args.folder / "pytorch.safetensors").unlink(missing_ok=True)
    expected = answers.Answers(args.folder, 2, args.precision)
    net, _ = twins.build(args.model, args.width)
    twins.load(net, args.folder)
    net.eval()
    images = torch.from_numpy(expected.images)
    with torch.no_grad():
        logits = net(images).flatten(1).numpy()
    expected.check(logits, "PyTorch")
    save_file({"logits": np.ascontiguousarray(logits)}, args.folder / "pytorch.safetensors")
    with warnings.catch_warnings():
        # The exporter by tracing is deprecated; the other one needs more packages and writes the same nodes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (images,),
            args.folder / "model.onnx",
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "batch"}},
        )


if __name__ == "__main__":
    main()
