"""Floor 2: metrics, thresholds, intervals and the verdict."""
