# ruff: noqa: E501  (an attack reads best on one line)
"""Attacks that want to know something: the hidden tests, their inputs, the expected values."""

import json

import pytest

from course_lib.grading.assignment import load_assignment

# The words are put together where they are searched for, so that a hit is never the search itself.
SEARCHES = {
    "objects in memory": """
        import gc
        for thing in gc.get_objects():
            if isinstance(thing, (dict, list, tuple)) and len(thing) < 10_000:
                for value in (thing.values() if isinstance(thing, dict) else thing):
                    if isinstance(value, (str, bytes)) and MARK + '_in' in str(value): print('FOUND', str(value)[:200])
    """,
    "frames above": """
        import sys
        frame = sys._getframe()
        while frame:
            if MARK + '_in' in repr(frame.f_locals) + repr(list(frame.f_globals)): print('FOUND')
            frame = frame.f_back
    """,
    "memory of this process and all others": """
        import os
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                for line in open(f'/proc/{pid}/maps'):
                    first, last = (int(x, 16) for x in line.split()[0].split('-'))
                    if 'rw' in line and last - first < 1 << 28:
                        with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
                            memory.seek(first)
                            if MARK.encode() + b'_in' in memory.read(last - first): print('FOUND', pid)
            except OSError: pass
    """,
    "arguments and surroundings of processes": """
        import os
        for pid in filter(str.isdigit, os.listdir('/proc')):
            for kind in ('cmdline', 'environ'):
                try:
                    if b'ipynb' in open(f'/proc/{pid}/{kind}', 'rb').read(): print('FOUND', pid)
                except OSError: pass
    """,
    "files of the course": """
        import os
        for folder in ('/', '/home', '/root', '/grader', '/mnt', '/srv', '/var', '/tmp', '/dev', '/etc'):
            for where, folders, names in os.walk(folder):
                if folder in ('/', '/root'): folders[:] = [f for f in folders if f in ('grader',)]
                if where == '/grader': folders[:] = [f for f in folders if f != 'venv']  # packages from PyPI
                for name in names:
                    if name.endswith(('.ipynb', '.db', '.npz')) or 'gradebook' in name: print('FOUND', where, name)
    """,
    "open descriptors": """
        import os
        for number in map(int, os.listdir('/proc/self/fd')):
            try: target = os.readlink(f'/proc/self/fd/{number}')
            except OSError: continue
            if not target.startswith(('socket:', '/dev/null')): print('FOUND', target)
            try:
                if MARK.encode() + b'_in' in os.pread(number, 1 << 20, 0): print('FOUND', number)
            except OSError: pass
    """,
    "IPython's history": """
        shell = get_ipython()
        for *_, text in list(shell.history_manager.get_range()) + [('', '', shell.user_ns.get('In'))]:
            if MARK + '_in' in str(text): print('FOUND')
    """,
    "the library's answers": """
        import sys
        for name in ('course_lib.nn.norm', 'course_lib', 'inside.tester', 'course_lib.grading.tester'):
            try: __import__(name); print('FOUND', name)
            except Exception: pass
        if any(name.split('.')[0] == 'course_lib' and module for name, module in sys.modules.items()): print('FOUND loaded')
    """,
}
MARK = "MARK = 'terces'[::-1]\n"


def source(text):
    lines = text.strip("\n").split("\n")
    cut = len(lines[0]) - len(lines[0].lstrip())
    return MARK + "\n".join(line[cut:] for line in lines)


@pytest.mark.parametrize("where", SEARCHES)
def test_a_cell_finds_nothing_in(where, attack, tools):
    graded = attack(extras=[source(SEARCHES[where])])
    assert "FOUND" not in tools.seen(graded)
    assert tools.failed(graded) == set()


@pytest.mark.parametrize("where", [w for w in SEARCHES if w != "IPython's history"])
def test_a_function_called_by_a_hidden_test_finds_nothing_in(where, attack, tools):
    """What it finds it would tell in the words of the test, or by a wrong result."""
    lines = "\n".join("    " + line for line in source(SEARCHES[where]).split("\n"))
    double = f"def double(x):\n    found = []\n    def print(*words): found.append(words)\n{lines}\n"
    double += "    return x + x if not found else x"
    assert tools.failed(attack(double=double)) == set()


TELL = "LEAK{x.flatten()[0].item():.9f}"
LEAKS = {
    "an error message": f"raise ValueError(f'{TELL}')",
    "a missing name": f"raise NameError(f'{TELL}')",
    "an error that is called like one of the grader's": (
        f"raise type('Refused', (Exception,), {{}})(f'{TELL}')"
    ),
    "the name of an error": f"raise type(f'{TELL}'.replace('.', '_').replace('-', 'm'), (Exception,), {{}})()",
    "an assertion that looks like a hint": f"assert False, f'Hint: {TELL}'",
    "notes of an error": f"e = ValueError('x'); e.add_note(f'{TELL}'); raise e",
    "the cause of an error": f"raise ValueError() from KeyError(f'{TELL}')",
    "a syntax error": f"raise SyntaxError(f'{TELL}', ('f', 1, 1, f'{TELL}'))",
    "the value": f"return f'{TELL}'",
    "what is printed": f"print(f'{TELL}'); import sys; sys.__stdout__ and sys.__stdout__.write(f'{TELL}'); return x",
    "a display": f"from IPython.display import display, HTML; display(HTML(f'{TELL}')); return x",
    "a warning": f"import warnings; warnings.warn(f'{TELL}'); return x",
    "the low-level output": f"import os; [os.write(n, f'{TELL}'.encode()) for n in (1, 2)]; return x",
    "the path of a file": f"import os; os.makedirs(f'{TELL}'); return x",
    "the code of a cell": f"exec(compile(f'1/0 # {TELL}', f'cell {TELL}', 'exec'))",
}


@pytest.mark.parametrize("way", LEAKS)
def test_the_inputs_of_a_hidden_test_do_not_come_out_through(way, attack, tools):
    double = f"def double(x):\n    if x.dim() == 1: return x + x\n    {LEAKS[way]}"
    graded = attack(double=double, unseen=True)  # an error of one's own is nothing to report
    assert "LEAK" not in tools.seen(graded)
    assert tools.failed(graded) == {"hidden_double"}


KEEP = "open('kept', 'a').write(str(x.tolist()) + 'LEAK')"
CARRIERS = {
    "a file": (KEEP, "open('kept').read()"),
    "shared memory": (KEEP.replace("kept", "/dev/shm/kept"), "open('/dev/shm/kept').read()"),
    "an attribute of a folder": (
        "import os; os.setxattr('/tmp', 'user.kept', b'LEAK')",
        "__import__('os').getxattr('/tmp', 'user.kept').decode()",
    ),
    "the server's log": ("import os; os.write(2, b'LEAK')", "open('/proc/self/fd/2').read(1000) or 1 / 0"),
    "a socket of another process": (
        "import os, socket\n    if not os.fork():\n        os.closerange(3, 64); s = socket.socket(1); s.bind('\\0kept'); s.listen()\n"
        "        while True: s.accept()[0].sendall(b'LEAK')",
        "(lambda s: s.connect('\\0kept') or s.recv(9).decode())(__import__('socket').socket(1))",
    ),
}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("ends", [False, True], ids=["the same worker", "a new worker"])
def test_what_a_hidden_test_showed_is_not_told_later_through(carrier, ends, attack, tools):
    """A cell that runs again, and a value that a later test reads, would tell it."""
    keep, read = CARRIERS[carrier]
    end = "import os, signal; os.kill(os.getppid(), 9); os._exit(0)" if ends else "return x"
    tell = f"try:\n    print('again', {read})\nexcept Exception as e:\n    print('nothing')\n"
    double = f"def double(x):\n    if x.dim() == 1: return x + x\n    {keep}\n    {end}"
    scale = (
        f"class Scale:\n    def __init__(self, f):\n        self.f, self.calls = f, 2\n        raise ValueError({read})\n"
        f"limit = 0.5"
    )
    graded = attack(double=double, scale=scale, first=[tell], unseen=carrier == "a file")
    assert "LEAK" not in tools.seen(graded)
    assert tools.shown(graded, "extra-1") == "nothing\n"
    assert tools.failed(graded) == {"hidden_double", "hidden_scale"}


def test_a_public_test_below_a_hidden_one_tells_nothing_of_it(toy, quick_station, tmp_path, tools):
    """Public tests run first, wherever they stand, and the public lines of a mixed cell do, too."""
    hidden = toy.tests["hidden_double"][1]
    public = 'check("double", double(torch.ones(2)), torch.tensor([2.0, 2.0]))'
    course = toy.course(tmp_path) / "solutions" / toy.name
    path = course / f"{toy.name}.ipynb"
    book = json.loads(path.read_text("utf-8"))
    cells = {c["metadata"].get("nbgrader", {}).get("grade_id"): c for c in book["cells"]}
    cells["test_double"]["source"], cells["hidden_double"]["source"] = public + "\n" + hidden, public
    path.write_text(json.dumps(book), "utf-8")
    double = (
        "import os\ndef double(x):\n    if x.dim() == 2:\n        open('kept', 'w').write('LEAK' + str(x))\n"
        "    if os.path.exists('kept'): raise ValueError(open('kept').read())\n    return x + x"
    )
    graded = tools.grade(toy, load_assignment(course), quick_station, {"double": double})
    assert tools.failed(graded) == {"test_double"}
    assert "LEAK" not in tools.seen(graded)
