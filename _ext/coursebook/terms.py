"""Glossary terms with an apostrophe are found however the apostrophe is written."""

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def add_plain_apostrophes(app: Sphinx, env: BuildEnvironment) -> None:
    """Typography turns the glossary's "Zipf's law" into "Zipf’s law"; pages refer to either."""
    domain = env.get_domain("std")
    for kind, name in list(domain.data["objects"]):
        if kind == "term" and "’" in name:
            domain.data["objects"].setdefault(
                (kind, name.replace("’", "'")), domain.data["objects"][kind, name]
            )
    for name, place in list(domain.data.get("terms", {}).items()):
        domain.data["terms"].setdefault(name.replace("’", "'"), place)


def setup(app: Sphinx) -> None:
    """Install the aliases before references are resolved."""
    app.connect("env-updated", add_plain_apostrophes)
