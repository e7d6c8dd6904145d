"""How the tables came about: numbered steps, each applied once, in order, in a transaction of its own.

A step that was released is never changed; what must become different is a further step.
"""

from psycopg import Connection

_LOCK = 7_461_001
"""Of PostgreSQL's advisory locks: two processes that start at once migrate one after the other."""

_TICKETS = """
CREATE TABLE installation (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    links_change bigint NOT NULL DEFAULT 0
);
INSERT INTO installation DEFAULT VALUES;

CREATE SEQUENCE changes;

CREATE TABLE tickets (
    ticket_id text PRIMARY KEY,
    number text NOT NULL,
    sys_id text NOT NULL,
    opened_at timestamp,
    title text NOT NULL,
    description text NOT NULL,
    category text NOT NULL,
    subcategory text NOT NULL,
    service text NOT NULL,
    configuration_item text NOT NULL,
    assignment_group text NOT NULL,
    priority text NOT NULL,
    caller text NOT NULL,
    state text NOT NULL,
    close_code text NOT NULL,
    close_notes text NOT NULL,
    resolved_at text NOT NULL,
    closed_at text NOT NULL,
    updated_at text NOT NULL,
    parent text NOT NULL,
    problem text NOT NULL,
    caused_by text NOT NULL,
    duplicate_of text NOT NULL,
    stated_links text NOT NULL,
    content bigint NOT NULL,
    change bigint NOT NULL UNIQUE
);
CREATE INDEX ON tickets (number);
CREATE INDEX ON tickets (opened_at);
CREATE INDEX ON tickets (caller);

CREATE TABLE deletions (
    identity bigint PRIMARY KEY,
    change bigint NOT NULL UNIQUE
);

CREATE TABLE embeddings (
    ticket_id text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    model text NOT NULL,
    text_hash bigint NOT NULL,
    vector vector NOT NULL,
    PRIMARY KEY (ticket_id, model)
);

CREATE TABLE links (
    source text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    target text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('duplicate', 'related', 'causal')),
    origin text NOT NULL,
    known_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, target, kind),
    CHECK (source <> target)
);
CREATE INDEX ON links (target);
"""

MIGRATIONS: tuple[str, ...] = (_TICKETS,)
"""The SQL of each step; its number is its place, counted from 1."""


def migrate(connection: "Connection[tuple[object, ...]]") -> int:
    """Bring the tables to the newest version; return the version that was found. Commits each step."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)")
        row = connection.execute("SELECT version FROM schema_version").fetchone()
        before = row[0] if row is not None else 0
        assert isinstance(before, int)  # noqa: S101 - the column is one of integers
        if row is None:
            connection.execute("INSERT INTO schema_version VALUES (0)")
        for number, step in enumerate(MIGRATIONS, start=1):
            if number > before:
                connection.execute(step)
                connection.execute("UPDATE schema_version SET version = %s", (number,))
    return before
