"""Every twin by its name, and allconv's weights in it."""

from safetensors.torch import load_file

import classic_twin
import dense_twin
import twin

NAMES = twin.NAMES + dense_twin.NAMES + classic_twin.NAMES


def build(name, width):
    """The network that allconv calls `name`, and the shape [c, h, w] of its input."""
    if name in dense_twin.NAMES:
        return dense_twin.build(name, width)
    if name in classic_twin.NAMES:
        return classic_twin.build(name, width)
    net, side = twin.build(name, width)
    return net, (3, side, side)


def load(net, folder):
    """Puts the weights that the example `exchange_weights write` left in `folder` into a twin."""
    missing, unexpected = net.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    assert not missing and not unexpected
