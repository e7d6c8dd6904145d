"""Checks of what is saved: adapters, models, bundles, the artifacts of runs; and repairs."""
