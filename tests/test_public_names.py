"""What `from ticketkin import …` promises."""

import importlib

import ticketkin


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    assert set(ticketkin.__all__) == set(ticketkin._HOME)
    for name in ticketkin.__all__:
        exported = getattr(ticketkin, name)
        assert exported.__doc__, name
        assert exported.__module__.startswith(importlib.import_module(ticketkin._HOME[name]).__package__)
