"""Writes statistics.json: what SciPy and statsmodels say about fixed samples.

Usage: python statistics.py > statistics.json   (scipy 1.17, statsmodels 0.15)
"""

import itertools
import json
import sys

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

rng = np.random.Generator(np.random.Philox(20141221))


def rounded(sample):
    return [float(x) for x in np.round(sample, 6)]


def pair(n, shift, spread):
    baseline = 0.12 + 0.01 * rng.standard_normal(n)
    return rounded(baseline + shift + spread * rng.standard_normal(n)), rounded(baseline)


def sign_flip_p(differences):
    d = np.asarray(differences)
    observed = abs(d.sum())
    sums = [abs(np.dot(signs, d)) for signs in itertools.product((-1, 1), repeat=len(d))]
    return float(np.mean(np.asarray(sums) >= observed * (1 - 1e-12)))


def wilcoxon_p(differences):
    """Exact over sign flips, zeros dropped, midranks for ties."""
    d = np.asarray([x for x in differences if x != 0])
    if len(d) == 0:
        return 1.0
    ranks = stats.rankdata(np.round(np.abs(d), 12))
    observed = abs(np.dot(np.sign(d), ranks))
    sums = [abs(np.dot(s, ranks)) for s in itertools.product((-1, 1), repeat=len(d))]
    return float(np.mean(np.asarray(sums) >= observed - 1e-9))


samples = []
pairs = [pair(2, 0.0, 0.01), pair(5, 0.01, 0.004), pair(9, 0.0, 0.005), pair(9, 0.02, 0.005), pair(14, -0.002, 0.004)]
# Ties and zeros among the differences.
pairs.append(([0.10, 0.12, 0.13, 0.11, 0.15, 0.16, 0.14], [0.10, 0.11, 0.12, 0.12, 0.12, 0.14, 0.12]))
for treated, baseline in pairs:
    a, b = np.asarray(treated), np.asarray(baseline)
    d = np.round(a - b, 12)
    n = len(d)
    t = stats.ttest_rel(a, b)
    interval = t.confidence_interval(0.95)
    welch = stats.ttest_ind(a, b, equal_var=False)
    welch_interval = welch.confidence_interval(0.95)
    lower, upper = -0.005, 0.005
    tost = ttost_paired(a, b, lower, upper)[0]
    case = {
        "treated": treated,
        "baseline": baseline,
        "mean": a.mean(),
        "standard_deviation": a.std(ddof=1),
        "median": float(np.median(a)),
        "interquartile_mean": float(stats.trim_mean(a, 0.25)),
        "mean_interval": list(stats.t.interval(0.95, n - 1, loc=a.mean(), scale=stats.sem(a))),
        "paired_t": {"statistic": t.statistic, "p": t.pvalue, "interval": [interval.low, interval.high]},
        "welch": {
            "statistic": welch.statistic,
            "degrees_of_freedom": welch.df,
            "p": welch.pvalue,
            "interval": [welch_interval.low, welch_interval.high],
        },
        "above_p": stats.ttest_1samp(d, 0.005, alternative="greater").pvalue,
        "below_p": stats.ttest_1samp(d, -0.003, alternative="less").pvalue,
        "permutation_p": sign_flip_p(d),
        "wilcoxon_p": wilcoxon_p(d),
        "tost_margin": upper,
        "tost_p": float(tost),
        "probability_of_superiority": float(stats.mannwhitneyu(a, b).statistic / (n * n)),
    }
    # Where SciPy's own exact Wilcoxon applies (no ties, no zeros) it must agree with the enumeration above.
    if len(set(np.abs(d))) == n and np.all(d != 0):
        own = stats.wilcoxon(d, method="exact").pvalue
        assert abs(own - case["wilcoxon_p"]) < 1e-12, (own, case["wilcoxon_p"])
    # SciPy's permutation test must agree with the enumeration, too.
    if n <= 9:
        test = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf)
        assert abs(test.pvalue - case["permutation_p"]) < 1e-12, (test.pvalue, case["permutation_p"])
    samples.append(case)

corrections = []
for p in ([0.01, 0.04, 0.03], [0.2], [0.001, 0.001, 0.9, 0.04, 0.03, 0.012], [1.0, 0.6, 0.5]):
    corrections.append(
        {
            "p": p,
            "holm": list(multipletests(p, method="holm")[1]),
            "benjamini_hochberg": list(multipletests(p, method="fdr_bh")[1]),
        }
    )

wilson = [
    {"successes": k, "trials": n, "interval": list(map(float, proportion_confint(k, n, 0.05, method="wilson")))}
    for k, n in [(0, 9), (9, 9), (1, 9), (3, 40), (500, 1000)]
]

mcnemar_cases = [
    {"only_first": b, "only_second": c, "p": float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)}
    for b, c in [(5, 14), (0, 6), (10, 10), (312, 401), (1, 0)]
]

student = [
    {"degrees_of_freedom": df, "probability": q, "quantile": float(stats.t.ppf(q, df))}
    for df in (1, 2, 4, 8, 30, 200.5)
    for q in (0.5, 0.9, 0.975, 0.995, 0.99999)
]

noncentral = [
    {"degrees_of_freedom": df, "shift": shift, "t": t, "cdf": float(stats.nct.cdf(t, df, shift))}
    for df in (4, 8, 30)
    for shift in (0.0, 1.0, 3.5)
    for t in (-1.0, 0.5, 2.3, 6.0)
]

power = [
    {"effect": effect, "n": n, "alpha": alpha, "power": float(TTestPower().power(effect, n, alpha))}
    for effect, n, alpha in [(1.0, 9, 0.05), (0.5, 9, 0.05), (2.0, 5, 0.05), (1.2, 12, 0.0125)]
]

tukey = [
    {"groups": k, "probability": q, "quantile": float(stats.studentized_range.ppf(q, k, np.inf))}
    for k in (2, 3, 5, 12)
    for q in (0.9, 0.95, 0.99)
]

blocks = rounded(rng.standard_normal(24))
table = [blocks[i * 4 : i * 4 + 4] for i in range(6)]
tied = [[1.0, 2.0, 2.0], [3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [4.0, 5.0, 6.0], [1.0, 3.0, 2.0]]
friedman = []
for rows in (table, tied):
    test = stats.friedmanchisquare(*np.asarray(rows).T)
    friedman.append({"rows": rows, "statistic": float(test.statistic), "p": float(test.pvalue)})

bca_sample = rounded(rng.gamma(2.0, 1.0, 20))
bca = stats.bootstrap((bca_sample,), np.mean, n_resamples=200_000, method="BCa", rng=np.random.default_rng(1))

json.dump(
    {
        "made_with": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
        "samples": samples,
        "corrections": corrections,
        "wilson": wilson,
        "mcnemar": mcnemar_cases,
        "student": student,
        "noncentral": noncentral,
        "power": power,
        "tukey": tukey,
        "friedman": friedman,
        "bca": {
            "sample": bca_sample,
            "interval": [float(bca.confidence_interval.low), float(bca.confidence_interval.high)],
        },
    },
    sys.stdout,
    indent=1,
    default=float,
)
print()
