"""Could a gain be chance? A randomisation test that holds for a handful of kin groups too.

If two candidates were equally good, the sign of every kin group's difference would be a coin's toss. An
interval of resampled groups is too narrow where there are few of them; this test is exact (Fisher, "The
Design of Experiments", 1935, section 21).
"""

import numpy as np

from ticketkin.core.tables import Float64Array, IntArray

_RESAMPLES = 9_999


def sign_flip_p_value(differences: Float64Array, clusters: IntArray, seed: int) -> float:
    """Return the p-value of a gain, by flipping the signs of whole clusters.

    `differences` holds the gain of each query, `clusters` its kin group, both of shape (n_queries,). Exact up
    to 13 clusters that differ, else from 9,999 draws by `seed`. Two-sided; 1 where nothing differs.
    """
    from scipy.stats import permutation_test

    _, place = np.unique(clusters, return_inverse=True)
    sums = np.bincount(place, weights=differences) if len(place) else np.zeros(0)
    sums = sums[sums != 0]
    if len(sums) < 2:
        return 1.0
    result = permutation_test(
        (sums,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_RESAMPLES,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)
