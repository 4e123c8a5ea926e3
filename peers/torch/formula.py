"""Values that PyTorch and Rust compute alike from a name and an index, so that no weights need to be stored."""

import numpy as np
import torch


def uniform(name, count):
    """`count` values in [-1, 1) in f64, element i a hash of (name, i); exact in f32."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    hash_ = np.uint32(seed) + np.arange(count, dtype=np.uint32) * np.uint32(2654435761)
    hash_ ^= hash_ >> np.uint32(15)
    hash_ *= np.uint32(2246822519)
    hash_ ^= hash_ >> np.uint32(13)
    return (hash_ >> np.uint32(8)).astype(np.float64) / 2.0**23 - 1.0


def fill(net):
    """Weights uniform in ±sqrt(6 / fan_in), biases in ±0.1, rounded to f32."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            values = uniform(name, parameter.numel())
            weight = parameter.dim() > 1
            scale = np.sqrt(6.0 / parameter[0].numel()) if weight else 0.1
            rounded = torch.from_numpy((values * scale).astype(np.float32)).reshape(parameter.shape)
            parameter.copy_(rounded.to(parameter.dtype))


def images(size, batch=2):
    """Images [n, 3, size, size] in [-1, 1)."""
    values = uniform("images", batch * 3 * size * size).astype(np.float32)
    return torch.from_numpy(values).reshape(batch, 3, size, size)
