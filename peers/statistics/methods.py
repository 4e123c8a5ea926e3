"""The statistical methods, out of NumPy and SciPy, written from their sources and not from allconv's code.

`None` stands where a method has no answer, as `null` does in results.json.
"""

import itertools
import math

import numpy as np
from scipy import special, stats

# Values that differ by less than this fraction of their size are equal: docs/studies.md, "What cannot be decided".
ROUNDING = 1e-12
LEVEL = 0.95
# From so many seeds on there are verdicts.
LEAST_SEEDS = 5
NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


def settled(differences, size):
    """Differences of values of this size without their rounding: as zeros, and as equal numbers, where they are that."""
    found = np.array(differences, float)
    if len(found) > 1 and np.ptp(found) <= ROUNDING * size:
        found[:] = (found.min() + found.max()) / 2
    found[np.abs(found) <= ROUNDING * size] = 0.0
    return found


def paired(own, other):
    """Differences own − other by seed, of the seeds that both have."""
    seeds = [seed for seed in own if seed in other]
    if not seeds:
        return {}
    first, second = (np.array([side[seed] for seed in seeds]) for side in (own, other))
    size = max(np.abs(first).max(), np.abs(second).max())
    return dict(zip(seeds, settled(first - second, size)))


def is_constant(values):
    low, high = np.min(values), np.max(values)
    return len(values) < 2 or high - low <= ROUNDING * max(abs(low), abs(high))


def lacks_spread(differences):
    """Whether differences are the same in every seed and not zero."""
    return len(differences) > 1 and is_constant(differences) and differences[0] != 0


def deviation(values):
    if len(values) < 2:
        return None
    return 0.0 if is_constant(values) else float(np.std(values, ddof=1))


def t_interval(values):
    spread = deviation(values)
    if spread is None:
        return None
    half = stats.t.ppf(0.5 + LEVEL / 2, len(values) - 1) * spread / math.sqrt(len(values))
    return [np.mean(values) - half, np.mean(values) + half]


def difference_interval(differences):
    return None if lacks_spread(differences) else t_interval(differences)


def t_p(differences):
    """Two-sided p of the t test about zero."""
    spread = deviation(differences)
    if not spread:
        return None
    return 2 * stats.t.sf(abs(np.mean(differences)) * math.sqrt(len(differences)) / spread, len(differences) - 1)


def mean_above_p(differences, bound):
    """One-sided p: small when the mean is shown to lie above the bound."""
    spread = deviation(differences)
    if spread is None or lacks_spread(differences):
        return None
    if spread == 0:
        return 0.0 if bound < 0 else 1.0
    return stats.t.sf((np.mean(differences) - bound) * math.sqrt(len(differences)) / spread, len(differences) - 1)


def centre_above_p(differences, bound):
    """The same by all sign flips about the bound."""
    # Equal differences other than zero are one observation, made once or several times.
    if len(differences) == 0 or is_constant(differences) and differences[0] != 0:
        return None
    shifted = differences - bound
    return float(np.mean(flipped_sums(shifted) >= shifted.sum() - ROUNDING * np.abs(shifted).sum()))


def flipped_sums(values):
    if len(values) > 20:
        raise ValueError("more than 20 seeds have too many sign patterns to list")
    return np.array(list(itertools.product([-1, 1], repeat=len(values)))) @ values


def sign_flip_p(differences):
    """Two-sided fraction of the sign patterns whose sum is as extreme."""
    reach = abs(differences.sum()) - ROUNDING * np.abs(differences).sum()
    return float(np.mean(np.abs(flipped_sums(differences)) >= reach)) if len(differences) else None


def mean_ranks(values, tolerance):
    """Ranks from 1 up; values that are equal but for rounding share the mean of theirs."""
    smaller = (values[None, :] < values[:, None] - tolerance).sum(1)
    equal = (np.abs(values[None, :] - values[:, None]) <= tolerance).sum(1)
    return smaller + (equal + 1) / 2


def wilcoxon_p(differences):
    """The same over the mean ranks of the sizes, zeros left out."""
    if len(differences) == 0:
        return None
    tolerance = ROUNDING * np.abs(differences).max()
    kept = differences[np.abs(differences) > tolerance]
    if len(kept) == 0:
        return 1.0
    return sign_flip_p(np.sign(kept) * mean_ranks(np.abs(kept), tolerance))


def equivalence_p(differences, margin):
    """Two one-sided t tests."""
    sides = mean_above_p(differences, -margin), mean_above_p(-differences, -margin)
    return None if None in sides else max(sides)


def holm(p_values, family=None):
    """Holm's correction; a missing p counts as 1, and the family has `family` tests if that is more."""
    filled = [1.0 if p is None else p for p in p_values]
    filled += [1.0] * ((family or 0) - len(filled))
    order = np.argsort(filled, kind="stable")
    steps = np.minimum(1, np.array(filled)[order] * np.arange(len(filled), 0, -1))
    corrected = np.empty(len(filled))
    corrected[order] = np.maximum.accumulate(steps)
    return [None if p is None else found for p, found in zip(p_values, corrected)]


def evidence(differences, shows, margin, above):
    """p for and against a statement, by the one-sided test `above(differences, bound)`."""
    def below(bound):
        return above(-differences, -bound)
    found = {
        "lower": lambda: (below(-margin), above(differences, -margin)),
        "higher": lambda: (above(differences, margin), below(margin)),
        "not_lower": lambda: (above(differences, -margin), below(-margin)),
        "not_higher": lambda: (below(margin), above(differences, margin)),
        "equivalent": lambda: (
            (above(differences, -margin), below(margin)), (above(differences, margin), below(-margin))),
    }[shows]()
    if shows == "equivalent":
        if None in found[0] + found[1]:
            return None
        return max(found[0]), min(1.0, 2 * min(found[1]))
    return None if None in found else found


def practical(differences, margin):
    """P(below −margin), P(within), P(above) of the true mean, for a flat prior."""
    spread = deviation(differences)
    if spread is None or lacks_spread(differences):
        return None
    if spread == 0:
        return 0.0, 1.0, 0.0
    posterior = stats.t(len(differences) - 1, np.mean(differences), spread / math.sqrt(len(differences)))
    below, above = posterior.cdf(-margin), posterior.sf(margin)
    return below, max(0.0, 1 - above - below), above


def noncentral_t_cdf(t, freedom, shift):
    """P(T ≤ t): the normal distribution's, averaged over the sample's standard deviation."""
    return averaged(lambda s: special.ndtr(t * s - shift), freedom, np.inf)


def averaged(values, freedom, end):
    """The integral of `values(s)` over the density of s, the sample's over the true standard deviation, up to `end`.

    By Gauss and Legendre's rule on pieces one standard deviation of s wide, beyond 14 of which its density is below 1e-20.
    """
    width = 1 / math.sqrt(2 * freedom)
    low, high = max(0.0, 1 - 14 * width), min(end, 1 + 14 * width)
    if high <= low:
        return 0.0
    edges = np.linspace(low, high, 1 + math.ceil((high - low) / width))
    half = np.diff(edges)[:, None] / 2
    s = edges[:-1, None] + half * (1 + NODES)
    density = stats.chi.pdf(s * math.sqrt(freedom), freedom) * math.sqrt(freedom)
    return float((half * WEIGHTS * values(s) * density).sum())


def probability_below(first, second):
    """Chance that a value of `first` lies below one of `second`, ties counted half."""
    if len(first) == 0 or len(second) == 0:
        return None
    own, other = first[:, None], second[None, :]
    is_tie = np.abs(own - other) <= ROUNDING * np.maximum(np.abs(own), np.abs(other))
    return float(np.where(is_tie, 0.5, own < other).mean())


def effect_size(differences):
    """Hedges' g of paired differences and the ends of its interval."""
    n, spread = len(differences), deviation(differences)
    if n < 3 or not spread:
        return None
    unbiased = 1 - 3 / (4 * (n - 1) - 1)
    t = np.mean(differences) / spread * math.sqrt(n)
    ends = []
    for probability in (0.5 + LEVEL / 2, 0.5 - LEVEL / 2):
        low, high = t - 4, t + 4
        while noncentral_t_cdf(t, n - 1, low) < probability:
            low -= 4
        while noncentral_t_cdf(t, n - 1, high) > probability:
            high += 4
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if noncentral_t_cdf(t, n - 1, middle) > probability else (low, middle)
        ends.append(unbiased / math.sqrt(n) * (low + high) / 2)
    return unbiased * t / math.sqrt(n), ends


def t_test_power(effect, n, alpha):
    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    shift = effect * math.sqrt(n)
    return 1 - noncentral_t_cdf(critical, n - 1, shift) + noncentral_t_cdf(-critical, n - 1, shift)


def seeds_for(effect, power, alpha):
    """Fewest seeds, at least five and at most 10,000, whose t test has the power."""
    low, high = LEAST_SEEDS - 1, 10_000
    if t_test_power(effect, high, alpha) < power:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if t_test_power(effect, middle, alpha) >= power else (middle, high)
    return high


def pooled_spread(rows):
    """Spread of all arms around arm and seed, with its degrees of freedom, and p of equal spreads; rows are seeds."""
    seeds, arms = rows.shape if rows.ndim == 2 else (0, 0)
    if seeds < 2 or arms < 3:
        return None
    centred = rows - rows.mean(1, keepdims=True)
    residuals = centred - centred.mean(0, keepdims=True)
    if np.abs(residuals).max() <= ROUNDING * np.abs(rows).max():
        return None
    freedom = (arms - 1) * (seeds - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        equal = stats.levene(*centred.T, center="median").pvalue
    # No deviation differs from another: nothing speaks against equal spreads.
    equal = 1.0 if math.isnan(equal) else equal
    return math.sqrt((residuals**2).sum() / freedom), freedom, equal


def wilson(successes, trials):
    """Wilson's interval for a proportion."""
    if trials == 0:
        return None
    interval = stats.binomtest(successes, trials).proportion_ci(LEVEL, "wilson")
    return [interval.low, interval.high]


def fieller(lines):
    """Where the mean of lines (intercept, slope) crosses zero, and the interval for it; `None` where it is open."""
    if len(lines) < 2:
        return None, None
    lines = np.array(lines)
    (a, b), covariance = lines.mean(0), np.cov(lines.T) / len(lines)
    t = stats.t.ppf(0.5 + LEVEL / 2, len(lines) - 1)
    # (a + b x)² ≤ t² (v_a + 2 v_ab x + v_b x²), as a quadratic in x.
    square, linear, constant = (
        b * b - t * t * covariance[1, 1], a * b - t * t * covariance[0, 1], a * a - t * t * covariance[0, 0])
    discriminant = linear**2 - square * constant
    place = None if b == 0 else -a / b
    if square <= 0 or discriminant < 0:
        return place, None
    return place, [(-linear - math.sqrt(discriminant)) / square, (-linear + math.sqrt(discriminant)) / square]


def chance_shown(shows, truth, n, alpha, margin, spread):
    """Chance that a statement is shown over n seeds, where the difference is `truth`."""
    if shows == "equivalent":
        return equivalence_power(margin / spread, truth / spread, n, alpha)
    distance = {"higher": truth - margin, "not_lower": truth + margin,
                "lower": -truth - margin, "not_higher": margin - truth}[shows]
    return one_sided_power(distance / spread, n, alpha)


def chance_refuted(shows, truth, n, alpha, margin, spread):
    """Chance that its opposite is."""
    if shows == "equivalent":
        sides = (truth - margin, -margin - truth)
        return min(1.0, sum(one_sided_power(side / spread, n, alpha / 2) for side in sides))
    distance = {"higher": margin - truth, "not_lower": -margin - truth,
                "lower": truth + margin, "not_higher": truth - margin}[shows]
    return one_sided_power(distance / spread, n, alpha)


def one_sided_power(distance, n, alpha):
    critical = stats.t.ppf(1 - alpha, n - 1)
    return 1 - noncentral_t_cdf(critical, n - 1, math.sqrt(n) * distance)


def equivalence_power(margin, difference, n, alpha):
    critical = stats.t.ppf(1 - alpha, n - 1)
    reach, shift = math.sqrt(n) * margin, math.sqrt(n) * difference

    def passing(s):
        passes = special.ndtr(reach - shift - critical * s) - special.ndtr(critical * s - reach - shift)
        return np.maximum(0.0, passes)
    return averaged(passing, n - 1, reach / critical)
