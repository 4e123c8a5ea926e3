"""Compares what was computed again with results.json, field by field, and counts."""

# Both sides compute in doubles from the same decimal numbers. Sums in another order differ by about 1e-15 of a value, and a difference of
# two values that agree to five digits loses as many: 1e-9 leaves room for that, and is far below the last digit that any page prints.
RELATIVE = 1e-9
# What is zero on one side may be the rounding of numbers up to 100 (decibels) on the other. Not for p values, which may be that small.
ABSOLUTE = 1e-13
# Ends of effect sizes, chances of claims and Nemenyi's difference stand on integrals that allconv takes by Simpson's rule, with a stated
# absolute error of 1e-8 in a probability; where its density is 0.05, that is 2e-7 in the place.
INTEGRATED = 1e-6


class Left:
    """Stands for a field that is not computed again, with the reason."""

    def __init__(self, reason):
        self.reason = reason


class Integrated:
    """A number that is held to INTEGRATED."""

    def __init__(self, value):
        self.value = value


class Agreement:
    """What was compared so far."""

    def __init__(self):
        self.numbers, self.words, self.worst, self.worst_integrated = 0, 0, 0.0, 0.0
        self.disagreements, self.left = [], {}

    def compare(self, path, own, theirs):
        if isinstance(own, Left):
            self.left[own.reason] = self.left.get(own.reason, 0) + count_numbers(theirs)
        elif isinstance(own, dict) and isinstance(theirs, dict):
            for key in own | theirs:
                if key in own and key in theirs:
                    self.compare(f"{path}.{key}", own[key], theirs[key])
                else:
                    self.disagree(f"{path}.{key}", key in own and own[key], key in theirs and theirs[key])
        elif isinstance(own, (list, tuple)) and isinstance(theirs, list):
            if len(own) != len(theirs):
                self.disagree(f"{path}, its length", len(own), len(theirs))
            for position, (mine, other) in enumerate(zip(own, theirs)):
                named = other.get("name", other.get("arm", "")) if isinstance(other, dict) else ""
                self.compare(f"{path}[{position}{' ' if named else ''}{named}]", mine, other)
        else:
            self.compare_value(path, own, theirs)

    def compare_value(self, path, own, theirs):
        tolerance = RELATIVE
        if isinstance(own, Integrated):
            own, tolerance = own.value, INTEGRATED
        if not is_number(own) or not is_number(theirs):
            self.words += 1
            if own is not theirs and (own != theirs or isinstance(own, bool) != isinstance(theirs, bool)):
                self.disagree(path, own, theirs)
            return
        self.numbers += 1
        own, theirs = float(own), float(theirs)
        size, distance = max(abs(own), abs(theirs)), abs(own - theirs)
        if distance <= tolerance * size:
            relative = distance / size if distance else 0.0
            if tolerance == INTEGRATED:
                self.worst_integrated = max(self.worst_integrated, relative)
            else:
                self.worst = max(self.worst, relative)
        elif is_probability(path) or not distance <= ABSOLUTE:
            self.disagree(path, own, theirs)

    def disagree(self, path, own, theirs):
        self.disagreements.append((path.lstrip("."), own, theirs))


def is_probability(path):
    """Whether the field is a p value: `p`, `corrected_p`, `p_for`."""
    return "p" in path.rpartition(".")[2].split("_")


def is_number(value):
    return not isinstance(value, (bool, str)) and value is not None and hasattr(value, "__float__")


def count_numbers(value):
    if isinstance(value, dict):
        return sum(map(count_numbers, value.values()))
    if isinstance(value, list):
        return sum(map(count_numbers, value))
    return int(is_number(value))
