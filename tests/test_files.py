"""A reader never meets half of a file."""

import stat
from pathlib import Path

import pytest

from course_lib.files import atomic_write


def test_an_error_inside_the_block_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "vectors.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(target) as file:
        file.write("half of the new")
        file.flush()
        assert target.read_text() == "old"
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_new_content_replaces_the_old_and_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    target.chmod(0o640)
    with atomic_write(target, "wb") as file:
        file.write(b"\x00new")
    assert target.read_bytes() == b"\x00new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_appending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mode must be 'w' or 'wb'"), atomic_write(tmp_path / "a", "a"):
        pass
