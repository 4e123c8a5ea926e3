"""The answers of ours that a peer must give before it is timed.

The example `exchange_weights write` of allconv-nets leaves them: `weights.safetensors`, and `case.safetensors` with `images` [2, c, h, w]
and the `logits` that allconv computed from them in an accuracy class.
"""

import numpy as np
from safetensors.numpy import load_file

# Largest difference of two answers, relative to the largest value. f32: sums in another order. bf16: every product has two operands
# rounded to 8 bits, at different places in different programs.
BOUNDS = {"f32": 1e-4, "bf16": 5e-2}


class Answers:
    """Images in a batch, and what must come out for each, by the name of who computed it."""

    def __init__(self, folder, batch, precision):
        case = load_file(folder / "case.safetensors")
        self.images = fill(case["images"], batch)
        self.bound = BOUNDS[precision]
        self.expected = {"allconv": fill(case["logits"].reshape(len(case["logits"]), -1), batch)}
        if (folder / "pytorch.safetensors").exists():
            self.expected["PyTorch"] = fill(load_file(folder / "pytorch.safetensors")["logits"], batch)

    def check(self, found, who):
        """Ends the program where `found` are not the answers."""
        found = np.asarray(found, dtype=np.float32).reshape(len(self.images), -1)
        for name, expected in self.expected.items():
            error = difference(found, expected)
            # Written so that NaN fails.
            if not error <= self.bound:
                raise SystemExit(f"{who} differs from {name} by {error:.2e} of the largest value; at most {self.bound:.0e} is allowed")


def fill(rows, batch):
    """`rows` in turn until there are `batch` of them."""
    return np.ascontiguousarray(rows[np.arange(batch) % len(rows)])


def difference(found, expected):
    """Largest difference, relative to the largest expected value; NaN where a value is, or nothing but zeros is expected.

    >>> difference(np.array([[1.0, -4.5]]), np.array([[1.0, -4.0]]))
    0.125
    >>> difference(np.array([[np.nan, -4.0]]), np.array([[1.0, -4.0]]))
    nan
    >>> difference(np.zeros((1, 2)), np.zeros((1, 2)))
    nan
    """
    if found.shape != expected.shape:
        raise SystemExit(f"answers of shape {found.shape}, expected {expected.shape}")
    scale = np.abs(expected).max()
    return float(np.abs(found - expected).max() / scale) if scale > 0 else float("nan")
