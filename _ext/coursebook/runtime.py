"""The role {runtime}`page`: how long the page's cells ran when its outputs were made."""

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.typing import ExtensionMetadata


class RuntimeNode(nodes.Inline, nodes.TextElement):
    """Stands for the measured time until the page has been read to its end."""


class RuntimeRole(SphinxRole):
    """{runtime}`page`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """A place holder: the time is known once the outputs are."""
        return [RuntimeNode()], []


def in_words(seconds: float | None) -> str:
    """3.24 -> "3.2 seconds"."""
    if seconds is None:
        return "no time (it has no cells to run)"
    return f"{seconds:.1f} seconds" if seconds < 9.95 else f"{seconds:.0f} seconds"


def resolve(app: Sphinx, doctree: nodes.document, document: str) -> None:
    """Write the time into the page."""
    for node in list(doctree.findall(RuntimeNode)):
        seconds = (NbMetadataCollector.get_exec_data(app.env, document) or {}).get("runtime")
        node.replace_self(nodes.inline("", in_words(seconds), classes=["runtime"]))


def setup(app: Sphinx) -> ExtensionMetadata | None:
    """Install the role."""
    app.add_node(RuntimeNode)
    app.add_role("runtime", RuntimeRole())
    app.connect("doctree-resolved", resolve)
    return None
