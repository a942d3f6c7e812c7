"""Archives are read in memory, file by file: whatever is in them, nothing is written or expanded beyond its size."""

import gzip
import io
import tarfile
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnn_study.data.sources.layouts import UNREADABLE, read_members

LIMIT = 10_000
GOOD = tarfile.TarInfo("data/a")
KINDS = {"link": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "device": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE}


def archive(members, mode="w:gz"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return io.BytesIO(file.getvalue())


def member(name, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("name", ["../a", "data/../../a", "../../../../etc/passwd", "data/x/../../../a"])
def test_a_member_that_leads_outside_refuses_the_archive(name):
    with pytest.raises(tarfile.FilterError):
        read_members(archive([(member("data/a"), b"1"), (member(name), b"2")]), "data", ["a"], LIMIT)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_never_followed(kind, target):
    with pytest.raises((tarfile.FilterError, ValueError)):
        read_members(archive([(member("data/a", KINDS[kind], target), b"")]), "data", ["a"], LIMIT)


def test_an_absolute_name_is_no_other_file():
    with pytest.raises(ValueError, match="no a in data"):
        read_members(archive([(member("/etc/a"), b"1")]), "data", ["a"], LIMIT)


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_bomb_is_not_expanded(name):
    content = bytes(10**8)
    bomb = archive([(member(f"data/{name}"), gzip.compress(content) if name.endswith("gz") else content)])
    del content
    tracemalloc.start()
    with pytest.raises(ValueError, match="larger than the data set can be"):
        read_members(bomb, "data", ["a"], LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7


def test_many_files_together_have_one_limit():
    files = [(member(f"data/{name}"), bytes(LIMIT // 2)) for name in "abc"]
    with pytest.raises(ValueError, match="larger than the data set can be"):
        read_members(archive(files), "data", list("abc"), LIMIT)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["data/a", "data/b", "./data/a", "../a", "/a", "data/../data/a"]) | st.text(max_size=8),
            st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, *KINDS.values()]),
            st.sampled_from(["", "a", "../../a", "/etc/passwd"]),
            st.binary(max_size=20),
        ),
        max_size=4,
    ),
    st.integers(0, 400),
    st.binary(max_size=3),
)
def test_an_archive_gives_the_files_or_a_reason_and_writes_nothing(tmp_path, monkeypatch, members, place, other):
    monkeypatch.chdir(tmp_path)
    data = archive([(member(name, kind, target), content) for name, kind, target, content in members], "w:").getvalue()
    data = data[:place] + other + data[place + len(other) :]
    try:
        found = read_members(io.BytesIO(data), "data", ["a"], LIMIT)
    except UNREADABLE:
        found = {}
    assert set(found) <= {"a"}
    assert not list(tmp_path.iterdir())
