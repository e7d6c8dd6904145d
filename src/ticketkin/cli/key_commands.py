"""Commands for the keys of a service: who may use it."""

from datetime import timedelta
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.options import (
    JsonOption,
)
from ticketkin.cli.service_options import BundleFolder, DataOption, extra_named
from ticketkin.cli.tables import show_table
from ticketkin.core.errors import InputError

keys = typer.Typer(help="Keys of a service: who may use it.", no_args_is_help=True)


@keys.command("create")
def create(
    folder: BundleFolder,
    name: Annotated[str, typer.Argument(help="Who it is for: a person or a program.", metavar="NAME")],
    role: Annotated[str, typer.Option("--role", help="agent, reviewer or administrator.")] = "agent",
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="How long it opens; default: always.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Make a key and print it, once: the database keeps its hash alone.

    \b
    Examples:
      ticketkin keys create kin-june "service desk page" --role agent
      ticketkin keys create kin-june "ticket system" --role administrator --days 365

    An agent asks; a reviewer also says what tickets are to each other; an administrator also stores and
    deletes tickets.
    """
    with extra_named():
        from ticketkin.service.place import Place
        from ticketkin.store.audit import put_audit
        from ticketkin.store.keys import Role, create_key

    if role not in list(Role):
        raise InputError(f"--role {role!r} is not known; allowed are {', '.join(Role)}")
    if not name.strip() or len(name) > 200:
        raise InputError("NAME is blank or longer than 200 characters; say who the key is for")
    with Place.of(folder, data).database() as database, database.transaction() as connection:
        lasts = None if days is None else timedelta(days=days)
        key_id, key = create_key(connection, name.strip(), Role(role), lasts)
        put_audit(connection, "command line", f"created key {key_id}")
    screen.print(key, soft_wrap=True)
    errors.print(
        f"Key {key_id} of {name.strip()}. It is shown this once; keep it as a password", soft_wrap=True
    )


@keys.command("list")
def list_(folder: BundleFolder, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show who has a key, and until when.

    \b
    Example:
      ticketkin keys list kin-june
    """
    with extra_named():
        from ticketkin.service.place import Place
        from ticketkin.store.keys import listed_keys

    with Place.of(folder, data).existing_database() as database, database.transaction() as connection:
        listed = listed_keys(connection)
    if as_json:
        print_json([
            {
                "key_id": key.key_id,
                "name": key.name,
                "role": key.role.value,
                "opens": key.opens,
                "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
            }
            for key in listed
        ])  # fmt: skip
        return
    rows = []
    for key in listed:
        until = "always" if key.expires_at is None else f"until {key.expires_at:%Y-%m-%d}"
        rows.append((key.key_id, key.name, key.role.value, until if key.opens else "no more"))
    show_table(screen, ("key", "name", "role", "opens"), rows, folds=(1,))


@keys.command("revoke")
def revoke(
    folder: BundleFolder,
    key_id: Annotated[str, typer.Argument(help="As keys list shows it.", metavar="KEY")],
    data: DataOption = None,
) -> None:
    """Let a key open nothing any more, within ten seconds in every process.

    \b
    Example:
      ticketkin keys revoke kin-june KEY
    """
    with extra_named():
        from ticketkin.service.place import Place
        from ticketkin.store.audit import put_audit
        from ticketkin.store.keys import revoke_key

    with Place.of(folder, data).existing_database() as database, database.transaction() as connection:
        if not revoke_key(connection, key_id):
            raise InputError(f"There is no key {key_id!r} that opens anything; see ticketkin keys list")
        put_audit(connection, "command line", f"revoked key {key_id}")
    screen.print(f"Key {key_id} opens nothing any more")
