"""Arms, comparisons, pairs, other metrics and the common spread of a study, as results.json holds them."""

import math

import numpy as np
from scipy import stats

from agreement import Integrated, Left
from methods import (
    LEAST_SEEDS, ROUNDING, deviation, difference_interval, effect_size, equivalence_p, holm, lacks_spread, mean_ranks, paired,
    pooled_spread, practical, probability_below, seeds_for, sign_flip_p, t_interval, t_p, wilcoxon_p, wilson)

BOOTSTRAP = "bootstrap intervals, which hang on allconv's random numbers"
POWER = 0.8
# More arms than this have no table of all pairs.
MOST_PAIRED_ARMS = 30


class Folds:
    """How values over seeds become what a t method may take for independent."""

    def __init__(self, study):
        self.count, self.share, self.is_counted = study.folds, 0.0, False
        if self.count is None:
            return
        sizes = (len(run.scores["examples"]) for run in study.in_order() if run.scores and run.scores["examples"])
        tested = next(sizes, None)
        self.share = 1 / (self.count - 1)
        if tested is not None:
            training = tested * (self.count - 1) - study.section(study.arms[0], "data").get("validation", 0)
            if training > 0:
                self.share, self.is_counted = tested / training, True

    def factor(self, folds):
        """Nadeau and Bengio: the variance of a mean is (1/k + n_test/n_train) s² in place of s²/k."""
        return 1.0 if self.count is None else math.sqrt(1 + folds * self.share)

    def independent(self, by_seed):
        if self.count is None or not by_seed:
            return np.array(list(by_seed.values()), float)
        folds = sorted({seed % self.count for seed in by_seed})
        means = np.array([np.mean([v for seed, v in by_seed.items() if seed % self.count == fold]) for fold in folds])
        return means.mean() + self.factor(len(means)) * (means - means.mean())

    def table(self):
        if self.count is None:
            return None
        return {"folds": self.count, "test_per_training": self.share, "is_counted": self.is_counted,
                "interval_factor": self.factor(self.count)}


def values_of(by_seed):
    return np.array(list(by_seed.values()), float)


def mean(values):
    return float(np.mean(values)) if len(values) else None


def median(values):
    return float(np.median(values)) if values else None


def arm_table(study, arm):
    values, runs = np.array(list(study.values(arm).values())), study.of_arm(arm)
    done = [run.record for run in runs if run.state == "done"]
    lost = sum(run.state in ("diverged", "stuck") for run in runs)
    cut = len(values) // 4
    cost = runs[0].record["cost"] if runs else {}
    # What the search chose is what the runs were made with.
    rates = {run.specification["train"].get("learning_rate") for run in runs}
    table = {
        "name": arm, "is_baseline": study.baseline[arm] is None, "n": len(values),
        "reference": study.file.get("reference", {}).get("values", {}).get(arm),
        "searched_lr": rates.pop() if "search" in study.file and len(rates) == 1 else None,
        "mean": mean(values), "standard_deviation": deviation(values), "median": median(list(values)),
        "interquartile_mean": mean(np.sort(values)[cut:len(values) - cut]), "interval_95": t_interval(values),
        "bootstrap_95": Left(BOOTSTRAP), "ended": lost + len(done), "lost": lost,
        "lost_interval_95": wilson(lost, lost + len(done)),
    }
    table |= {key: cost.get(key) for key in ("parameters", "macs", "activation_bytes", "receptive_field")}
    for key in ("training_seconds", "images_per_second"):
        table[key] = median([record["timings"][key] for record in done])
    for key in ("peak_memory_bytes", "latency_1_seconds", "latency_128_seconds"):
        measured = (record.get("measured") or {} for record in done)
        table[key] = median([value for value in (own.get(key) for own in measured) if value is not None])
    matched = study.file["arms"][arm].get("match") if "arms" in study.file else None
    quantity = matched or study.file["compare"].get("match")
    if quantity and study.baseline[arm] is not None:
        other = study.of_arm(study.baseline[arm])[0].record["cost"]
        (settings,) = runs[0].specification["net"]["architecture"].values()
        table["matched"] = {"quantity": quantity, "baseline": study.baseline[arm], "share": cost[quantity] / other[quantity],
                            "width": settings.get("width")}
    return table


def floor(study, runs):
    """The error of always naming the most frequent class, or the mean of a recorded anchor; with its gains over all runs."""
    if study.metric == "error" and study.split == "test":
        labels = next((run.outcomes["label"] for run in runs if run.outcomes is not None), None)
        if labels is None:
            return None
        chance = (len(labels) - np.bincount(labels).max()) / len(labels)
        return "always naming the most frequent class", chance, [chance] * len(runs)
    for prefix, label in (("bicubic", "bicubic interpolation"), ("noisy", "the noisy input as it is")):
        found = [run.value(study.split, f"{prefix}_{study.metric}") for run in runs]
        if any(value is not None for value in found):
            return label, mean([value for value in found if value is not None]), found
    return None


def anchor_table(study, found, runs):
    if found is None:
        return None
    label, value, anchors = found
    sign = -1 if study.lower_is_better else 1
    gains = [sign * (run.value(study.split, study.metric) - other) for run, other in zip(runs, anchors) if other is not None]
    least = []
    for run in runs:
        metrics = run.scores["metrics"] if run.scores else []
        names = [name for name in (f"bicubic_{study.metric}", f"noisy_{study.metric}") if name in metrics]
        if names and study.metric in metrics:
            own, other = metrics.index(study.metric), metrics.index(names[0])
            least += [sign * (example["values"][own] - example["values"][other]) for example in run.scores["examples"]]
    return {"label": label, "value": value, "runs": len(gains), "gains": [min(gains), max(gains)],
            "least_image_gain": min(least) if least else None}


def reaches(study, arm, value):
    """Whether the interval of an arm reaches what needs no learning."""
    own = list(study.values(arm).values())
    if value is None or not own:
        return False
    low, high = t_interval(own) or [mean(own)] * 2
    return high >= value if study.lower_is_better else low <= value


def word(study, difference, corrected, equivalent, has_learned):
    """The verdict of a test of which the corrected p values are given."""
    shown = corrected is not None and corrected <= study.alpha
    alike = equivalent is not None and equivalent <= study.alpha
    direction = "better" if (difference < 0) == study.lower_is_better else "worse"
    if shown:
        return f"{direction}_within_margin" if alike and has_learned else direction
    return ("equivalent" if has_learned else "at_chance") if alike else "not_shown"


def comparison_tables(study, folds, pooled, value_of_chance):
    every = {arm: paired(study.values(arm), study.values(study.baseline[arm])) for arm in study.compared}
    tested = {arm: folds.independent(every[arm]) for arm in study.compared}
    p = holm([t_p(tested[arm]) for arm in study.compared])
    margin = study.margin
    equivalent = [equivalence_p(tested[arm], margin) if margin is not None else None for arm in study.compared]
    counted = [folds.count is None and len(every[arm]) > 0 and not lacks_spread(values_of(every[arm])) for arm in study.compared]
    flips = [sign_flip_p(values_of(every[arm])) if c else None for arm, c in zip(study.compared, counted)]
    corrected = zip(p, holm(equivalent), holm(flips))
    tables = []
    for position, (arm, (corrected_p, corrected_equivalence_p, corrected_flip_p)) in enumerate(zip(study.compared, corrected)):
        base, plain, own = study.baseline[arm], values_of(every[arm]), tested[arm]
        sides = [np.array(list(study.values(a).values())) for a in (arm, base)]
        improvement = probability_below(*sides)
        effect, spread, found = effect_size(plain), deviation(plain), None
        if margin is not None and len(own) >= LEAST_SEEDS:
            found = practical(own, margin)
        below, within, above = found or (None, None, None)
        worse, better = (above, below) if study.lower_is_better else (below, above)
        has_learned = not all(reaches(study, a, value_of_chance) for a in (arm, base))
        enough = len(own) >= LEAST_SEEDS
        reachable = 2.0 ** (1 - len(plain)) * len(study.compared) <= study.alpha
        both = corrected_p is not None and corrected_flip_p is not None
        over = [study.is_over(a) for a in (arm, base)]
        if len(plain) == 0:
            without = any(ended and len(side) == 0 for ended, side in zip(over, sides))
            verdict = "lost" if without or all(over) else "no_pairs"
        elif not all(over):
            verdict = "interim"
        elif not enough:
            verdict = "intervals_only"
        elif lacks_spread(plain):
            verdict = "no_spread"
        else:
            verdict = word(study, np.mean(own), corrected_p, corrected_equivalence_p, has_learned)
        pooled_interval = None
        if pooled is not None and len(plain) and len(plain) == len(study.complete_rows()[0]):
            half = folds.factor(len(plain)) * stats.t.ppf(0.975, pooled[1]) * pooled[0] * math.sqrt(2 / len(plain))
            pooled_interval = [np.mean(own) - half, np.mean(own) + half]
        tables.append({
            "arm": arm, "baseline": base, "n": len(plain), "difference": mean(own),
            "interval_95": difference_interval(own), "pooled_interval_95": pooled_interval,
            "practical": found and {"worse": worse, "within": within, "better": better},
            "p": t_p(own), "corrected_p": corrected_p, "paired_t_p": t_p(own),
            "equivalence_p": equivalent[position], "corrected_equivalence_p": corrected_equivalence_p,
            "permutation_p": flips[position], "corrected_permutation_p": corrected_flip_p,
            "tests_disagree": bool(len(study.seeds) >= LEAST_SEEDS and reachable and both and (
                (corrected_p <= study.alpha) != (corrected_flip_p <= study.alpha))),
            "wilcoxon_p": wilcoxon_p(plain) if counted[position] else None,
            "effect_size": effect and effect[0], "effect_size_95": effect and [Integrated(end) for end in effect[1]],
            "probability_of_improvement": improvement if study.lower_is_better or improvement is None else 1 - improvement,
            "seeds_for_margin": seeds_for(margin / spread, POWER, study.alpha) if margin and spread and not folds.count else None,
            "verdict": verdict, "sentence": Left("sentences"),
        })
    return tables


def overall_table(study, rows):
    """Friedman's test and Nemenyi's difference over the complete seeds."""
    if len(rows) < LEAST_SEEDS or rows.shape[1] < 3:
        return None
    ranks = np.array([mean_ranks(row, ROUNDING * np.abs(row).max()) for row in rows])
    found = stats.friedmanchisquare(*ranks.T)
    quantile = stats.studentized_range.ppf(1 - study.alpha, rows.shape[1], np.inf)
    critical = quantile / math.sqrt(2) * math.sqrt(rows.shape[1] * (rows.shape[1] + 1) / (6 * len(rows)))
    return {"friedman_statistic": found.statistic, "friedman_p": found.pvalue, "blocks": len(rows),
            "mean_ranks": list(ranks.mean(0)), "critical_difference": Integrated(critical)}


def pair_tables(study, folds, overall):
    if len(study.arms) > MOST_PAIRED_ARMS:
        return []
    tables, p = [], []
    for position, arm in enumerate(study.arms):
        for earlier, other in enumerate(study.arms[:position]):
            by_seed = paired(study.values(arm), study.values(other))
            own = folds.independent(by_seed)
            ranks = overall and overall["mean_ranks"][position] - overall["mean_ranks"][earlier]
            p.append(t_p(own))
            tables.append({
                "arm": arm, "other": other, "n": len(by_seed), "difference": mean(own),
                "interval_95": difference_interval(own) if len(own) else None, "rank_difference": ranks,
                "ranks_differ": overall and bool(abs(ranks) > overall["critical_difference"].value),
            })
    for table, corrected in zip(tables, holm(p)):
        table["corrected_p"] = corrected
    return [table for table in tables if table["n"]]


def secondary_tables(study, folds):
    names = {name for run in study.in_order() for split, name in run.last if split == study.split} - {study.metric}
    tables, family = [], []
    for name in sorted(names, key=lambda name: (name not in study.claimed, name)):
        arms = []
        for arm in study.arms:
            values = study.values(arm, name)
            if not values:
                continue
            difference = None
            base = study.baseline[arm]
            by_seed = paired(values, study.values(base, name)) if base is not None else {}
            if by_seed:
                own = folds.independent(by_seed)
                interval = difference_interval if name in study.claimed else t_interval
                difference = {"n": len(by_seed), "difference": mean(own), "interval_95": interval(own), "corrected_p": None}
                if name in study.claimed and all(map(study.is_over, study.arms)) and len(by_seed) >= LEAST_SEEDS:
                    family.append((difference, t_p(own)))
            plain = values_of(values)
            arms.append({"arm": arm, "n": len(plain), "mean": mean(plain), "standard_deviation": deviation(plain),
                         "interval_95": t_interval(plain), "difference": difference})
        tables.append({"metric": name, "is_claimed": name in study.claimed, "arms": arms})
    corrected = holm([p for _, p in family], len(study.claimed) * len(study.compared))
    for (difference, _), p in zip(family, corrected):
        difference["corrected_p"] = p
    return tables


def pooled_table(pooled, seeds):
    return pooled and {"standard_deviation": pooled[0], "degrees_of_freedom": pooled[1], "seeds": seeds,
                       "equal_spread_p": pooled[2]}


def common_spread(study, rows):
    # With several seeds a fold, seeds of one fold are no blocks of their own.
    return pooled_spread(rows) if study.folds is None or len(rows) <= study.folds else None
