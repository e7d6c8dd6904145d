"""The corpus as a whole."""

from collections import Counter

import cases_csv
import cases_encodings
import cases_hangs
import cases_ids
import cases_json
import cases_links
import cases_outputs
import cases_pairs
import cases_personal
import cases_runs
import cases_settings
import cases_values
import cases_workbooks

MODULES = (
    cases_csv, cases_encodings, cases_hangs, cases_ids, cases_json, cases_links, cases_outputs, cases_pairs,
    cases_personal, cases_runs, cases_settings, cases_values, cases_workbooks,
)  # fmt: skip
CASES = [case for module in MODULES for case in module.CASES]


def test_the_corpus_is_large_and_no_two_cases_share_a_name() -> None:
    twice = [name for name, count in Counter(case.name for case in CASES).items() if count > 1]
    assert twice == []
    assert len(CASES) >= 250


def test_every_family_has_several_cases() -> None:
    assert min(Counter(case.family for case in CASES).values()) >= 5
