"""A folder for a while is cleared away by whoever comes next, if its process was killed."""

from course_lib.grading.scratch import OURS, scratch


def test_folders_that_nobody_holds_are_removed_whatever_they_were_for_and_no_others(tmp_path):
    forgotten, strange = tmp_path / f"{OURS}wall-1", tmp_path / "somebody-elses"
    with scratch("register", tmp_path) as held:
        for folder in (forgotten, strange):
            folder.mkdir()
        with scratch("station", tmp_path) as made:
            assert set(tmp_path.iterdir()) == {held, strange, made}
    assert list(tmp_path.iterdir()) == [strange]
