"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from backprop.files import write_atomically


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_an_old_file_and_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.bin"
    write_atomically(path, b"one")
    assert path.read_bytes() == b"one"
    write_atomically(str(path), b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(path.parent) == ["x.bin"]


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("n" * 255), b"one")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"one"


def test_the_permissions_are_those_of_any_new_file_or_the_ones_asked_for(tmp_path: Path, umask: None) -> None:
    write_atomically(tmp_path / "x", b"")
    assert permissions(tmp_path / "x") == 0o640
    write_atomically(tmp_path / "x", b"", mode=0o600)
    assert permissions(tmp_path / "x") == 0o600
    write_atomically(tmp_path / "x", b"", mode=0o666)
    assert permissions(tmp_path / "x") == 0o666


def test_nobody_else_could_have_opened_a_private_file_while_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    chmod = os.chmod
    monkeypatch.setattr(os, "chmod", lambda path, mode: (seen.append(permissions(Path(path))), chmod(path, mode)))
    write_atomically(tmp_path / "x", b"secret", mode=0o600)
    assert seen == [0o600]


class FullDisk(io.BytesIO):
    def write(self, content: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(path: Path, how: str, opener: object) -> io.BytesIO:
    path.touch()
    return FullDisk()


def test_a_full_disk_leaves_the_old_file_and_nothing_else_and_the_error_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr("backprop.files.open", full_disk, raising=False)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(path, b"new")
    assert caught.value.filename == str(path) and caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x.bin"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, PermissionError])
def test_when_it_is_stopped_before_the_end_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")

    def stopped(source: Path, target: Path) -> None:
        assert Path(source).read_bytes() == b"new" and Path(source).parent == tmp_path
        raise stop

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(stop if stop is KeyboardInterrupt else OSError):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x.bin"]


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for path, reason in ((tmp_path / "file" / "x", "Not a directory"), (tmp_path / "folder", "Is a directory")):
        with pytest.raises(OSError) as caught:
            write_atomically(path, b"new")
        assert (caught.value.filename, caught.value.strerror) == (str(path), reason)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
