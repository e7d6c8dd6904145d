"""What was deleted is in no file of the database, whoever was reading meanwhile."""

from contextlib import ExitStack
from pathlib import Path
from threading import Thread

from ticketkin.store.database import Database
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.erasing import rewrite_tables

_WORD = "limescale-in-the-espresso-machine"


def files_with(folder: Path, word: str) -> list[str]:
    return [str(path) for path in folder.rglob("base/*/*") if word.encode() in path.read_bytes()]


def test_a_reader_of_before_does_not_keep_what_was_deleted(
    postgres: EmbeddedServer, database_url: str
) -> None:
    with Database(database_url) as database, Database(database_url) as other:
        with database.transaction() as connection:
            connection.execute(
                "INSERT INTO api_keys (key_id, hash, name, role) VALUES ('1', '', %s, 'agent')", (_WORD,)
            )
        reading = ExitStack()
        reader = reading.enter_context(other.transaction())
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")  # sees all tables as they are now, and locks none
        with database.transaction() as connection:
            connection.execute("DELETE FROM api_keys")
        rewriting = Thread(target=rewrite_tables, args=(database,))
        rewriting.start()
        rewriting.join(0.5)
        assert rewriting.is_alive(), "it waits for the reader"
        reading.close()
        rewriting.join(60)
        assert not rewriting.is_alive()
        with database.outside_transactions() as connection:
            connection.execute("CHECKPOINT")
        assert files_with(postgres.folder, _WORD) == []
