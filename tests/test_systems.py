"""The register of systems is true: what it calls built exists, is tested and is taught."""

import importlib
import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parent.parent
ROWS = yaml.safe_load((REPOSITORY / "course_lib" / "systems.yml").read_text(encoding="utf-8"))
REQUIRED = {"id", "part", "name", "zh", "paper", "module", "build", "check", "claim", "status"}
PARTS = set(
    [
        "words",
        "pretraining",
        "optimizers",
        "losses",
        "variants",
        "selfsup",
        "multimodal",
        "contest",
        "foundations",
    ]
)
BUILT = [row for row in ROWS if row["status"] == "built"]


def test_ids_are_unique_and_rows_are_complete() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.keys() >= REQUIRED, f"{row['id']} lacks {REQUIRED - row.keys()}"
        assert row.keys() <= REQUIRED | {"also", "chapter", "test"}, row["id"]
        assert row["part"] in PARTS
        assert row["status"] in ("built", "planned")


@pytest.mark.parametrize("row", BUILT, ids=lambda row: row["id"])
def test_a_built_system_has_a_module_a_test_and_a_chapter(row: dict[str, str]) -> None:
    module = importlib.import_module(row["module"])
    assert module.__doc__
    assert re.search(r"\bdef test_", (REPOSITORY / row["test"]).read_text("utf-8")), row["test"]
    page, _, anchor = row["chapter"].partition("#")
    text = (REPOSITORY / page).read_text("utf-8")
    assert f"({anchor})=" in text, f"{page} has no anchor ({anchor})="
    assert row["module"] in text or row["module"].rsplit(".", 1)[-1] in text, (
        f"{page} does not use {row['module']}"
    )


@pytest.mark.parametrize("row", [r for r in ROWS if r["status"] == "planned"], ids=lambda row: row["id"])
def test_a_planned_system_claims_no_chapter(row: dict[str, str]) -> None:
    assert not row.keys() & {"chapter", "test"}


def test_no_system_that_was_built_goes_back_to_planned() -> None:
    built = {row["id"] for row in BUILT}
    first_part = {row["id"] for row in ROWS if row["part"] == "words"}
    encoders = {"attention-scores", "positions", "transformer", "normalisation", "gelu"}
    models = {"elmo", "gpt", "bert", "roberta", "bert-wwm", "finetune"}
    contest = {"fusion", "semi-supervised-da"}
    assert (first_part | encoders | models | contest) - built == set()
