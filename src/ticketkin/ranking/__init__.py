"""Floor 4: the learned ranking over words, meaning, fields and time."""
