"""Incidents to a file, with the scars that exports carry."""

import csv
import json
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import ConfigurationError
from ticketkin.tickets.sample.incidents import Incident, make_incidents

COLUMNS = (
    "number", "sys_id", "opened_at", "short_description", "description", "category", "subcategory",
    "business_service", "cmdb_ci", "assignment_group", "priority", "state", "caller_id", "parent_incident",
    "problem_id", "caused_by", "close_code", "close_notes", "resolved_at", "closed_at", "sys_updated_on",
)  # fmt: skip
_SMALLEST = 20
