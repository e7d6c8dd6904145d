"""How far two people agree beyond chance."""

from collections.abc import Sequence


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Return Cohen's kappa (Cohen 1960) of two answers to each question, from -1 to 1.

    Raises ValueError where all answers are one: then chance agrees as well, and kappa is not defined.
    """
    from sklearn.metrics import cohen_kappa_score

    if len({answer for pair in pairs for answer in pair}) < 2:
        raise ValueError("kappa needs at least two different answers")
    first, second = zip(*pairs, strict=True)
    return float(cohen_kappa_score(first, second))
