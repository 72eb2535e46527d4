"""A Valkey of the notebook's own: which one is taken, and how it ends."""

import os
import signal
import subprocess
import sys

import pytest
from machine import NO_PROXIES
from waiting import wait_until

from labserver import storage

KEEPS = """from labserver.storage import run_valkey
lab = run_valkey()
print(lab.url, flush=True)
input()
"""

needs_valkey = pytest.mark.skipif(not storage.find(), reason=storage.NONE_HERE)


def test_the_one_that_the_environment_names_is_taken_and_left_alone(monkeypatch, capsys):
    monkeypatch.setenv("LABSERVER_STORE", "valkey://ann:secret@127.0.0.1:7")
    named = storage.run_valkey()
    assert (named.url, named.own) == ("valkey://ann:secret@127.0.0.1:7", False)
    assert "secret" not in repr(named)
    named.restart()
    named.stop()
    assert "not restarted" in capsys.readouterr().out


def test_it_shows_no_password_of_a_query():
    assert "secret" not in repr(storage.Valkey("valkey://127.0.0.1:7?password=secret"))


@needs_valkey
def test_it_has_no_command_that_writes_files_or_runs_code():
    """Another user of the machine reaches it, and it runs as the user who started it."""
    from valkey import ResponseError, Valkey

    store = storage.Valkey(program=storage.find())
    with Valkey.from_url(store.url) as client:
        for command in ("CONFIG SET dir .", "MODULE LOAD ./any.so"):
            with pytest.raises(ResponseError, match="unknown command"):
                client.execute_command(*command.split())
    store.stop()


def test_where_there_is_none_a_line_says_so(monkeypatch, capsys):
    monkeypatch.delenv("LABSERVER_STORE", raising=False)
    monkeypatch.setattr(storage, "find", lambda: None)
    assert storage.run_valkey() is None
    assert capsys.readouterr().out == f"{storage.NONE_HERE}\n"


@needs_valkey
def test_restarted_it_is_empty_and_at_the_same_address():
    from valkey import Valkey

    store = storage.Valkey(program=storage.find())
    url = store.url
    with Valkey.from_url(url) as client:
        client.set("tea", "green")
        store.restart()
        assert store.url == url and client.get("tea") is None
    store.stop()
    store.stop()
    assert not store._answers()


@needs_valkey
def test_a_second_one_under_the_same_name_ends_the_first():
    lab = storage.run_valkey()
    first = lab.url
    lab = storage.run_valkey()
    try:
        assert lab.url != first
        ended = storage.Valkey(first)
        assert lab._answers() and not ended._answers()
    finally:
        lab.stop()


@needs_valkey
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_it_ends_when_the_process_that_started_it_is_killed():
    environment = {k: v for k, v in NO_PROXIES.items() if k != "LABSERVER_STORE"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", KEEPS]
    with subprocess.Popen(command, env=environment, **pipes) as parent:
        parent.stdout.readline()
        store = storage.Valkey(parent.stdout.readline().strip())
        assert store._answers()
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not store._answers())
