"""A report as folds write it: few links, all of which judged."""

from typing import Any


def comparison(value: float, half: float, challenger: str, baseline: str) -> dict[str, Any]:
    return {
        "challenger": challenger, "baseline": baseline, "metric": "mrr", "split": "evaluation",
        "gain": {"value": value, "low": value - half, "high": value + half},
        "n_queries": 66, "n_clusters": 63, "p_value": 0.001,
    }  # fmt: skip


def in_folds(report: dict[str, Any]) -> dict[str, Any]:
    """Return the report as if folds had judged: no holdout, and how it was judged beside the verdict."""
    for candidate in report["candidates"].values():
        candidate.pop("holdout", None)
        candidate["evaluation"]["pairs"]["n_positive"] = 10
    report["comparisons"] = [one for one in report["comparisons"] if one["split"] == "evaluation"]
    report["verdict"]["reason"] = (
        "Yes: 'fusion' is better than the untouched model. All 63 groups of duplicates were used to judge."
    )
    procedure = comparison(0.17, 0.08, "procedure", "base")
    return report | {
        "splits": {"train": {"n_tickets": 1914, "n_with_kin": 95, "n_kin_groups": 46, "n_queries": 49}},
        "links": {"n_links": 127, "n_kin_groups": 63, "n_tickets_with_kin": 129, "labels_from": "person"},
        "cross_fitting": {
            "n_folds": 5, "n_repeats": 2, "n_kin_groups": 63, "procedure": procedure,
            "retrieval": report["candidates"]["fusion"]["evaluation"]["retrieval"],
            "choices": [
                {"champion": "fusion", "options": {"head": "strength 0.5", "fusion": "0.2"}},
                {"champion": "fusion", "options": {"head": "strength 1", "fusion": "hybrid"}},
                {"champion": "hybrid", "options": {"head": "strength 1", "fusion": "0.2"}},
            ],
            "final": {"champion": "fusion", "options": {"head": "strength 1", "fusion": "0.2"}},
            "shuffled": {
                "gains": [-0.01, 0.0, 0.02, 0.18], "n_yes": 1,
                "share_of_yes": {"value": 0.25, "low": 0.05, "high": 0.7},
            },
            "left_out": ["lora"],
        },
        "power": {
            "n_kin_groups": 63, "smallest_provable_gain": 0.11, "n_more_kin_groups": 0, "gain": procedure,
        },
        "learning_curve": {
            "points": [
                {"share": share, "n_kin_groups": n, "gains": [
                    comparison(0.1 + over, 0.03, "fusion", "base"),
                    comparison(over, 0.03, "fusion", "hybrid"),
                ]}
                for share, n, over in ((0.125, 6, 0.02), (0.25, 12, 0.04), (0.5, 25, 0.05), (1.0, 50, 0.09))
            ],
            "last_doubling": comparison(0.04, 0.01, "fusion", "half of the links"),
        },
    }  # fmt: skip
