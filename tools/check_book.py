"""Check the built book: what a strict build cannot see.

Pages that are missing or left over, pages without outputs, cells that did not run or wrote to stderr, pages
over their time budget, figures without a real alt text, dead links and anchors inside the book, anything
that would be fetched from elsewhere, and chapters that lack a part that every chapter has.
Run after each build by tools/build_book.py.
"""

# ruff: noqa: E402
import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_ext"))

from coursebook.site import CSS_FETCH, Site, open_site

HARD_SECONDS = 40.0
MEAN_SECONDS = 10.0
LARGEST_PAGE = 12_000_000  # bytes
GENERATED = {"index.html", "search.html", "genindex.html"}
ELSEWHERE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
NO_TEXT = re.compile(
    r"^(?:[0-9a-f]{16,}|.*\.(?:png|svg|jpe?g|gif)|image|figure|plot|frame \d*)$", re.IGNORECASE
)


def check_pages(site: Site) -> Iterator[str]:
    """As many pages as the table of contents names, no more and no fewer."""
    wanted = {f"{document}.html" for document in site.documents}
    found = {site.name(path) for path in site.files}
    for name in sorted(wanted - found):
        yield f"{name}: in the table of contents, but not built"
    for name in sorted(found - wanted - GENERATED):
        if not name.startswith("source/"):
            yield f"{name}: built, but not in the table of contents"
    for path in site.files:
        size = path.stat().st_size
        if size > LARGEST_PAGE:
            yield f"{site.name(path)}: {size / 1e6:.0f} MB is more than {LARGEST_PAGE / 1e6:.0f} MB"


def check_outputs(site: Site) -> Iterator[str]:
    """Each page with code ran to its end, shows outputs, and offers them for download."""
    for document in site.with_code():
        cells = site.cells(document)
        expected = site.report[document]["code_cells"]
        if len(cells) != expected:
            yield f"{document}: the executed notebook has {len(cells)} code cells, the page has {expected}"
        idle = [n for n, cell in enumerate(cells, 1) if cell["execution_count"] is None and cell["source"]]
        if idle:
            yield f"{document}: code cells {idle} did not run"
        if not any(cell["outputs"] for cell in cells):
            yield f"{document}: no cell has an output"
        elif not site.page(site.of(document)).count("cell_output"):
            yield f"{document}: the page shows no output"


def check_streams(site: Site) -> Iterator[str]:
    """No cell wrote to stderr, none ended in an error that was not asked for."""
    for document in site.with_code():
        for number, cell in enumerate(site.cells(document), 1):
            for output in cell["outputs"]:
                if output["output_type"] == "stream" and output["name"] == "stderr":
                    yield f"{document}: code cell {number} wrote to stderr: {''.join(output['text'])[:80]!r}"
                if output["output_type"] == "error":
                    yield f"{document}: code cell {number} raised {output['ename']}"


def check_time(site: Site) -> Iterator[str]:
    """No page over 40 s of the processor, and 10 s on average: a busy machine is no fault of the book."""
    times = {d: site.report[d]["processor_seconds"] for d in site.with_code()}
    for document, seconds in times.items():
        if seconds is None:
            yield f"{document}: the build measured no run time"
        elif seconds > HARD_SECONDS:
            yield f"{document}: ran for {seconds:.0f} s, more than {HARD_SECONDS:.0f} s"
    known = [seconds for seconds in times.values() if seconds is not None]
    if known and sum(known) / len(known) > MEAN_SECONDS:
        yield f"pages run for {sum(known) / len(known):.1f} s on average, more than {MEAN_SECONDS:.0f} s"


def check_alt(site: Site) -> Iterator[str]:
    """Every picture says in words what it shows; every frame of a player says something else."""
    for path in site.files:
        frames: dict[int, set[str]] = {}
        for at, player in site.page(path).images:
            alt, source = at.get("alt"), at.get("src", "")[:60]
            if at.get("role") == "presentation" or at.get("aria-hidden") == "true":
                continue
            if alt is None or not alt.strip() or NO_TEXT.match(alt.strip()):
                yield f"{site.name(path)}: picture {source} has no real alt text: {alt!r}"
            elif player:
                if alt in frames.setdefault(player, set()):
                    yield f"{site.name(path)}: two frames of a player have the same alt text: {alt!r}"
                frames[player].add(alt)


def check_links(site: Site) -> Iterator[str]:
    """Links inside the book lead to files and anchors that exist."""
    for path in site.files:
        for link in sorted(set(site.page(path).links)):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{site.name(path)}: dead link {link}"
            elif target.suffix == ".html" and unquote(parts.fragment) not in {
                "",
                "top",
                *site.page(target).ids,
            }:
                yield f"{site.name(path)}: dead anchor {link}"


def check_requests(site: Site) -> Iterator[str]:
    """Nothing is fetched from outside the book, by a page or by a style sheet."""
    for path in site.files:
        for address in sorted({a for a in site.page(path).fetched if ELSEWHERE.match(a)}):
            yield f"{site.name(path)}: fetches {address}"
    for path in sorted(site.html.rglob("*.css")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for address in sorted(set(CSS_FETCH.findall(text))):
            yield f"{site.name(path)}: fetches {address}"


def check_anatomy(site: Site) -> Iterator[str]:
    """A chapter has goals, three exercises or more with solutions, and its notebook for download."""
    for document in site.with_code():
        if not re.match(r"chapters/0[1-8]-", document):
            continue
        page = site.page(site.of(document))
        if not page.count("admonition", "goals"):
            yield f'{document}: no box "What you will be able to do" (an admonition of class goals)'
        exercises, solutions = page.count("exercise", "admonition"), page.count("solution", "admonition")
        if exercises < 3:
            yield f"{document}: {exercises} exercises, at least 3 are wanted"
        if solutions < exercises:
            yield f"{document}: {exercises} exercises but {solutions} solutions"
        if not any(link.endswith(".ipynb") for link in page.links):
            yield f"{document}: offers no notebook for download ({{nb-download}})"


CHECKS: list[Callable[[Site], Iterator[str]]] = [
    check_pages,
    check_outputs,
    check_streams,
    check_time,
    check_alt,
    check_links,
    check_requests,
    check_anatomy,
]


def problems(site: Site) -> list[str]:
    """Everything that is wrong, in the order of the checks."""
    return [problem for check in CHECKS for problem in check(site)]


def main() -> int:
    """Read the command line, print what is wrong."""
    parser = argparse.ArgumentParser(description="Check the built book.")
    parser.add_argument(
        "--build", type=Path, default=ROOT / "_build", help="the folder with html/ and book.json"
    )
    parser.add_argument(
        "--toc", type=Path, default=ROOT / "_toc.yml", help="the table of contents it was built with"
    )
    arguments = parser.parse_args()
    try:
        site = open_site(arguments.build, arguments.toc)
    except FileNotFoundError as error:
        print(f"error: {error.filename} is missing: build the book first (make book)")
        return 1
    found = problems(site)
    if not os.environ.get("CI"):  # a slow machine is no fault of the book
        slow = list(check_time(site))
        found = [problem for problem in found if problem not in slow]
        for note in slow:
            print(f"SLOW   {note} (an error in continuous integration)")
    for problem in found:
        print(f"CHECK  {problem}")
    times = [site.report[d]["processor_seconds"] or 0.0 for d in site.with_code()]
    longest = max(times, default=0.0)
    about = f"{len(times)} with code, {sum(times):.0f} s of processor time, longest {longest:.1f} s"
    what = f"{len(site.files)} HTML files, {len(site.documents)} pages"
    print(f"checked {what} ({about}): {len(found)} problem(s)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
