"""Computes every statistic of published studies again, out of their records alone, and holds results.json to it.

    python peers/statistics/recompute.py docs/results [STUDY ...]
    python peers/statistics/recompute.py --plant docs/results [STUDY]

Prints one line a study, and ends with 1 if any number or word is another. With --plant it changes one number in a copy of a study's
results.json and one in a copy of a run's metrics.jsonl, and ends with 1 unless both are found.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from agreement import Agreement, Left, is_number
from contrasts import claim_tables, factorial_table, trend_table
from examples import (
    Outcomes, checked_runs, class_tables, disagreement_tables, example_tables, gap_table, image_tables, regime_table)
from methods import LEAST_SEEDS
from records import Study, Unsupported
from tables import (
    Folds, anchor_table, arm_table, common_spread, comparison_tables, floor, overall_table, pair_tables, pooled_table,
    secondary_tables)

# Disagreements that are printed of one study.
MOST_PRINTED = 20
MOST_PRINTED_PLANTED = 2


def run_table(study, arm, seed):
    run = study.runs.get((arm, seed))
    record = run.record if run else {}
    timings = record.get("timings", {})
    return {
        "arm": arm, "seed": seed, "state": run.state if run else "left", "reason": record.get("reason"),
        "value": run and run.value(study.split, study.metric), "folder": run and run.folder, "step": record.get("step"),
        "total_steps": record.get("total_steps"), "training_seconds": timings.get("training_seconds"),
        "images_per_second": timings.get("images_per_second"), "measured": measured(record),
        "study_file_sha256": record.get("study_file_sha256"), "specification_hash": record.get("specification_hash"),
        "request_hash": record.get("request_hash")}


def measured(record):
    keys = ("latency_128_seconds", "latency_1_seconds", "peak_memory_bytes")
    found = record.get("measured")
    return found and {key: found.get(key) for key in keys}


def family_tables(study, found):
    """How many tests of which kind a page holds."""
    comparisons, margin = len(study.compared), study.margin is not None
    factorial = found["factorial"] or {"main_effects": [], "interactions": []}
    main, interactions = len(factorial["main_effects"]), len(factorial["interactions"])
    classes = [sum(d is not None for d in table["differences"]) for table in found["classes"]]
    kinds = [
        ("differences from the baseline", 1, comparisons), ("equivalences with it", 1, margin * comparisons),
        ("main effects of factors", 1, main), ("equivalences of levels", 1, margin * main),
        ("interactions of factors", 1, interactions),
        ("slopes along a numeric factor", 1, len(found["trend"]["rows"]) if found["trend"] else 0),
        ("planned other metrics", 1, len(study.claimed) * comparisons),
        ("differences by class", sum(count > 0 for count in classes), sum(classes)),
        ("all pairs of arms", 1, len(found["pairs"]) if len(study.arms) > 2 else 0)]
    kinds = kinds if len(study.seeds) >= LEAST_SEEDS and comparisons else []
    return {"confirmatory": len(found["claims"]),
            "exploratory": [{"name": name, "families": families, "tests": tests} for name, families, tests in kinds if tests]}


def recomputed(study, published):
    """What results.json should hold; of `published` only which test examples are listed is read."""
    file, folds, outcomes = study.file, Folds(study), Outcomes(study)
    runs = [run for run in study.in_order() if run.value(study.split, study.metric) is not None]
    anchor = floor(study, runs)
    chance = anchor and anchor[1]
    seeds, rows = study.complete_rows()
    spread = common_spread(study, rows)
    overall = overall_table(study, rows)
    images, image_comparisons = image_tables(study)
    comparisons = comparison_tables(study, folds, spread, chance)
    for table, examples, own_images in zip(comparisons, example_tables(study, outcomes), image_comparisons):
        if isinstance(table, dict):
            table |= {"examples": examples, "images": own_images}
    baseline = file["compare"]["baseline"]
    named = baseline if isinstance(baseline, str) else Left("sentences")
    found = {
        "schema": "allconv.study.results/1", "study": study.name, "question": file["question"], "caveat": file.get("caveat"),
        "disclosures": file.get("disclosures", []), "warnings": Left("sentences"),
        "study_file_sha256": hashlib.sha256(study.path.read_bytes()).hexdigest(),
        "primary": {key: file["primary"][key] for key in ("metric", "split", "better")},
        "compare": {"baseline": named, "test": study.test, "alpha": study.alpha, "correction": study.correction,
                    "equivalence_margin": study.margin, "seeds_needed": LEAST_SEEDS},
        "arms": [arm_table(study, arm) for arm in study.arms], "comparisons": comparisons,
        "pooled": pooled_table(spread, len(seeds)), "folds": folds.table(), "overall": overall,
        "pairs": pair_tables(study, folds, overall), "secondary": secondary_tables(study, folds),
        "claims": claim_tables(study, folds, chance), "factorial": factorial_table(study, folds, chance),
        "trend": trend_table(study, folds), "gap": gap_table(study, folds), "regime": regime_table(study),
        "anchor": anchor_table(study, anchor, runs), "classes": class_tables(study, outcomes),
        "disagreements": disagreement_tables(study, outcomes, published["disagreements"]), "images": images,
        "reference": file.get("reference", {}).get("label"), "sequential": None,
        "search": Left("the search for learning rates, whose runs are not published") if "search" in file else None,
        "runs": [run_table(study, arm, seed) for seed in study.seeds for arm in study.arms]}
    found["families"] = family_tables(study, found)
    for table, other in zip(found["arms"], published["arms"]):
        if "forward_pass" in other:
            table["forward_pass"] = Left("times of forward passes, which bench.json holds")
    return found


def check(folder, most_printed=MOST_PRINTED):
    """Prints the line of a study and what disagrees; returns the disagreements."""
    published = json.loads((folder / "results.json").read_text())
    agreement = Agreement()
    try:
        study = Study(folder)
    except Unsupported as reason:
        print(f"{folder.name}: NOT COMPUTED AGAIN, {reason}")
        return [("study", None, None)]
    checked, wrong = checked_runs(study)
    for found in wrong:
        agreement.disagree(*found)
    agreement.compare("", recomputed(study, published), published)
    left = "; ".join(f"{count} {reason}" for reason, count in agreement.left.items() if count)
    print(
        f"{folder.name}: {agreement.numbers} numbers and {agreement.words} words compared, {len(agreement.disagreements)} disagree, "
        f"largest relative difference {agreement.worst:.1e}, of integrals {agreement.worst_integrated:.1e}; values of "
        f"{checked} of {len(study.runs)} runs counted again from single examples; numbers left out: {left or 'none'}")
    for path, own, theirs in agreement.disagreements[:most_printed]:
        print(f"  DISAGREES {path}: computed {shown(own)}, published {shown(theirs)}")
    if len(agreement.disagreements) > most_printed:
        print(f"  and {len(agreement.disagreements) - most_printed} more")
    return agreement.disagreements


def shown(value):
    return repr(float(value)) if is_number(value) else repr(value)


def plant(folder):
    """Whether a changed number is found, in results.json and in the metrics of a run."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / folder.name
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("artefacts", "*.md", "*.png", "*.svg"))
        print("as published:", end=" ")
        is_clean = not check(copy)

        path = copy / "results.json"
        text = path.read_text()
        results = json.loads(text)
        # In the sixth digit, which no page prints.
        results["comparisons"][0]["difference"] *= 1 + 1e-6
        path.write_text(json.dumps(results))
        print("results.json, comparisons[0].difference times 1.000001:", end=" ")
        in_results = any(path.startswith("comparisons[0") and path.endswith(".difference") for path, *_ in check(copy, MOST_PRINTED_PLANTED))
        path.write_text(text)

        run = results["runs"][0]
        path = copy / "runs" / run["folder"] / "metrics.jsonl"
        lines = path.read_text().splitlines()
        wanted = (results["primary"]["split"], results["primary"]["metric"])
        last = max(k for k, line in enumerate(lines) if (json.loads(line)["split"], json.loads(line)["name"]) == wanted)
        point = json.loads(lines[last])
        point["value"] *= 1 + 1e-6
        lines[last] = json.dumps(point)
        path.write_text("\n".join(lines) + "\n")
        print(f"metrics.jsonl of {run['folder']}, its last {wanted[1]} times 1.000001:", end=" ")
        in_metrics = any(path == "runs[0 " + run["arm"] + "].value" for path, *_ in check(copy, MOST_PRINTED_PLANTED))
    found = {"no disagreement before": is_clean, "found in results.json": in_results, "found in metrics.jsonl": in_metrics}
    print(f"{folder.name}, planted: " + ", ".join(f"{what}: {'yes' if so else 'NO'}" for what, so in found.items()))
    return all(found.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plant", action="store_true", help="change numbers in a copy, and show that they are found")
    parser.add_argument("results", type=Path, help="the folder of the published studies")
    parser.add_argument("study", nargs="*", help="names of studies; all of the folder if none is given")
    options = parser.parse_args()
    named = [options.results / name for name in options.study]
    folders = named or sorted(path.parent for path in options.results.glob("*/results.json"))
    if not folders:
        sys.exit(f"{options.results} holds no study")
    if options.plant:
        is_right = all([plant(folder) for folder in (named or folders[:1])])
    else:
        is_right = not any([check(folder) for folder in folders])
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
