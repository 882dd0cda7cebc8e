"""What a student reads about a failed test: everything of a public one, and of a hidden one only its hint."""

import ast
import builtins

from course_lib.grading.plan import Test
from course_lib.grading.proxy import StudentError
from course_lib.refusal import tree_of

FAILED = (
    "A hidden test of this cell failed. "
    "It asks the same of your code as the text above does, with other inputs."
)
LONGEST, CUT = 4_000, " [...]"  # characters
BUILT_IN = {name for name in dir(builtins) if isinstance(getattr(builtins, name), type)}
LATE = "did not finish in time: one call of it took too long, or all calls before it did."
ENDINGS = {
    "TookTooLongError": LATE,
    "TimeoutError": LATE,
    "PythonEnded": "ended Python, or did not stop in time.",
}


def words_for_student(error: BaseException, test: Test, *, hidden: bool) -> str:
    """What a student may read about a failed test.

    Args:
        hidden: whether it failed after hidden inputs had been shown to the student's code. Then nothing
            that comes from that code is repeated, because it could hold those inputs.
    """
    if isinstance(error, StudentError) and error.is_ours:
        return f"{error.kind}: {error.text}"
    words = _hidden_words(error, test) if hidden else _public_words(error)
    return words if len(words) <= LONGEST else words[:LONGEST] + CUT


def _public_words(error: BaseException) -> str:
    if isinstance(error, StudentError):
        where = f"{error.name} stopped with " if error.name else ""
        return f"{where}{error}\n{error.trace}".strip()
    if isinstance(error, AssertionError):
        return str(error) or "This test's assertion does not hold."
    return f"{type(error).__name__}: {error}"


def _hidden_words(error: BaseException, test: Test) -> str:
    if isinstance(error, StudentError):
        kind = error.kind if error.kind in BUILT_IN else "an error of its own"
        return f"{FAILED}\n{error.name or 'Your code'} {ENDINGS.get(error.kind, f'stopped with {kind}.')}"
    hint = str(error) if isinstance(error, AssertionError) and str(error) in hints(test.source) else ""
    return f"{FAILED}\n{hint}".strip()


def hints(source: str) -> list[str]:
    """The assert messages in a cell that are plain strings beginning with "Hint: "."""
    messages = [node.msg for node in ast.walk(tree_of(source)) if isinstance(node, ast.Assert)]
    texts = [m.value for m in messages if isinstance(m, ast.Constant) and isinstance(m.value, str)]
    return [text for text in texts if text.startswith("Hint: ")]
