"""Floor 7: the commands. They parse, call and print; no logic lives here."""
