"""Stages: functions from declared inputs to declared outputs, and the order they run in."""
