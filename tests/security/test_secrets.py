"""Passwords in the address of an MLflow store reach no message, no command line and nothing that is logged."""

import io
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_study.tracking import TrackingError, serve, server
from cnn_study.tracking.store import check_store, without_password, without_user

SECRET = "hush-hush"  # noqa: S105 - what must not be seen
ADDRESSES = [
    f"http://user:{SECRET}@127.0.0.1:9",
    f"http://:{SECRET}@127.0.0.1:9",
    f"http://{SECRET}@127.0.0.1:9",
    f"http://user:p/{SECRET}@127.0.0.1:9/x",
    f"http://user:p@{SECRET}@127.0.0.1:9",
    f"http://user:{SECRET}:more@127.0.0.1:9",
    f"http://127.0.0.1:9/?user=u&password={SECRET}",
    f"http://127.0.0.1:9/?token={SECRET}&x=1",
]
letters = st.characters(exclude_characters="&;", exclude_categories=("Z", "C"))


@pytest.mark.parametrize("uri", ADDRESSES)
def test_an_address_is_shown_without_what_is_secret(uri):
    assert SECRET not in without_password(uri)
    assert "127.0.0.1:9" in without_password(uri)
    assert SECRET not in without_password(f"cannot connect to {uri}: refused")


@settings(deadline=None, max_examples=200)
@given(st.text(letters, min_size=1, max_size=20))
def test_whatever_the_password_is_made_of(password):
    marked = f"{SECRET}{password}{SECRET}"
    for uri in (f"postgresql://user:{marked}@host/db", f"http://user:{marked}@host"):
        assert SECRET not in without_password(uri)
        assert SECRET not in without_user(uri)


@pytest.mark.parametrize("uri", ["sqlite:////home/me@work/mlflow.db", "http://127.0.0.1:5000", "http://host/a"])
def test_addresses_without_secrets_stay_as_they_are(uri):
    assert without_password(uri) == without_user(uri) == uri


@pytest.mark.parametrize("uri", ADDRESSES[:3])
def test_a_server_that_is_away_is_named_without_its_password(uri):
    with pytest.raises(TrackingError) as raised:
        check_store(uri)
    assert SECRET not in str(raised.value)


def test_a_server_that_is_there_is_named_without_its_password(capsys):
    assert serve(ADDRESSES[0]) == 0
    assert capsys.readouterr().out == "MLflow is there already: http://127.0.0.1:9\n"


def test_the_address_of_the_store_is_in_no_command_line(monkeypatch):
    started = []

    class Process(subprocess.Popen):
        def __init__(self, command, env, **_):
            started.append((command, env))
            raise OSError("not started")

    monkeypatch.setattr(server.subprocess, "Popen", Process)
    with (
        pytest.raises(OSError, match="not started"),
        server._server(f"postgresql://u:{SECRET}@h", 1, "h", io.BytesIO()),
    ):
        pass
    ((command, environment),) = started
    assert SECRET not in " ".join(command)
    assert SECRET in environment["MLFLOW_BACKEND_STORE_URI"]


def test_what_the_server_says_is_told_without_passwords():
    log = io.BytesIO(f"Could not parse postgresql://u:{SECRET}@host".encode())
    assert server._last_line(log) == "Could not parse postgresql://u:***@host"
