"""Checks of what could make a good number misleading; every run makes all of them."""
