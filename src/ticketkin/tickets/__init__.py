"""Floor 1: from an export to clean, redacted tickets, their links, kin groups and splits."""
