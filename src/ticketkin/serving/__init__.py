"""A bundle and the tickets it has stored: answers for a ticket that opened a minute ago."""
