"""Floor 0: types, errors, configuration, artifacts. Imports nothing of Ticketkin."""
