"""Claims, effects of factors and slopes along a numeric factor."""

import math

import numpy as np

from agreement import Integrated, Left
from methods import (
    LEAST_SEEDS, centre_above_p, chance_refuted, chance_shown, deviation, difference_interval, equivalence_p, evidence, fieller,
    holm, lacks_spread, mean_above_p, paired, settled, t_interval, t_p)
from tables import mean, reaches, word

# Chance of "holds if true" that a design needs before its "fails" is called a contradiction.
CONTRADICTING_POWER = 0.8


def expanded(study, claim):
    """The contrasts of a claim as (metric, shows, margin, arms of, arms against), one for each level of `for_each`."""
    for contrast in claim["contrasts"]:
        metric, shows = contrast.get("metric", study.metric), contrast["shows"]
        margin = contrast.get("margin", 0.0 if shows in ("lower", "higher") else study.margin)
        factor = contrast.get("for_each")
        for level in study.factors[factor] if factor else [None]:
            sides = []
            for side in (contrast["of"], contrast["against"]):
                if isinstance(side, dict):
                    side = [a for a in study.arms if all(study.levels[a][f] == named for f, named in side.items())]
                side = [side] if isinstance(side, str) else side
                sides.append([a for a in side if factor is None or study.levels[a][factor] == level])
            yield metric, shows, margin, *sides


def claim_tables(study, folds, value_of_chance):
    claims = study.file.get("claims", {})
    return [claim_table(study, folds, value_of_chance, name, claim, len(claims)) for name, claim in claims.items()]


def claim_table(study, folds, value_of_chance, name, claim, claims):
    parts, tables, plans = list(expanded(study, claim)), [], []
    independent, found, flips, has_no_spread, is_at_chance = [], [], [], False, False
    for metric, shows, margin, of, against in parts:
        sides = []
        for side in (of, against):
            values = [study.values(arm, metric) for arm in side]
            sides.append({s: np.mean([v[s] for v in values]) for s in study.seeds if all(s in v for v in values)})
        by_seed = paired(*sides)
        plain, own = np.array(list(by_seed.values())), folds.independent(by_seed)
        at_chance = shows not in ("lower", "higher") and metric == study.metric and all(
            reaches(study, arm, value_of_chance) for arm in of + against)
        both = [evidence(own, shows, margin, mean_above_p)]
        both.append(evidence(plain, shows, margin, centre_above_p) if folds.count is None else None)
        both = [(1.0, pair[1]) if pair and at_chance else pair for pair in both]
        found.append(both[0] or (1.0, 1.0))
        flips.append(both[1])
        independent.append(len(own))
        has_no_spread |= lacks_spread(plain)
        is_at_chance |= at_chance
        scale = margin if margin > 0 else study.margin if metric == study.metric else None
        plans.append((shows, margin, scale, deviation(own)))
        t, flip = (pair or (None, None) for pair in both)
        tables.append({
            "name": Left("names of contrasts"), "metric": metric, "shows": shows, "margin": margin, "n": len(plain),
            "difference": mean(own), "interval_95": difference_interval(own), "p_for": t[0], "p_against": t[1],
            "flip_p_for": flip[0], "flip_p_against": flip[1]})
    level = study.alpha / claims / len(tables)
    for table, (p_for, p_against) in zip(tables, found):
        table["part"] = "holds" if p_for <= level else "fails" if p_against <= level else "open"
    p_for, p_against = joint(found, claims)
    flip_for, flip_against = joint(flips, claims) if None not in flips else (None, None)
    least = min(independent)
    chances = claim_chances(plans, least, claims, study.alpha)
    complete = all(map(study.is_over, study.arms))
    if not complete:
        verdict = "interim"
    elif least == 0:
        verdict = "lost"
    elif least < LEAST_SEEDS:
        verdict = "intervals_only"
    elif p_for <= study.alpha:
        verdict = "supported"
    elif p_against <= study.alpha:
        verdict = "contradicted"
    else:
        verdict = "no_spread" if has_no_spread else "at_chance" if is_at_chance else "not_decided"
    contradicts = (verdict == "contradicted" and chances is not None and chances[0] >= CONTRADICTING_POWER
                   and all(meets_reference(study, part) for part in parts))
    return {
        "name": name, "text": claim["text"], "label": Left("sentences"), "sentence": Left("sentences"), "verdict": verdict,
        "corrected_p_for": p_for, "corrected_p_against": p_against, "corrected_flip_p_for": flip_for,
        "corrected_flip_p_against": flip_against,
        "tests_disagree": complete and flip_for is not None and disagree(
            (p_for, p_against), (flip_for, flip_against), [plan[0] for plan in plans], least, claims, study.alpha),
        "chance_holds_if_true": chances and Integrated(chances[0]), "chance_fails_if_false": chances and Integrated(chances[1]),
        "contradicts_reference": contradicts, "contrasts": tables}


def joint(parts, claims):
    """All parts together, times the number of claims."""
    p_for, p_against = zip(*parts)
    return min(1.0, claims * max(p_for)), min(1.0, claims * min(1.0, len(parts) * min(p_against)))


def disagree(by_t, by_flips, shown, n, claims, alpha):
    """Whether t tests and sign flips disagree about α where sign flips could reach it."""
    sides = len(shown) * (2 if "equivalent" in shown else 1)
    least = [claims * factor * 0.5**n for factor in (1, sides)]
    return any(p <= alpha and (t <= alpha) != (flip <= alpha) for p, t, flip in zip(least, by_t, by_flips))


def claim_chances(plans, n, claims, alpha):
    """Chance of "holds" one scale inside of every bound, and of "fails" one scale outside of the hardest."""
    if any(scale is None or not spread for _, _, scale, spread in plans):
        return None
    if n < LEAST_SEEDS:
        return 0.0, 0.0
    level, holds, fails = alpha / claims, 1.0, 1.0
    for shows, margin, scale, spread in plans:
        inside, outside = {
            "higher": (margin + scale, margin - scale), "lower": (-margin - scale, -margin + scale),
            "not_higher": (margin - scale, margin + scale), "not_lower": (-margin + scale, -margin - scale),
            "equivalent": (0.0, margin + scale)}[shows]
        holds *= chance_shown(shows, inside, n, level, margin, spread)
        fails = min(fails, chance_refuted(shows, outside, n, level / len(plans), margin, spread))
    return holds, fails


def meets_reference(study, part):
    """Whether all arms of a contrast reach their reference values within the margin."""
    metric, _, _, of, against = part
    values = study.file.get("reference", {}).get("values", {})
    if study.margin is None or metric != study.metric or any(arm not in values for arm in of + against):
        return False
    sign = 1 if study.lower_is_better else -1
    means = {arm: np.mean(list(study.values(arm).values())) for arm in of + against}
    return all(sign * (means[arm] - values[arm]) <= study.margin for arm in means)


def factorial_table(study, folds, value_of_chance):
    """Main effects and interactions within each complete seed."""
    seeds, rows = study.complete_rows()
    if not study.factors or not seeds:
        return None
    size = np.abs(rows).max()
    named = study.file["compare"]["baseline"]
    first = {factor: named[factor] if isinstance(named, dict) and factor in named else levels[0]
             for factor, levels in study.factors.items()}
    # The level that others are compared with comes first.
    order = {factor: sorted(levels, key=lambda level: level != first[factor]) for factor, levels in study.factors.items()}

    def at(**levels):
        chosen = [all(study.levels[arm][f] == level for f, level in levels.items()) for arm in study.arms]
        return rows[:, chosen].mean(1)

    main = [(f"{factor}: {level} − {reference}", at(**{factor: level}) - at(**{factor: reference}))
            for factor, levels in order.items() for k, reference in enumerate(levels) for level in levels[k + 1:]]
    interactions = []
    factors = list(study.factors)
    for k, one in enumerate(factors):
        for other in factors[k + 1:]:
            for level in (level for level in study.factors[one] if level != first[one]):
                for by in (level for level in study.factors[other] if level != first[other]):
                    change = [at(**{one: level, other: b}) - at(**{one: first[one], other: b}) for b in (by, first[other])]
                    interactions.append((f"{one}: {level} − {first[one]}, {other}: {by} − {first[other]}", change[0] - change[1]))
    complete = all(map(study.is_over, study.arms))
    has_learned = not all(reaches(study, arm, value_of_chance) for arm in study.arms)

    def family(effects, margin):
        own = [folds.independent(dict(zip(seeds, settled(values, size)))) for _, values in effects]
        p = holm([t_p(values) for values in own])
        equivalent = holm([equivalence_p(values, margin) if margin is not None else None for values in own])
        tables = []
        for (name, values), tested, corrected, alike in zip(effects, own, p, equivalent):
            if not complete:
                verdict = "interim"
            elif len(tested) < LEAST_SEEDS:
                verdict = "intervals_only"
            elif lacks_spread(tested):
                verdict = "no_spread"
            else:
                verdict = word(study, np.mean(tested), corrected, alike, has_learned)
            tables.append({"name": name, "n": len(values), "difference": float(np.mean(tested)),
                           "interval_95": difference_interval(tested), "p": t_p(tested), "corrected_p": corrected,
                           "corrected_equivalence_p": alike, "verdict": verdict})
        return tables

    return {"factors": [{"name": name, "levels": levels} for name, levels in study.factors.items()], "seeds": seeds,
            "main_effects": family(main, study.margin), "interactions": family(interactions, None)}


def numeric_factor(study):
    """The first factor whose levels train for different numbers of presentations or epochs, with the number of each level."""
    for factor, levels in study.factors.items():
        for quantity in ("presentations", "epochs"):
            numbers = {level: {study.section(arm, "train").get(quantity) for arm in study.arms
                               if study.levels[arm][factor] == level} for level in levels}
            if any(len(found) != 1 or None in found for found in numbers.values()):
                continue
            numbers = {level: float(found.pop()) for level, found in numbers.items()}
            within = all(study.levels[study.baseline[arm]][factor] == study.levels[arm][factor] for arm in study.compared)
            if len(set(numbers.values())) == len(levels) and within:
                return factor, quantity, numbers
    return None


def trend_table(study, folds):
    """Differences to the baseline as lines over log₂ of a numeric factor, one line a seed."""
    found = numeric_factor(study)
    if found is None:
        return None
    factor, quantity, numbers = found
    levels = sorted(numbers, key=numbers.get)
    x = np.log2([numbers[level] for level in levels])
    rows, p = [], []
    for start in (arm for arm in study.compared if study.levels[arm][factor] == levels[0]):
        arms = ["_".join((study.levels[start] | {factor: level}).values()) for level in levels]
        differences = [paired(study.values(arm), study.values(study.baseline[arm])) for arm in arms]
        seeds = [seed for seed in differences[0] if all(seed in own for own in differences)]
        if not seeds:
            continue
        lines = [np.polyfit(x, [own[seed] for own in differences], 1)[::-1] for seed in seeds]
        slopes = folds.independent(dict(zip(seeds, (line[1] for line in lines))))
        points = [folds.independent({seed: own[seed] for seed in seeds}) for own in differences]
        place, ends = fieller(lines) if folds.count is None else (None, None)
        p.append(t_p(slopes) if len(slopes) >= LEAST_SEEDS else None)
        rows.append({
            "name": "_".join(level for name, level in study.levels[start].items() if name != factor), "n": len(seeds),
            "points": [{"number": numbers[level], "difference": float(np.mean(own)), "interval_95": t_interval(own)}
                       for level, own in zip(levels, points)],
            "per_doubling": float(np.mean(slopes)), "interval_95": difference_interval(slopes),
            "crossing": power_of_two(place), "crossing_95": ends and power_of_two(ends[1]) and [2.0**end for end in ends]})
    for row, corrected in zip(rows, holm(p)):
        row["corrected_p"] = corrected
    return {"factor": factor, "quantity": quantity, "rows": rows} if rows else None


def power_of_two(exponent):
    """`None` where it is too large for a number."""
    return None if exponent is None or exponent >= 1024 else math.exp2(exponent)
