"""What stands on single test examples and images, and on the errors of training and test images."""

import numpy as np
from scipy import stats

from agreement import Left
from methods import ROUNDING, difference_interval, holm, paired, settled, t_p
from tables import BOOTSTRAP, mean

# Test examples that are listed as disagreements.
MOST_EXAMPLES = 24
MOST_CLASSES = 256


def checked_runs(study):
    """Runs whose last values were counted again out of single examples, and what disagrees as (path, counted, recorded)."""
    checked, wrong = 0, []
    for run in study.in_order():
        found = []
        if run.outcomes is not None:
            error = np.count_nonzero(run.outcomes["label"] != run.outcomes["predicted"]) / len(run.outcomes)
            found.append(("outcomes.bin", "error", error))
        if run.scores and study.metric in run.scores["metrics"]:
            column = run.scores["metrics"].index(study.metric)
            found.append(("scores.json", study.metric, mean([example["values"][column] for example in run.scores["examples"]])))
        recorded = [run.value("test", metric) for _, metric, _ in found]
        checked += bool(found)
        wrong += [(f"runs/{run.folder}: test {metric} of metrics.jsonl against {file}", own, other)
                  for (file, metric, own), other in zip(found, recorded) if other is None or abs(own - other) > ROUNDING * abs(own)]
    return checked, wrong


def training_source(study):
    """The metric of the error on training images: the clean one where every finished run has it."""
    done = [run for run in study.in_order() if run.value(study.split, study.metric) is not None]
    clean = done and all(run.value("train", "clean_error") is not None for run in done)
    return ("clean_error", "clean") if clean else ("error", "while_training")


def gap_table(study, folds):
    """Each difference in test error as the sum of those in training error and in the gap between the two."""
    if (study.metric, study.split) != ("error", "test"):
        return None
    metric, source = training_source(study)
    rows = []
    for arm in study.compared:
        sides = []
        for side in (arm, study.baseline[arm]):
            test, training = study.values(side), study.values(side, metric, "train")
            seeds = [seed for seed in test if seed in training]
            sides.append([{s: test[s] for s in seeds}, {s: training[s] for s in seeds},
                          {s: test[s] - training[s] for s in seeds}])
        parts = [paired(own, other) for own, other in zip(*sides)]
        if not parts[0]:
            continue
        own = [folds.independent(part) for part in parts]
        tables = [{"difference": mean(values), "interval_95": difference_interval(values)} for values in own]
        rows.append({"arm": arm, "baseline": study.baseline[arm], "n": len(parts[0])} | dict(zip(("test", "training", "gap"), tables)))
    return {"training_error_measured": source, "rows": rows} if rows else None


def regime_table(study):
    metric, source = training_source(study)
    both = [(run.arm, run.value("train", metric), run.value("test", "error")) for run in study.in_order()]
    both = [row for row in both if None not in row]
    if not both:
        return None
    training, test = np.mean([row[1] for row in both]), np.mean([row[2] for row in both])
    of_arms = [np.mean([row[1] for row in both if row[0] == arm]) for arm in dict.fromkeys(row[0] for row in both)]
    return {"training_error": training, "training_error_measured": source, "training_error_of_arms": [min(of_arms), max(of_arms)],
            "test_error": test, "runs": len(both), "is_underfitted": bool(training >= 0.5 * test)}


class Outcomes:
    """The outcomes of all runs over one list of examples; empty where none were recorded."""

    def __init__(self, study):
        found = [run for run in study.in_order() if run.outcomes is not None and run.value(study.split, study.metric) is not None]
        self.predicted = {(run.arm, run.seed): run.outcomes["predicted"].astype(int) for run in found}
        self.samples = found[0].outcomes["sample"].astype(int) if found else np.array([], int)
        self.labels = found[0].outcomes["label"].astype(int) if found else np.array([], int)
        for run in found:
            same = np.array_equal(run.outcomes["sample"], self.samples) and np.array_equal(run.outcomes["label"], self.labels)
            if not same:
                raise ValueError(f"{run.folder} has outcomes of other examples than {found[0].folder}")
        self.classes = max([self.labels.max(initial=-1), *(p.max() for p in self.predicted.values())]) + 1 if found else 0

    def of_arm(self, arm):
        return {seed: predicted for (own, seed), predicted in self.predicted.items() if own == arm}

    def pairs(self, arm, other):
        own, others = self.of_arm(arm), self.of_arm(other)
        return [(own[seed], others[seed]) for seed in own if seed in others]


def class_tables(study, outcomes):
    if outcomes.classes > MOST_CLASSES:
        return []
    labels, classes, tables = outcomes.labels, outcomes.classes, []
    totals = np.bincount(labels, minlength=classes)
    for arm in study.arms:
        runs = list(outcomes.of_arm(arm).values())
        if not runs:
            continue
        confusion = np.zeros((classes, classes))
        for predicted in runs:
            np.add.at(confusion, (labels, predicted), 1)
        base, differences = study.baseline[arm], []
        pairs = outcomes.pairs(arm, base) if base is not None else []
        if pairs:
            wrong = [[np.bincount(labels[side != labels], minlength=classes) for side in pair] for pair in pairs]
            each = [(own - other) / np.maximum(totals, 1) for own, other in wrong]
            by_class = [settled([row[k] for row in each], 1.0) for k in range(classes)]
            p = holm([t_p(values) for values in by_class])
            differences = [{"difference": mean(values), "interval_95": difference_interval(values), "corrected_p": corrected}
                           if totals[k] else None for k, (values, corrected) in enumerate(zip(by_class, p))]
        tables.append({"arm": arm, "runs": len(runs), "confusion": (confusion / len(runs)).tolist(), "differences": differences})
    return tables


def example_tables(study, outcomes):
    """Of every compared arm, test examples on which only it or only its baseline is right."""
    tables = []
    for arm in study.compared:
        pairs = outcomes.pairs(arm, study.baseline[arm])
        if not pairs:
            tables.append(None)
            continue
        right = [(own == outcomes.labels, other == outcomes.labels) for own, other in pairs]
        alone = [(int((own & ~other).sum()), int((other & ~own).sum())) for own, other in right]
        mcnemar = [stats.binomtest(a, a + b).pvalue if a + b else 1.0 for a, b in alone]
        tables.append({
            "examples": len(outcomes.labels), "seeds": len(pairs), "only_arm_right": mean([a for a, _ in alone]),
            "only_baseline_right": mean([b for _, b in alone]),
            "difference": mean([(b - a) / len(outcomes.labels) for a, b in alone]), "interval_95": Left(BOOTSTRAP),
            "seeds_that_differ": sum(p <= 0.05 for p in mcnemar)})
    return tables


def disagreement_tables(study, outcomes, listed):
    """The listed examples counted again; and that no other example has a wider gap than they, which is why they are listed."""
    with_runs = [arm for arm in study.arms if outcomes.of_arm(arm)]
    if len(with_runs) < 2:
        return []
    right = {arm: sum(np.equal(p, outcomes.labels).astype(int) for p in outcomes.of_arm(arm).values()) for arm in with_runs}
    runs = {arm: len(outcomes.of_arm(arm)) for arm in with_runs}
    fractions = np.array([right[arm] / runs[arm] for arm in with_runs])
    gaps = fractions.max(0) - fractions.min(0)
    widest = np.sort(gaps[gaps > 0])[::-1][:MOST_EXAMPLES]
    place = {sample: k for k, sample in enumerate(outcomes.samples.tolist())}
    positions = [place.get(example["sample"]) for example in listed]
    if None in positions or len(set(positions)) != len(widest) or not np.allclose(gaps[positions], widest, rtol=0, atol=1e-12):
        return [{"sample": f"one of the examples with the gaps {widest.tolist()}"}]
    tables = []
    for k in positions:
        votes = {arm: np.bincount([p[k] for p in outcomes.of_arm(arm).values()]) for arm in with_runs}
        tables.append({
            "sample": int(outcomes.samples[k]), "label": int(outcomes.labels[k]),
            "right": [[int(right[arm][k]), runs[arm]] if arm in runs else [0, 0] for arm in study.arms],
            "predicted": [int(votes[arm].argmax()) if arm in votes else None for arm in study.arms]})
    return tables


def image_values(study):
    """The primary metric of every image by run, and the images in the order in which the runs name them."""
    names, values = {}, {}
    for run in study.in_order():
        if run.scores and study.metric in run.scores["metrics"]:
            column = run.scores["metrics"].index(study.metric)
            own = {example["name"]: example["values"][column] for example in run.scores["examples"]}
            names |= dict.fromkeys(own)
            values[run.arm, run.seed] = own
    return list(names), values


def image_tables(study):
    """Means of every arm on every image, and of every compared arm its differences image by image."""
    names, values = image_values(study)
    means = [{"name": name, "means": [mean([own[name] for (arm, _), own in values.items() if arm == wanted and name in own])
                                      for wanted in study.arms]} for name in names]
    compared = []
    for arm in study.compared:
        pairs = [(values[arm, seed], values[study.baseline[arm], seed]) for seed in study.seeds
                 if (arm, seed) in values and (study.baseline[arm], seed) in values]
        of_image = ([own[name] - other[name] for own, other in pairs if name in own and name in other] for name in names)
        known = np.array([np.mean(differences) for differences in of_image if differences])
        if len(known) == 0:
            compared.append(None)
            continue
        better = known < 0 if study.lower_is_better else known > 0
        compared.append({"images": len(known), "seeds": len(pairs), "better": int(better.sum()), "difference": mean(known),
                         "interval_95": Left(BOOTSTRAP)})
    return means, compared
