"""The book's own Sphinx extension: fresh outputs, source pages, the map of systems, the look."""

import zlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

STATIC = Path(__file__).parent / "static"


def own_code() -> int:
    """A number that changes with the extension's code, so that Sphinx then reads every page again."""
    return zlib.crc32(b"".join(path.read_bytes() for path in sorted(STATIC.parent.glob("*.py"))))


def configure(app: Sphinx, config: Config) -> None:
    """Settings that need the extension's own place on disk."""
    from .outputs import cache_folder

    config.html_static_path = [*config.html_static_path, str(STATIC)]
    config.nb_execution_cache_path = str(cache_folder())


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    from . import listing, outputs, register, runtime, terms

    for part in (listing, outputs, register, runtime, terms):
        part.setup(app)
    app.connect("config-inited", configure)
    app.add_css_file("course.css")
    return {
        "version": "1",
        "env_version": own_code(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
