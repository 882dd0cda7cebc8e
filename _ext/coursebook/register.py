"""The map of systems on the cover and the table of systems, both from `course_lib/systems.yml`."""

import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .pages import ROOT

# Part of systems.yml -> number, title and one line. The register's order of parts is not the book's.
PARTS: dict[str, tuple[str, str, str]] = {
    "words": ("1", "Word embeddings", "What a word means, learnt from the company it keeps"),
    "pretraining": ("2", "Pre-training", "From ELMo to BERT to ELECTRA: a vector for a word in its sentence"),
    "optimizers": ("3", "Optimizers", "From Adam to LAMB: how large models are trained at all"),
    "losses": ("4", "Losses", "What a model is asked to do, and how to know whether it does"),
    "variants": ("5", "Transformer variants", "Longer, cheaper, or with a better sense of place"),
    "selfsup": ("6", "Self-supervised learning", "Labels that the data gives by itself"),
    "multimodal": ("7", "Multimodal learning", "Words and pictures in one model"),
    "contest": ("8", "The contest", "Sequence labelling, transfer and fusion, put to work"),
    "foundations": ("", "Foundations", "Ideas that every part leans on"),
}
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
ACL = re.compile(r"ACL ([A-Z]\d\d-\d{4})")


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> list[dict[str, Any]]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def systems(root: Path = ROOT) -> list[dict[str, Any]]:
    """The rows of the register."""
    path = root / "course_lib" / "systems.yml"
    return _read(path, path.stat().st_mtime_ns)


def short(name: str) -> str:
    """A name that fits on a tile: what stands before the colon, or before a bracket."""
    return re.split(r": | \(|; ", name)[0]


def by_part(rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows of each part, in the book's order of parts."""
    return [(part, [row for row in rows if row["part"] == part]) for part in PARTS]


class Register(SphinxDirective):
    """What the map and the table have in common: links to chapters as cross references."""

    has_content = False
    ROWS: ClassVar[str] = "course_lib/systems.yml"

    def rows(self) -> list[dict[str, Any]]:
        """The register; the page is read again when it changes."""
        self.env.note_dependency(str(ROOT / self.ROWS))
        return systems()

    def chapter_link(self, row: dict[str, Any], text: str, classes: list[str]) -> nodes.Node:
        """A link to the row's section; plain text where it is not built or its page is not there."""
        plain = nodes.inline("", text, classes=classes)
        if row.get("status") != "built" or not row.get("chapter"):
            return plain
        document, _, label = row["chapter"].partition("#")
        if document.removesuffix(".md") not in self.env.found_docs:
            return plain
        target = (label or Path(document).stem).lower()
        options = {"refdoc": self.env.docname, "refdomain": "std", "reftype": "ref", "refexplicit": True}
        link = pending_xref("", nodes.inline("", text), reftarget=target, refwarn=True, **options)
        link.source, link.line = self.get_source_info()
        return nodes.inline("", "", link, classes=classes)  # outside: Sphinx replaces what the link holds


class CourseMap(Register):
    """{course-map}: the parts of the course, each with a tile for each of its systems."""

    def run(self) -> list[nodes.Node]:
        """Build the map."""
        rows = self.rows()
        built = sum(row["status"] == "built" for row in rows)
        box = nodes.container(classes=["course-map"])
        legend = nodes.paragraph(classes=["course-map-legend"])
        legend += nodes.inline("", f"{built} built", classes=["tile", "tile-built"])
        legend += nodes.Text(" ")
        legend += nodes.inline("", f"{len(rows) - built} planned", classes=["tile", "tile-planned"])
        box += legend
        for part, members in by_part(rows):
            box += self.part(part, members)
        return [box]

    def part(self, part: str, members: list[dict[str, Any]]) -> nodes.Node:
        """One part: its number, its title, its tiles."""
        number, title, line = PARTS[part]
        state = "has-built" if any(row["status"] == "built" for row in members) else "all-planned"
        box = nodes.container(classes=["course-part", f"course-part-{part}", state])
        head = nodes.paragraph(classes=["course-part-head"])
        head += nodes.inline("", number or "·", classes=["course-part-number"])
        head += nodes.inline("", title, classes=["course-part-title"])
        head += nodes.inline("", line, classes=["course-part-line"])
        box += head
        tiles = nodes.bullet_list(classes=["tiles"])
        for row in members:
            tile = "tile-built" if row["status"] == "built" else "tile-planned"
            item = nodes.list_item(classes=["tile-item"])
            paragraph = nodes.paragraph()
            paragraph += self.chapter_link(row, short(row["name"]), ["tile", tile])
            item += paragraph
            tiles += item
        box += tiles
        return box


class SystemsTable(Register):
    """{systems-table}: every row of the register, a table for each part."""

    def run(self) -> list[nodes.Node]:
        """Build one section for each part."""
        found: list[nodes.Node] = []
        for part, members in by_part(self.rows()):
            if not members:
                continue
            number, title, _ = PARTS[part]
            name = f"Part {number}: {title}" if number else title
            section = nodes.section(ids=[f"systems-{part}"], names=[f"systems-{part}"])
            section += nodes.title("", name)
            section += self.table(members)
            found.append(section)
        return found

    def table(self, members: list[dict[str, Any]]) -> nodes.Node:
        """The rows of one part."""
        header = ["System", "Paper", "Module and test", "Held against", "Claim that a page measures"]
        table = nodes.table(classes=["systems-table"])
        group = nodes.tgroup(cols=len(header))
        table += group
        for _ in header:
            group += nodes.colspec(colwidth=1)
        head, body = nodes.thead(), nodes.tbody()
        group += [head, body]
        head += self.line([[nodes.Text(text)] for text in header])
        for row in members:
            body += self.line(self.columns(row))
        return table

    def columns(self, row: dict[str, Any]) -> list[list[nodes.Node]]:
        """The cells of one row."""
        status = "built" if row["status"] == "built" else "planned"
        name = [
            self.chapter_link(row, row["name"], ["system-name"]),
            nodes.Text(" "),
            nodes.inline("", row["zh"], classes=["zh"]),
            nodes.Text(" "),
            nodes.inline("", status, classes=["status", f"status-{status}"]),
        ]
        module: list[nodes.Node] = [
            self.code(row, "module", row["module"].replace(".", "/") + ".py", row["module"])
        ]
        if row.get("test"):
            module += [nodes.Text(" "), self.code(row, "test", row["test"], row["test"].rpartition("/")[2])]
        return [name, papers(row["paper"]), module, [nodes.Text(row["check"])], [nodes.Text(row["claim"])]]

    def code(self, row: dict[str, Any], kind: str, path: str, text: str) -> nodes.Node:
        """A file's name, linked to its source where it is built."""
        if row["status"] != "built" or not (ROOT / path).is_file():
            return nodes.literal("", text)
        up = "../" * self.env.docname.count("/")
        return nodes.raw("", f'<a href="{up}{escape(path)}"><code>{escape(text)}</code></a>', format="html")

    @staticmethod
    def line(cells: list[list[nodes.Node]]) -> nodes.Node:
        """One row of a table."""
        row = nodes.row()
        for cell in cells:
            entry = nodes.entry()
            paragraph = nodes.paragraph()
            paragraph += cell
            entry += paragraph
            row += entry
        return row


def papers(text: str) -> list[nodes.Node]:
    """The papers of a row, with arXiv and ACL identifiers as links."""
    found: list[nodes.Node] = []
    for number, piece in enumerate(text.split("; ")):
        if number:
            found.append(nodes.Text("; "))
        arxiv, acl = ARXIV.search(piece), ACL.search(piece)
        if arxiv:
            found.append(nodes.reference("", piece, refuri=f"https://arxiv.org/abs/{arxiv.group(1)}"))
        elif acl:
            found.append(nodes.reference("", piece, refuri=f"https://aclanthology.org/{acl.group(1)}/"))
        else:
            found.append(nodes.Text(piece))
    return found


def setup(app: Sphinx) -> None:
    """Install the directives."""
    app.add_directive("course-map", CourseMap)
    app.add_directive("systems-table", SystemsTable)
