"""The built-in sample: synthetic incidents with ServiceNow's columns and a known truth."""

from ticketkin.tickets.sample.writing import COLUMNS, SampleSummary, write_sample

__all__ = ["COLUMNS", "SampleSummary", "write_sample"]
