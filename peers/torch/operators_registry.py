"""How an operator enters the golden vectors: its function, its parameters, and where its numbers come from."""

from collections.abc import Callable
from dataclasses import dataclass

FORMULA = "formula"

# What each group registers: name to Operator.
DOWNSAMPLING = {}
UPSAMPLING = {}


@dataclass
class Parameter:
    """Values `scale * uniform + shift`, rounded to f32, of a shape."""

    shape: list
    scale: float
    shift: float


@dataclass
class Operator:
    """One entry of the registry; `source`, `note` and `exact` are asked with the settings and the shape of x."""

    compute: Callable
    source: Callable
    note: Callable
    exact: Callable
    parameters: Callable


def answer(value):
    return value if callable(value) else lambda settings, shape: value


def registered_in(registry):
    """A decorator that puts functions into `registry` under their names."""

    def operator(source, note="", exact=False, parameters=lambda settings, shape: {}):
        """`exact` says that y holds values of x (or zeros) and nothing computed."""

        def register(compute):
            registry[compute.__name__] = Operator(compute, answer(source), answer(note), answer(exact), parameters)
            return compute

        return register

    return operator
