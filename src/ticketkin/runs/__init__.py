"""Runs: artifacts with their types, the values of a folder, stages and when they are due."""
