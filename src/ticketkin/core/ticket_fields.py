"""The fields of a ticket by when they are known: names alone, so that a reader of files needs no arrays."""

# Known when the ticket opens: a model may read these.
OPENING_FIELDS = (
    "title", "description", "category", "subcategory", "service",
    "configuration_item", "assignment_group", "priority",
)  # fmt: skip
# Known only later, or a label itself: kept apart, never part of a composed text.
RESOLUTION_FIELDS = ("state", "close_code", "close_notes", "resolved_at", "closed_at", "updated_at")
LINK_FIELDS = ("parent", "problem", "caused_by", "duplicate_of", "stated_links")
# Compared, never read: a person is kept as a pseudonym, the same in every import with one secret.
PERSON_FIELDS = ("caller",)
