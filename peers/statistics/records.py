"""A published study as it lies on disk: its file, its runs, their last values, outcomes and scores.

Nothing is read from results.json. A run counts for an arm and a seed by what its run.json says.
"""

import functools
import itertools
import json
import tomllib

import numpy as np

# outcomes.bin: these eight bytes, the number of examples as u32, then one record an example, all little-endian.
OUTCOMES_MAGIC = b"ACOUTC01"
OUTCOME = np.dtype([("sample", "<u4"), ("label", "<u2"), ("predicted", "<u2"), ("loss", "<f4")])

# How the status of a record is called in results.json.
STATES = {"finished": "done", "diverged": "diverged", "stuck": "stuck", "failed": "failed"}

ENDED = ("done", "diverged", "stuck")


class Unsupported(Exception):
    """The study asks for something that is not computed again here."""


class Run:
    """One run directory."""

    def __init__(self, folder):
        self.folder = folder.name
        self.record = json.loads((folder / "run.json").read_text())
        self.arm, self.seed = self.record["arm"], self.record["seed"]
        if self.record["status"] not in STATES:
            raise Unsupported(f"{folder.name} has the status {self.record['status']!r}")
        self.state = STATES[self.record["status"]]
        self.specification = tomllib.loads((folder / "spec.toml").read_text())
        self.last = {}
        if self.state == "done":
            for line in (folder / "metrics.jsonl").read_text().splitlines():
                point = json.loads(line)
                self.last[point["split"], point["name"]] = point["value"]
        self.outcomes = read_outcomes(folder / "outcomes.bin") if self.state == "done" else None
        scores = folder / "scores.json"
        self.scores = json.loads(scores.read_text()) if self.state == "done" and scores.exists() else None

    def value(self, split, metric):
        return self.last.get((split, metric))


def read_outcomes(path):
    if not path.exists():
        return None
    data = path.read_bytes()
    count = int(np.frombuffer(data, "<u4", 1, 8)[0])
    if data[:8] != OUTCOMES_MAGIC or len(data) != 12 + count * OUTCOME.itemsize:
        raise ValueError(f"{path} is no file of outcomes")
    return np.frombuffer(data, OUTCOME, count, 12)


class Study:
    """The study file with the arms it stands for, and the runs beside it."""

    def __init__(self, folder):
        self.name = folder.name
        self.path = folder / f"{folder.name}.toml"
        self.file = file = tomllib.loads(self.path.read_text())
        if "sequential" in file:
            raise Unsupported("sequential looks are not computed again")
        compare = file["compare"]
        self.alpha = compare.get("alpha", 0.05)
        self.margin = compare.get("equivalence_margin")
        self.test, self.correction = compare.get("test", "paired-t"), compare.get("correction", "holm")
        if (self.test, self.correction) != ("paired-t", "holm"):
            raise Unsupported(f"the test {self.test!r} with the correction {self.correction!r}")
        self.metric, self.split = file["primary"]["metric"], file["primary"]["split"]
        self.lower_is_better = file["primary"]["better"] == "lower"
        self.seeds = list(range(file["seeds"]["from"], file["seeds"]["from"] + file["seeds"]["count"]))
        self.factors = {name: list(levels) for name, levels in file.get("factors", {}).items()}
        self.levels = self._levels()
        self.arms = list(self.levels)
        self.baseline = {arm: self._baseline(arm) for arm in self.arms}
        self.compared = [arm for arm in self.arms if self.baseline[arm] is not None]
        self.claimed = file.get("secondary", [])
        self.folds = self.section(self.arms[0], "data").get("fold", {}).get("of")
        found = [Run(path) for path in sorted((folder / "runs").iterdir()) if path.is_dir()]
        wanted = {(arm, seed) for arm in self.arms for seed in self.seeds}
        found = [run for run in found if (run.arm, run.seed) in wanted]
        self.runs = {(run.arm, run.seed): run for run in found}
        if len(self.runs) != len(found):
            raise ValueError(f"{folder.name} holds two runs of one arm and seed")

    def _levels(self):
        """Every arm with its levels; of crossed factors the first varies fastest."""
        if not self.factors:
            return {arm: {} for arm in self.file["arms"]}
        combinations = itertools.product(*reversed(self.factors.values()))
        levels = [dict(zip(self.factors, reversed(combination))) for combination in combinations]
        return {"_".join(own.values()): own for own in levels}

    def _baseline(self, arm):
        named = self.file["compare"]["baseline"]
        if isinstance(named, str):
            return None if arm == named else named
        (factor, level), = named.items()
        if self.levels[arm][factor] == level:
            return None
        return "_".join((self.levels[arm] | {factor: level}).values())

    def section(self, arm, name):
        """A section of an arm's request: the base, with what the arm or its levels write in place of it, key by key."""
        section = dict(self.file.get("base", {}).get(name, {}))
        if self.factors:
            written = [self.file["factors"][factor][level] for factor, level in self.levels[arm].items()]
        else:
            written = [self.file["arms"][arm]]
        for part in written:
            section |= part.get(name, {})
        return section

    @functools.cache
    def values(self, arm, metric=None, split=None):
        """Last values of an arm's finished runs by seed, in the order of the seeds."""
        split, metric = split or self.split, metric or self.metric
        runs = ((seed, self.runs.get((arm, seed))) for seed in self.seeds)
        found = ((seed, run.value(split, metric)) for seed, run in runs if run is not None)
        return {seed: value for seed, value in found if value is not None}

    def of_arm(self, arm):
        return [self.runs[arm, seed] for seed in self.seeds if (arm, seed) in self.runs]

    def is_over(self, arm):
        """Whether every run of the arm has ended, with a result or lost."""
        return sum(run.state in ENDED for run in self.of_arm(arm)) == len(self.seeds)

    def in_order(self):
        """All runs, those of the first seed first."""
        return [self.runs[arm, seed] for seed in self.seeds for arm in self.arms if (arm, seed) in self.runs]

    @functools.cache
    def complete_rows(self):
        """Seeds in which every arm has a primary value, and these values, one row a seed."""
        values = {arm: self.values(arm) for arm in self.arms}
        seeds = [seed for seed in self.seeds if all(seed in values[arm] for arm in self.arms)]
        return seeds, np.array([[values[arm][seed] for arm in self.arms] for seed in seeds])
