"""python start.py: what it says, what it runs, and that it never touches a student's work."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

FOR_STUDENTS = Path(__file__).parents[2] / "tools" / "for_students"
sys.path.insert(0, str(FOR_STUDENTS))

from launcher import command, course, doctor, machine, work  # noqa: E402


class FakeTools:
    """Stands for python -m venv and pip: remembers what was asked, answers as it is told."""

    def __init__(self, answers=()):
        self.asked, self.answers = [], dict(answers)

    def __call__(self, line, folder, environment):
        self.asked.append(" ".join(line))
        if "venv" in line:
            python = Path(machine.venv_python(Path(line[-1]), windows=sys.platform == "win32"))
            python.parent.mkdir(parents=True)
            python.touch()
        for part, answer in self.answers.items():
            if part in self.asked[-1]:
                return answer
        return 0, ""

    def installs(self):
        return [line.split(" -m ")[1] for line in self.asked if "pip install" in line]


@pytest.fixture
def package(tmp_path):
    """A course's folder with one assignment, in a place with a blank and Chinese characters."""
    root = tmp_path / "我的 course" / "student"
    (root / "assignments" / "gelu" / "data").mkdir(parents=True)
    (root / "assignments" / "gelu" / "gelu.ipynb").write_text("first", encoding="utf-8")
    (root / "assignments" / "gelu" / "data" / "x.npy").write_bytes(b"1")
    for name in ("pyproject.toml", "constraints.txt"):
        (root / name).write_text(name)
    return root


def start(package, *arguments, tools=None):
    return command.main(arguments, package, tools or FakeTools())


def my_work(package, name="gelu"):
    return package.parent / "my-work" / name / f"{name}.ipynb"


def release(package, name, text):
    (package / "assignments" / name).mkdir(exist_ok=True)
    (package / "assignments" / name / f"{name}.ipynb").write_text(text, encoding="utf-8")


# ---- the way to the first line of Python ----


def version_problem(version, windows=False):
    namespace = {"__name__": "start"}
    exec((FOR_STUDENTS / "start.py").read_text("utf-8"), namespace)
    return namespace["version_problem"](version, "/usr/bin/python", windows)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 9), (3, 13, 1)])
def test_a_supported_python_goes_on(version):
    assert version_problem(version) == ""


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 9, 6), (3, 10, 1), (3, 14, 0)])
def test_another_python_is_told_what_to_type(version):
    said = version_problem(version)
    assert ".".join(map(str, version)) in said
    assert "python3.12 start.py" in said
    assert "py -3.12 start.py" in version_problem(version, windows=True)


def test_start_itself_is_written_so_that_old_pythons_can_read_it():
    """No annotations, no f-strings, no names that only new versions have."""
    import ast

    tree = ast.parse((FOR_STUDENTS / "start.py").read_text("utf-8"), feature_version=(3, 4))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr)
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None


def test_run_from_inside_the_zip_it_says_to_unpack(tmp_path):
    (tmp_path / "start.py").write_bytes((FOR_STUDENTS / "start.py").read_bytes())
    run = subprocess.run([sys.executable, tmp_path / "start.py"], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Unpack the whole zip" in run.stderr


def test_the_launcher_needs_the_standard_library_alone():
    code = (
        f"import sys; sys.path[:0] = [{str(FOR_STUDENTS)!r}]; import launcher.command\n"
        "known = {'launcher', '__main__', *sys.stdlib_module_names}\n"
        "others = {name.split('.')[0] for name in sys.modules} - known\n"
        "assert not {name for name in others if name[0] != '_'}, others"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


# ---- paths ----


def test_the_python_of_the_environment_is_where_each_system_puts_it():
    windows = PureWindowsPath(r"C:\Users\小明\my course\student\.venv")
    assert str(machine.venv_python(windows, True)).endswith(r"student\.venv\Scripts\python.exe")
    assert str(machine.venv_python(PurePosixPath("/a b/.venv"), False)) == "/a b/.venv/bin/python"


@pytest.mark.parametrize(
    ("place", "course_folder", "work_folder", "root", "url"),
    [
        (PureWindowsPath, r"C:\nlp 课\student", r"C:\nlp 课\my-work", r"C:\nlp 课", "/lab/tree/my-work"),
        (PureWindowsPath, r"C:\student", r"C:\my-work", r"C:\my-work", "/lab"),
        (PureWindowsPath, r"C:\nlp\student", r"D:\work", r"D:\work", "/lab"),
        (PureWindowsPath, r"C:\nlp\student", r"C:\nlp\作业 1", r"C:\nlp", "/lab/tree/%E4%BD%9C%E4%B8%9A%201"),
        (PurePosixPath, "/home/a/nlp/student", "/home/a/nlp/my-work", "/home/a/nlp", "/lab/tree/my-work"),
        (PurePosixPath, "/opt/student", "/home/a/my-work", "/home/a/my-work", "/lab"),
        (PurePosixPath, "/home/a/s", "/home/a/s/w", "/home/a/s", "/lab/tree/w"),
    ],
)
def test_jupyterlab_shows_the_folder_that_holds_course_and_work(place, course_folder, work_folder, root, url):
    shown = machine.lab_root(place(course_folder), place(work_folder))
    assert shown == place(root)
    assert machine.lab_url(shown, place(work_folder)) == url


def test_a_machine_that_cannot_work_is_told_so_before_anything_is_downloaded():
    def said(*facts):
        return " ".join(machine.machine_problems(*facts))

    assert "64" in said("Windows", "x86", 32, "C:\\nlp")
    assert "Intel" in said("Darwin", "x86_64", 64, "/Users/a")
    assert "shorter" in said("Windows", "AMD64", 64, "C:\\" + "a" * 120)
    for fine in (("Darwin", "arm64", 64, "/a" * 80), ("Linux", "x86_64", 64, "/a" * 80)):
        assert said(*fine) == ""


# ---- which PyTorch ----


@pytest.mark.parametrize(
    ("system", "nvidia", "wanted", "pip_config", "small"),
    [
        ("Linux", False, "auto", "", True),
        ("Linux", False, "auto", "global.extra-index-url='https://more'\n:env:.find-links='/wheels'", True),
        ("Linux", False, "auto", "global.index-url='https://mirror/simple'", False),
        ("Linux", False, "auto", ":env:.no-index='1'", False),
        ("Linux", False, "cpu", "global.index-url='https://mirror/simple'", True),
        ("Linux", True, "auto", "", False),
        ("Linux", False, "default", "", False),
        ("Windows", False, "auto", "", False),
        ("Darwin", False, "auto", "", False),
    ],
)
def test_the_small_pytorch_is_chosen_where_there_is_one_and_pip_is_not_told_otherwise(
    system, nvidia, wanted, pip_config, small
):
    options, _ = machine.torch_options(system, nvidia, wanted, pip_config)
    assert options == (["--index-url", machine.CPU_WHEELS] if small else [])


def test_it_installs_once_and_again_only_after_a_change(package, monkeypatch):
    monkeypatch.setattr(course, "has_nvidia", lambda: True)
    tools = FakeTools()
    assert start(package, "--setup-only", tools=tools) == 0
    assert tools.installs() == ["pip install -c constraints.txt -e .[book,student]"]
    again = FakeTools()
    start(package, "--setup-only", tools=again)
    assert again.installs() == []
    (package / "constraints.txt").write_text("newer")
    updated = FakeTools()
    start(package, "--setup-only", tools=updated)
    assert len(updated.installs()) == 1
    assert not any("venv" in line.split() for line in updated.asked)  # the environment itself stays


def test_a_moved_folder_is_installed_again(package, monkeypatch):
    monkeypatch.setattr(course, "has_nvidia", lambda: True)
    start(package, "--setup-only")
    moved = package.rename(package.with_name("elsewhere"))
    tools = FakeTools()
    start(moved, "--setup-only", tools=tools)
    assert len(tools.installs()) == 1


def test_an_environment_whose_python_is_gone_is_made_anew(package, monkeypatch):
    monkeypatch.setattr(course, "has_nvidia", lambda: True)
    start(package, "--setup-only")
    python = Path(machine.venv_python(package / ".venv", sys.platform == "win32"))
    python.unlink()
    tools = FakeTools()
    start(package, "--setup-only", tools=tools)
    assert any("-m venv" in line for line in tools.asked)


def test_when_pytorchs_own_index_is_out_of_reach_pips_is_used(package, monkeypatch, capsys):
    monkeypatch.setattr(course, "has_nvidia", lambda: False)
    monkeypatch.setattr(course.platform, "system", lambda: "Linux")
    tools = FakeTools({"--index-url": (1, "unreachable")})
    assert start(package, "--setup-only", tools=tools) == 0
    assert "cannot be reached" in capsys.readouterr().out
    assert "--index-url" not in tools.installs()[-1]


def test_where_the_tested_versions_do_not_exist_the_newest_are_taken(package, monkeypatch):
    monkeypatch.setattr(course, "has_nvidia", lambda: True)
    tools = FakeTools({"-c constraints.txt": (1, "ERROR: No matching distribution found for numpy==2.4.6")})
    assert start(package, "--setup-only", tools=tools) == 0
    assert tools.installs()[-1] == "pip install -e .[book,student]"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying ... NewConnectionError('Temporary failure in name resolution')", "network"),
        ("PermissionError: [WinError 32] The process cannot access the file", "in use"),
        ("error: something new", "error: something new"),
    ],
)
def test_a_failed_installation_says_why_and_is_not_taken_for_done(package, monkeypatch, capsys, log, said):
    monkeypatch.setattr(course, "has_nvidia", lambda: True)
    tools = FakeTools({"-e .[": (1, log)})
    assert start(package, "--setup-only", tools=tools) == 1
    assert said in capsys.readouterr().err
    assert log in (package / "start.log").read_text("utf-8")
    assert not (package / ".venv" / course.STAMP).exists()


def test_a_package_called_timeout_is_no_network_problem():
    assert course.why_it_failed("Collecting pytest-timeout\nERROR: No matching distribution") == ""


def test_a_full_disk_is_noticed_before_the_download(package, monkeypatch, capsys):
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2**30}))
    tools = FakeTools()
    assert start(package, "--setup-only", tools=tools) == 1
    assert "needs 4 GB" in capsys.readouterr().err
    assert tools.installs() == []


# ---- the student's work ----


def test_each_assignment_is_copied_beside_the_course(package, capsys):
    assert start(package, "--setup-only") == 0
    assert my_work(package).read_text("utf-8") == "first"
    assert (my_work(package).parent / "data" / "x.npy").read_bytes() == b"1"
    assert "new assignment" in capsys.readouterr().out


def test_work_that_was_begun_is_never_written_over(package, capsys):
    start(package, "--setup-only")
    my_work(package).write_text("mine", encoding="utf-8")
    release(package, "gelu", "second")
    release(package, "fusion", "another")
    start(package, "--setup-only")
    assert my_work(package).read_text("utf-8") == "mine"
    assert (package.parent / "my-work" / "gelu-updated" / "gelu.ipynb").read_text("utf-8") == "second"
    assert my_work(package, "fusion").read_text("utf-8") == "another"
    assert "Yours is left as it is" in capsys.readouterr().out


def test_the_new_version_is_put_there_once_and_a_third_one_beside_it(package):
    start(package, "--setup-only")
    my_work(package).write_text("mine", encoding="utf-8")
    folder = package.parent / "my-work"
    release(package, "gelu", "second")
    for _ in range(3):
        start(package, "--setup-only")
    (folder / "gelu-updated" / "gelu.ipynb").write_text("mine again", encoding="utf-8")
    release(package, "gelu", "third")
    start(package, "--setup-only")
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == [
        "gelu",
        "gelu-updated",
        "gelu-updated-2",
    ]
    assert (folder / "gelu-updated" / "gelu.ipynb").read_text("utf-8") == "mine again"


def test_a_copy_that_nobody_has_begun_is_brought_up_to_date(package):
    start(package, "--setup-only")
    (my_work(package).parent / ".ipynb_checkpoints").mkdir()
    (my_work(package).parent / ".ipynb_checkpoints" / "gelu-checkpoint.ipynb").write_text("first")
    release(package, "gelu", "second")
    start(package, "--setup-only")
    assert my_work(package).read_text("utf-8") == "second"
    assert not (package.parent / "my-work" / "gelu-updated").exists()


def test_without_the_record_everything_there_is_the_students(package):
    start(package, "--setup-only")
    my_work(package).write_text("mine", encoding="utf-8")
    for _ in range(3):
        (package.parent / "my-work" / work.RECORD).write_text("{broken")
        start(package, "--setup-only")
    assert my_work(package).read_text("utf-8") == "mine"
    assert (package.parent / "my-work" / "gelu-updated").is_dir()
    assert not (package.parent / "my-work" / "gelu-updated-2").exists()


def test_a_removed_copy_comes_back_and_another_students_file_stays(package):
    start(package, "--setup-only")
    notes = package.parent / "my-work" / "notes.txt"
    notes.write_text("mine")
    work.shutil.rmtree(my_work(package).parent)
    start(package, "--setup-only")
    assert my_work(package).read_text("utf-8") == "first"
    assert notes.read_text() == "mine"


def test_a_read_only_package_gives_a_copy_that_can_be_changed(package):
    (package / "assignments" / "gelu" / "gelu.ipynb").chmod(0o444)
    start(package, "--setup-only")
    assert my_work(package).stat().st_mode & 0o200


def test_a_fresh_copy_leaves_the_broken_one(package, capsys):
    start(package, "--setup-only")
    my_work(package).write_text("broken", encoding="utf-8")
    for _ in range(2):
        assert start(package, "--fresh", "gelu") == 0
    assert my_work(package).read_text("utf-8") == "broken"
    assert (package.parent / "my-work" / "gelu-fresh-2" / "gelu.ipynb").read_text("utf-8") == "first"
    assert start(package, "--fresh", "../..") == 1
    assert "there are: gelu" in capsys.readouterr().err


# ---- what is started ----


def test_jupyterlab_is_started_in_the_working_folder_with_the_courses_settings(package):
    here = course.Course(package, package.parent / "my-work", FakeTools())
    line = here.lab_command(browser=False, more=["--port", "8899"])
    assert line[1:3] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={package.parent}" in line
    assert line[-3:] == ["--no-browser", "--port", "8899"]
    settings = here.environment()
    assert settings["JUPYTER_CONFIG_PATH"].startswith(str(package / ".jupyter"))
    assert settings["PYTHONUTF8"] == "1"


def test_validate_takes_a_name_or_a_notebook_and_brackets_in_a_path_are_no_pattern(package, capsys):
    here = course.Course(package, package.parent / "my [1] work", FakeTools())
    work.update_work(package / "assignments", here.work)
    line = here.validate_command("gelu")
    assert "my [[]1] work" in line[-1]
    assert here.validate_command(str(here.work / "gelu" / "gelu.ipynb")) == line
    (here.work / "gelu").rename(here.work / "gelu-updated")
    assert here.validate_command("gelu-updated")[-1].endswith("gelu.ipynb")
    with pytest.raises(work.StopError, match="no notebook"):
        here.validate_command("nothing")


def test_a_dry_run_changes_nothing(package, capsys):
    assert start(package, "--dry-run", "--no-browser") == 0
    assert "jupyterlab" in capsys.readouterr().out
    assert not (package.parent / "my-work").exists()
    assert not (package / ".venv").exists()


def test_the_doctor_prints_versions_and_counts_problems(package, capsys, monkeypatch):
    versions = dict.fromkeys(doctor.PACKAGES, "1.0") | {"nbgrader": None}
    assert start(package, "--check") == 1
    assert "not installed" in capsys.readouterr().out
    start(package, "--setup-only")
    tools = FakeTools({"importlib.metadata": (0, "FOUND" + json.dumps(versions))})
    assert start(package, "--check", tools=tools) == 1
    said = capsys.readouterr().out
    assert "nbgrader is missing" in said
    assert "problems: 1" in said
    broken = FakeTools({"importlib.metadata": (1, "ImportError: libtorch")})
    start(package, "--check", tools=broken)
    assert "ImportError: libtorch" in capsys.readouterr().out


def test_what_a_command_prints_comes_back_whole_and_only_large_downloads_are_shown(tmp_path, capsys):
    lines = ["Downloading a.whl (12 kB)", "Downloading torch.whl (190.1 MB)", "Collecting 中文"]
    code, log = course.run_and_log(
        [sys.executable, "-c", f"for l in {lines!r}: print(l)"], tmp_path, {"PYTHONUTF8": "1"}
    )
    assert (code, log.split("\n")[:3]) == (0, lines)
    assert capsys.readouterr().out == "  Downloading torch.whl (190.1 MB)\n"


def test_a_terminal_that_cannot_show_chinese_does_not_stop_it(package):
    shutil.copytree(FOR_STUDENTS, package, dirs_exist_ok=True)
    (package / "course_lib").mkdir()
    run = subprocess.run(
        [sys.executable, str(package / "start.py"), "--dry-run"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert run.returncode == 0, run.stderr
    assert b"?? course" in run.stdout
