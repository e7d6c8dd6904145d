"""Schema migrations: numbered steps, each applied once, in order, in a transaction of its own.

A released step is never changed; every later change is a further step.
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

_USE = """
CREATE TABLE questions (
    question_id uuid PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now(),
    ticket_id text REFERENCES tickets ON DELETE CASCADE,
    bundle text NOT NULL,
    change bigint NOT NULL
);
CREATE INDEX ON questions (asked_at);
CREATE INDEX ON questions (ticket_id);

CREATE TABLE suggestions (
    question_id uuid NOT NULL REFERENCES questions ON DELETE CASCADE,
    place smallint NOT NULL,
    candidate text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    kind text NOT NULL,
    band text NOT NULL,
    probability double precision,
    similarity double precision,
    PRIMARY KEY (question_id, place)
);
CREATE INDEX ON suggestions (candidate);

CREATE TABLE answers (
    answer_id uuid PRIMARY KEY,
    source text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    target text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    answer text NOT NULL CHECK (answer IN ('duplicate', 'related', 'causal', 'none', 'unsure')),
    reviewer text NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz,
    CHECK (source <> target)
);
CREATE INDEX ON answers (source);
CREATE INDEX ON answers (target);
CREATE INDEX ON answers (answered_at);
"""

_SIGN_IN = """
CREATE TABLE api_keys (
    key_id text PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('agent', 'reviewer', 'administrator')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE sessions (
    hash bytea PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('agent', 'reviewer', 'administrator')),
    key_id text REFERENCES api_keys ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);

CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    counts jsonb NOT NULL DEFAULT '{}'
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is only ever added to';
END $$;
CREATE TRIGGER audit_is_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

_ERASURE = """
ALTER TABLE installation ADD COLUMN erasures bigint NOT NULL DEFAULT 0;

-- What the planner samples of a column stays in its statistics; so nothing of these is sampled.
DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND data_type = 'text'
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS 0', one.table_name, one.column_name);
    END LOOP;
    ALTER TABLE embeddings ALTER COLUMN vector SET STATISTICS 0;
END $$;

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('ticketkin.erases', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit is only ever added to';
END $$;
"""

_REVIEW = """
CREATE TABLE review_draws (
    draw_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bundle text NOT NULL,
    ticket_id text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    candidate text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    share text NOT NULL CHECK (share IN ('border', 'against', 'random')),
    kind text NOT NULL,
    band text NOT NULL,
    probability double precision CHECK (probability > 0 AND probability <= 1),
    drawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (bundle, share, ticket_id, candidate),
    CHECK ((probability IS NOT NULL) = (share = 'random'))
);
CREATE INDEX ON review_draws (ticket_id);
CREATE INDEX ON review_draws (candidate);

CREATE VIEW shown_pairs AS
SELECT DISTINCT ON (bundle, questions.ticket_id, candidate)
    bundle, questions.ticket_id, candidate, question_id, kind, band, probability, similarity
FROM questions JOIN suggestions USING (question_id)
WHERE questions.ticket_id IS NOT NULL
ORDER BY bundle, questions.ticket_id, candidate, asked_at DESC;

CREATE VIEW standing_answers AS
SELECT DISTINCT ON (least(source, target), greatest(source, target))
    least(source, target) AS one, greatest(source, target) AS other, source, target, answer, answered_at
FROM answers WHERE withdrawn_at IS NULL
ORDER BY least(source, target), greatest(source, target), answered_at DESC;

DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = 'review_draws' AND data_type = 'text'
    LOOP
        EXECUTE format('ALTER TABLE review_draws ALTER COLUMN %I SET STATISTICS 0', one.column_name);
    END LOOP;
END $$;
"""

_MODELS = """
CREATE TABLE models (
    bundle text PRIMARY KEY,
    folder text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE model_switches (
    switch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bundle text NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE model_switches ALTER COLUMN actor SET STATISTICS 0;

CREATE TABLE model_processes (
    process uuid NOT NULL,
    bundle text NOT NULL,
    fault text NOT NULL,
    is_answering boolean NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (process, bundle)
);
"""

_PROPOSALS = """
CREATE TABLE proposals (
    proposal_id uuid PRIMARY KEY,
    duplicate text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    parent text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'accepted', 'declined', 'sent')),
    key text NOT NULL UNIQUE,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_by text,
    decided_at timestamptz,
    sent_at timestamptz,
    CHECK (duplicate <> parent),
    CHECK ((decided_by IS NULL) = (state = 'proposed')),
    CHECK ((sent_at IS NOT NULL) = (state = 'sent'))
);
CREATE UNIQUE INDEX ON proposals (duplicate) WHERE state <> 'declined';
CREATE INDEX ON proposals (parent);
CREATE INDEX ON proposals (state, proposed_at);
ALTER TABLE proposals ALTER COLUMN duplicate SET STATISTICS 0, ALTER COLUMN parent SET STATISTICS 0,
    ALTER COLUMN key SET STATISTICS 0, ALTER COLUMN proposed_by SET STATISTICS 0,
    ALTER COLUMN decided_by SET STATISTICS 0;
"""

_REFITS = """
ALTER TABLE questions ADD COLUMN refit integer NOT NULL DEFAULT 0;
ALTER TABLE suggestions ADD COLUMN features bytea;
ALTER TABLE suggestions ALTER COLUMN features SET STATISTICS 0;

CREATE TABLE refits (
    bundle text NOT NULL,
    number integer NOT NULL,
    fitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    n_standing integer NOT NULL,
    n_answers integer NOT NULL,
    n_random integer NOT NULL,
    loss_before double precision,
    loss_after double precision,
    gain double precision,
    gain_low double precision,
    gain_high double precision,
    is_taken_over boolean NOT NULL,
    withdrawn_at timestamptz,
    weights bytea NOT NULL,
    PRIMARY KEY (bundle, number)
);
"""

_SHOWN = """
DROP VIEW shown_pairs;

-- Each pair that a bundle showed, as it was shown last. The draw key is its permanent random number.
CREATE TABLE shown_pairs (
    bundle text NOT NULL,
    ticket_id text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    candidate text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    question_id uuid NOT NULL REFERENCES questions ON DELETE CASCADE,
    asked_at timestamptz NOT NULL,
    kind text NOT NULL,
    band text NOT NULL,
    probability double precision,
    similarity double precision,
    is_first boolean NOT NULL,
    draw_key bigint NOT NULL,
    PRIMARY KEY (bundle, ticket_id, candidate)
);
CREATE FUNCTION draw_key_of(text, text) RETURNS bigint LANGUAGE sql STABLE RETURN
    ('x' || left(md5((SELECT id FROM installation)::text || $1 || ' ' || $2), 16))::bit(64)::bigint;

INSERT INTO shown_pairs
SELECT DISTINCT ON (bundle, questions.ticket_id, candidate)
    bundle, questions.ticket_id, candidate, question_id, asked_at, kind, band, probability, similarity,
    coalesce(similarity >= max(similarity) OVER (PARTITION BY question_id), false),
    draw_key_of(questions.ticket_id, candidate)
FROM questions JOIN suggestions USING (question_id)
WHERE questions.ticket_id IS NOT NULL
ORDER BY bundle, questions.ticket_id, candidate, asked_at DESC;

CREATE INDEX ON shown_pairs (ticket_id);
CREATE INDEX ON shown_pairs (candidate);
CREATE INDEX ON shown_pairs (question_id);
CREATE INDEX ON shown_pairs (bundle, band, kind, draw_key) INCLUDE (probability);
CREATE INDEX ON shown_pairs (bundle, kind, probability);
CREATE INDEX ON shown_pairs (bundle, similarity DESC NULLS LAST);
ALTER TABLE shown_pairs ALTER COLUMN ticket_id SET STATISTICS 0, ALTER COLUMN candidate SET STATISTICS 0;
"""

_SYNC = """
CREATE TABLE sync_ledger (
    source text PRIMARY KEY,
    cursor text NOT NULL,
    n_batches bigint NOT NULL,
    n_tickets bigint NOT NULL,
    n_changed bigint NOT NULL,
    n_rejected bigint NOT NULL,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""

MIGRATIONS: tuple[str, ...] = (
    _TICKETS, _USE, _SIGN_IN, _ERASURE, _REVIEW, _MODELS, _PROPOSALS, _REFITS, _SHOWN, _SYNC,
)  # fmt: skip
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
