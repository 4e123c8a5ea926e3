"""Correctly rounded values of elementary functions, for crates/random/tests/elementary.rs.

Writes crates/random/tests/elementary.csv: function, arguments and result as the bits of doubles in hexadecimal. The results are
computed by mpmath with 400 bits and rounded once.

    pip install mpmath==1.3.0
    python peers/elementary_golden.py
"""

import math
import pathlib
import random
import struct

import mpmath

mpmath.mp.prec = 400
draw = random.Random(2015)


def bits(value):
    return struct.pack(">d", value).hex()


def uniform(low, high, count):
    return [draw.uniform(low, high) for _ in range(count)]


def magnitudes(low, high, count):
    """Positive numbers whose exponents are spread evenly."""
    return [math.ldexp(draw.uniform(1, 2), draw.randint(low, high - 1)) for _ in range(count)]


def near(points, count):
    """Neighbours of points, a few units in the last place away."""
    found = []
    for point in points:
        for _ in range(count):
            value = point
            for _ in range(draw.randint(0, 3)):
                value = math.nextafter(value, draw.choice([-math.inf, math.inf]))
            found.append(value)
    return found


quarter_turns = [k * math.pi / 2 for k in range(-40, 41)] + [k * math.pi / 2 for k in (1e3, 12345, 1e6)]
angles = uniform(-math.pi, math.pi, 120) + uniform(-1000, 1000, 120) + magnitudes(-60, 40, 60) + near(quarter_turns, 2)
logarithms = magnitudes(-1060, 1000, 150) + uniform(0.5, 2, 150) + near([1.0, 0.5, 2.0, 10.0, 5e-324], 10)
logarithms = [value for value in logarithms if value > 0]
cases = {
    "exp": (mpmath.exp, [(x,) for x in uniform(-745, 709, 150) + uniform(-20, 0, 150) + uniform(-1, 1, 100) + near([0.0, 709.78, -708.4], 5)]),
    "exp_m1": (mpmath.expm1, [(x,) for x in uniform(-50, 700, 100) + uniform(-1, 1, 150) + magnitudes(-60, 2, 60)]),
    "ln": (mpmath.log, [(x,) for x in logarithms]),
    "log10": (mpmath.log10, [(x,) for x in logarithms]),
    "sin": (mpmath.sin, [(x,) for x in angles]),
    "cos": (mpmath.cos, [(x,) for x in angles]),
    "pow": (
        mpmath.power,
        [(draw.uniform(0, 1), float(draw.randint(1, 30000))) for _ in range(100)]
        + [(b, float(draw.randint(1, 30000))) for b in (0.9, 0.99, 0.999) for _ in range(50)]
        + list(zip(magnitudes(-20, 20, 150), uniform(-30, 30, 150))),
    ),
    "hypot": (
        lambda x, y: mpmath.sqrt(mpmath.mpf(x) ** 2 + mpmath.mpf(y) ** 2),
        list(zip(uniform(-100, 100, 150), uniform(-100, 100, 150))) + list(zip(magnitudes(-500, 500, 60), magnitudes(-500, 500, 60))),
    ),
}

lines = []
for name, (function, arguments) in cases.items():
    for values in arguments:
        exact = function(*map(mpmath.mpf, values))
        rounded = float(exact)
        # Conversion of results below the normal numbers rounds twice in mpmath; such results are left out.
        if rounded != 0 and not 2.3e-308 < abs(rounded) < 1.7e308:
            continue
        lines.append(",".join([name, *map(bits, values), bits(rounded)]))
target = pathlib.Path(__file__).parent.parent / "crates/random/tests/elementary.csv"
target.write_text("\n".join(lines) + "\n")
print(f"{target}: {len(lines)} values")
