"""Experiments: what is recorded, what is measured again, what a crash leaves behind."""

import json
import platform
from dataclasses import replace

import numpy as np
import pytest

from course_lib.training import machine
from course_lib.training.experiment import Claim, load, run

CLAIM = Claim("toy", "Two is more than one.", "a number", "one", smallest_effect=0.1)


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "experiments" / "toy.py"
    path.parent.mkdir()
    path.write_text("# an experiment\n")
    return str(path)


class Meter:
    """A measurement that remembers which seeds it was asked for."""

    def __init__(self, fail_at=None):
        self.seeds, self.fail_at = [], fail_at

    def __call__(self, seed, device, minutes):
        if seed == self.fail_at:
            raise RuntimeError("power cut")
        self.seeds.append(seed)
        return {"score": 1.5 + seed, "curve": np.arange(3), "device": device}


def results(script):
    return machine.Path(script).parent / "results"


def test_a_run_records_every_seed_and_load_gives_it_back(script):
    record = run("toy", CLAIM, Meter(), script, [])
    assert record == load("toy", results(script))
    assert record.seeds == (0, 1, 2)
    assert record.figures[2] == {"score": 3.5, "curve": [0, 1, 2], "device": "cpu"}
    assert record.column("score") == [1.5, 2.5, 3.5]
    assert record.claim == CLAIM
    assert set(record.seconds) == {0, 1, 2}


def test_the_record_says_where_it_comes_from_but_not_which_host_or_folder(script, tmp_path):
    record = run("toy", CLAIM, Meter(), script, ["--minutes", "3", "--seeds", "2", "0", "1"])
    text = (results(script) / "toy.json").read_text()
    assert record.command == "python toy.py --device cpu --seeds 0 1 2 --minutes 3"
    assert record.versions["torch"]
    assert record.cpu
    assert record.date[:2] == "20"
    assert str(tmp_path) not in text
    assert platform.node() not in text
    for part in (record.date, record.cpu, record.command, "seeds 0, 1, 2"):
        assert part in record.machine


def test_scripts_of_the_repository_are_named_from_its_root():
    assert machine.relative(machine.ROOT / "experiments" / "x.py") == "experiments/x.py"


def test_a_stopped_run_goes_on_where_it_was(script):
    with pytest.raises(RuntimeError, match="power cut"):
        run("toy", CLAIM, Meter(fail_at=2), script, [])
    with pytest.raises(ValueError, match="recorded experiment"):
        load("toy", results(script))
    meter = Meter()
    assert run("toy", CLAIM, meter, script, []).seeds == (0, 1, 2)
    assert meter.seeds == [2]
    assert [file.name for file in results(script).iterdir()] == ["toy.json"]


def test_a_finished_run_is_not_measured_again_unless_asked(script):
    run("toy", CLAIM, Meter(), script, [])
    again, fresh, more = Meter(), Meter(), Meter()
    run("toy", CLAIM, again, script, [])
    run("toy", CLAIM, fresh, script, ["--fresh"])
    record = run("toy", CLAIM, more, script, ["--seeds", "1", "7"])
    assert (again.seeds, fresh.seeds, more.seeds) == ([], [0, 1, 2], [7])
    assert record.seeds == (0, 1, 2, 7)
    assert "--seeds 0 1 2 7" in record.command


@pytest.mark.parametrize("change", ["code", "claim"])
def test_another_code_or_claim_measures_everything_again(script, change):
    run("toy", CLAIM, Meter(), script, [])
    claim = CLAIM
    if change == "code":
        machine.Path(script).write_text("# another experiment\n")
    else:
        claim = replace(CLAIM, smallest_effect=0.2)
    meter = Meter()
    run("toy", claim, meter, script, [])
    assert meter.seeds == [0, 1, 2]


def test_a_failing_rerun_leaves_the_old_record(script):
    old = run("toy", CLAIM, Meter(), script, [])
    with pytest.raises(RuntimeError):
        run("toy", CLAIM, Meter(fail_at=1), script, ["--fresh"])
    assert load("toy", results(script)) == old


def test_no_seed_begins_after_the_minutes_are_spent(script):
    def slow(seed, device, minutes):
        assert minutes <= 0.001
        machine.subprocess.run(["sleep", "0.1"], check=True)
        return {"score": 1}

    assert run("toy", CLAIM, slow, script, ["--minutes", "0.001"]) is None
    assert run("toy", CLAIM, slow, script, ["--minutes", "0.001"]) is None
    assert run("toy", CLAIM, slow, script, ["--minutes", "0.001"]).seeds == (0, 1, 2)


@pytest.mark.parametrize("figure", [float("nan"), object(), [1.0, float("inf")]])
def test_a_figure_that_json_cannot_hold_is_refused_by_name(script, figure):
    with pytest.raises(ValueError, match="'score'"):
        run("toy", CLAIM, lambda *_: {"score": figure}, script, [])


def test_a_damaged_record_is_an_error_that_names_the_file(script):
    run("toy", CLAIM, Meter(), script, [])
    path = results(script) / "toy.json"
    for text in ("{", "[]", json.dumps({"name": "toy"})):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"toy\.json must"):
            load("toy", results(script))


@pytest.mark.parametrize("argv", [["--minutes", "0"], ["--device", "tpu"], ["--seeds", "one"]])
def test_a_bad_command_line_stops_with_a_message(script, argv, capsys):
    with pytest.raises(SystemExit):
        run("toy", CLAIM, Meter(), script, argv)
    assert argv[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    "change", [{"seeds": (0, 1)}, {"seeds": (0, 1, 1)}, {"metric": " "}, {"smallest_effect": -1.0}]
)
def test_a_claim_must_be_complete(change):
    with pytest.raises(ValueError, match=f"^{next(iter(change))} must"):
        replace(CLAIM, **change)


def test_the_revision_is_dirty_only_while_a_file_differs_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    file, other = tmp_path / "a.py", tmp_path / "b.py"
    file.write_text("1")
    assert machine.revision([file]) == ("unknown", True)
    for command in (
        ["init", "-q"],
        ["add", "a.py"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "one"],
    ):
        machine.subprocess.run(["git", *command], cwd=tmp_path, check=True)
    other.write_text("not in git")
    head, dirty = machine.revision([file])
    assert (len(head), dirty) == (40, False)
    assert machine.revision([file, other])[1]
    file.write_text("2")
    assert machine.revision([file])[1]
