"""Floor 3: which kind of kin two tickets are."""
