"""Floor 2: from links to labelled pairs, with mined negatives and measured difficulty."""
