"""Ticketkin finds the kin of a ticket: its duplicates, its relatives, its cause."""
