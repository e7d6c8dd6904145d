"""The built-in sample: synthetic incidents with ServiceNow's columns and a known truth."""

from ticketkin.tickets.sample.writing import AT_ONCE, COLUMNS, OMITTED, SampleSummary, write_sample

__all__ = ["AT_ONCE", "COLUMNS", "OMITTED", "SampleSummary", "write_sample"]
