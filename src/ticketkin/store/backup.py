"""Backup of the whole database into one file, and restore into an empty database on any server and version.

The file is a ZIP archive: `backup.json` tells the version of the tables, their rows and the sequences, and
each table is what COPY writes. Everything is read in one transaction, so that the file is a consistent
snapshot.
"""

import os
import zipfile
import zlib
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Annotated

import psycopg
from psycopg import sql
from pydantic import Field, TypeAdapter

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.store.database import Database, Transaction, first_line
from ticketkin.store.migrations import MIGRATIONS

_DESCRIPTION = "backup.json"
_FORMAT = 1
_BLOCK_BYTES = 1 << 20
_VERSION_TABLE = "schema_version"
# NotImplementedError and RuntimeError: packed in another way, or with a password.
_UNREADABLE = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError,
    RuntimeError,
)  # fmt: skip
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Backup:
    """What a backup holds."""

    format: int
    schema_version: Count
    rows: dict[Annotated[str, Field(pattern="^[a-z_]+$")], Count]
    """By table."""
    columns: dict[str, list[Annotated[str, Field(pattern="^[a-z_]+$")]]]
    sequences: dict[Annotated[str, Field(pattern="^[a-z_]+$")], Count]
    """The last number that each one gave; 0 before the first."""


def write_backup(database: Database, path: Path) -> Backup:
    """Write everything that the database holds into a file that its owner alone may read; return what it is.

    The service may run meanwhile.
    """
    with atomic_path(path) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            os.fdopen(descriptor, "wb") as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
            database.transaction() as connection,
        ):
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            backup = Backup(
                format=_FORMAT,
                schema_version=_schema_version(connection),
                rows={table: _count(connection, table) for table in _tables(connection)},
                columns={table: _columns(connection, table) for table in _tables(connection)},
                sequences=_sequences(connection),
            )
            archive.writestr(_DESCRIPTION, TypeAdapter(Backup).dump_json(backup))
            for table, columns in backup.columns.items():
                with (
                    archive.open(_member(table), "w", force_zip64=True) as out,
                    connection.cursor() as cursor,
                    cursor.copy(_copy(table, columns, "TO STDOUT")) as copy,
                ):
                    for block in copy:
                        out.write(block)
    return backup


def read_backup(path: Path) -> Backup:
    """Return what a backup holds, every byte of it checked.

    Raises UnreadableFileError where it is none or damaged, InputError where a newer release wrote it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            backup = TypeAdapter(Backup).validate_json(archive.read(_DESCRIPTION))
            missing = {_member(table) for table in backup.rows} - set(archive.namelist())
    except _UNREADABLE as error:
        raise UnreadableFileError(
            f"{path} is no backup of a service, or it is damaged ({type(error).__name__}); give a file that "
            "ticketkin backup wrote"
        ) from error
    if damaged or missing or backup.rows.keys() != backup.columns.keys():
        raise UnreadableFileError(f"The backup {path} is damaged; take an earlier one")
    if backup.format != _FORMAT or backup.schema_version > len(MIGRATIONS):
        raise InputError(
            f"The backup {path} has tables of version {backup.schema_version}, this release knows "
            f"{len(MIGRATIONS)}; use the release that wrote it, or a newer one"
        )
    return backup


def restore_backup(database: Database, path: Path) -> Backup:
    """Put a backup into a database that holds nothing yet, all of it or nothing; return what it holds.

    Tables of an earlier release are brought to today's version. Raises as `read_backup`, and InputError where
    the database holds something.
    """
    backup = read_backup(path)
    with database.transaction() as connection:
        _refuse_content(connection)
        _make_tables(connection, backup.schema_version)
        order = [table for table in _parents_first(connection) if table in backup.rows]
        if set(order) != backup.rows.keys():
            raise UnreadableFileError(f"The backup {path} holds tables that its version does not have")
        with zipfile.ZipFile(path) as archive:
            for table in order:
                _fill(connection, archive, table, backup)
        for sequence, last in backup.sequences.items():
            if last:
                connection.execute("SELECT setval(%s::regclass, %s)", (sequence, last))
        for number, step in enumerate(MIGRATIONS[backup.schema_version :], start=backup.schema_version + 1):
            connection.execute(step)
            connection.execute("UPDATE schema_version SET version = %s", (number,))
    return backup


def _refuse_content(connection: Transaction) -> None:
    filled = [table for table in ("tickets", "api_keys", "audit") if _count(connection, table)]
    if filled:
        raise InputError(
            f"The database holds something already ({', '.join(filled)}), and nothing of it is replaced; "
            "restore into an empty one: another --data FOLDER, or another database"
        )


def _make_tables(connection: Transaction, version: int) -> None:
    """Make the empty tables anew as they were at a version."""
    connection.execute("DROP SCHEMA ticketkin CASCADE")
    connection.execute("CREATE SCHEMA ticketkin")
    connection.execute("CREATE TABLE schema_version (version integer NOT NULL)")
    connection.execute("INSERT INTO schema_version VALUES (%s)", (version,))
    for step in MIGRATIONS[:version]:
        connection.execute(step)
    connection.execute("DELETE FROM installation")  # the row of the backup takes its place


def _fill(connection: Transaction, archive: zipfile.ZipFile, table: str, backup: Backup) -> None:
    try:
        with (
            archive.open(_member(table)) as stream,
            connection.cursor() as cursor,
            cursor.copy(_copy(table, backup.columns[table], "FROM STDIN")) as copy,
        ):
            while block := stream.read(_BLOCK_BYTES):
                copy.write(block)
    except psycopg.Error as error:
        raise UnreadableFileError(
            f"The table {table} of the backup can't be read: {first_line(error)}. Nothing was restored"
        ) from error
    if _count(connection, table) != backup.rows[table]:
        raise UnreadableFileError(f"The table {table} of the backup is not whole. Nothing was restored")


def _member(table: str) -> str:
    return f"tables/{table}.copy"


def _copy(table: str, columns: list[str], way: str) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    # Both ways are constants of this module.
    return sql.SQL("COPY {} ({}) {}").format(sql.Identifier(table), names, sql.SQL(way))


def _tables(connection: Transaction) -> list[str]:
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> %s "
        "ORDER BY tablename",
        (_VERSION_TABLE,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def _columns(connection: Transaction, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position",
        (table,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def _parents_first(connection: Transaction) -> list[str]:
    """Return the tables, each after those that it refers to."""
    rows = connection.execute(
        """
        SELECT own.relname, other.relname FROM pg_constraint
        JOIN pg_class AS own ON own.oid = conrelid JOIN pg_class AS other ON other.oid = confrelid
        WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conrelid <> confrelid
        """
    ).fetchall()
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(_tables(connection), ()))
    for own, other in rows:
        order.add(str(own), str(other))
    return list(order.static_order())


def _sequences(connection: Transaction) -> dict[str, int]:
    rows = connection.execute(
        "SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = current_schema()"
    ).fetchall()
    return {str(name): int(last) for name, last in rows}


def _count(connection: Transaction, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return int(row[0]) if row is not None else 0


def _schema_version(connection: Transaction) -> int:
    row = connection.execute("SELECT version FROM schema_version").fetchone()
    return int(row[0]) if row is not None else 0
