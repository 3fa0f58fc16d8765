"""Links between README, docs and notebooks, written as they work in the repository.

On the site a notebook is a page of the tutorials, a folder of the package a page of the reference, and
CONTRIBUTING is a page like any other. `on_site` turns a link to the one into a link to the other; `broken`
and `broken_on_site` find those that lead nowhere.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

#: Code, where nothing is a link, or the target of a link with an anchor that may be empty.
LINK = re.compile(
    r"(?P<code>^ *```.*?^ *```|`[^`\n]+`)|\]\((?P<path>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)", re.S | re.M
)
#: A link to elsewhere in the world.
SCHEME = re.compile(r"[a-z]+:|//")

#: What the site has of the repository's root.
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "LICENSE": "licence.md",
}


def page_of(path: str) -> str:
    """Return the page of the site that a path of the repository is shown on; "" where there is none.

    Examples:
        >>> page_of("notebooks/01_srresnet_mse.ipynb"), page_of("src/keras_sr/losses/pixel.py")
        ('tutorials/01_srresnet_mse.md', 'reference/losses.md')
        >>> page_of("docs/how-to/measure.md"), page_of("docs/decisions"), page_of("benchmarks")
        ('how-to/measure.md', 'decisions/index.md', '')
    """
    if path in ROOT_PAGES:
        return ROOT_PAGES[path]
    head, *rest = path.split("/")
    if head == "docs":
        return "/".join(rest) if Path(path).suffix else posixpath.join(*rest, "index.md")
    if head == "notebooks":
        return f"tutorials/{Path(rest[0]).stem}.md" if rest else "tutorials/00_start_here.md"
    if rest[:1] == ["keras_sr"] and head == "src":
        return f"reference/{rest[1] if len(rest) > 1 else 'keras_sr'}.md"
    return ""


def on_site(text: str, source: str) -> str:
    """Return a page of the repository with its links as they are on the site.

    Args:
        text: Markdown.
        source: Where it lies in the repository.

    Raises:
        ValueError: A link leads to what the site has not.
    """

    def turned(path: str, anchor: str) -> str:
        target = page_of(beside(source, path)) if path else ""
        if path and not target:
            raise ValueError(f"{source}: the site has no page of {path}")
        return f"{relative(target, page_of(source))}{anchor}" if path else anchor

    return replaced(text, turned)


def replaced(text: str, turned: Callable[[str, str], str]) -> str:
    """Return a text with another target in each link within the repository."""

    def one(match: re.Match[str]) -> str:
        path, anchor = match["path"] or "", match["anchor"] or ""
        if match["code"] or SCHEME.match(path):
            return match[0]
        return f"]({turned(path, anchor)})"

    return LINK.sub(one, text)


def beside(source: str, path: str) -> str:
    """Return the path in the repository that a link of a page leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), unquote(path)))


def relative(target: str, page: str) -> str:
    """Return the link from one page to another."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


# === In the repository ===


def broken(root: Path, source: str, text: str) -> list[str]:
    """Return the links of a page that lead to no file, or to no heading of one."""
    found: list[str] = []

    def look(path: str, anchor: str) -> str:
        target = root / (beside(source, path) if path else source)
        wrong = not target.exists() or (
            anchor and target.suffix == ".md" and anchor[1:] not in headings(target.read_text("utf-8"))
        )
        if wrong:
            found.append(f"{source}: {path}{anchor}")
        return path + anchor

    replaced(text, look)
    return found


def headings(text: str) -> set[str]:
    """Return the anchors that a page has by its headings, where the repository is shown.

    Examples:
        >>> sorted(headings("# A run folder\\n## I want to change ...\\n## `x4`, in dB"))
        ['a-run-folder', 'i-want-to-change-', 'x4-in-db']
    """
    titles = re.findall(r"^#+ +(.*)$", text, re.M)
    return {re.sub(r"[^\w\s-]", "", title.strip().lower()).replace(" ", "-") for title in titles}


# === On the built site ===


class _Page(HTMLParser):
    """What a page links to, shows and fetches, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what the tag has."""
        values = {name: value for name, value in attrs if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        target = values.get("href") or values.get("src")
        if target is None:
            return
        if tag in ("a", "area"):
            self.links.append(target)
        elif values.get("rel") != "canonical":
            self.fetched.append(target)


def broken_on_site(site: Path) -> Iterator[str]:
    """Yield links and pictures of a built site that lead nowhere, and what it would fetch from elsewhere."""
    pages = {path: _Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for target in page.links + page.fetched:
            if SCHEME.match(target):
                if target in page.fetched and not target.startswith("data:"):
                    yield f"{path.relative_to(site)}: fetches {target}"
                continue
            place, _, anchor = target.partition("#")
            there = (site / place[1:] if place.startswith("/") else path.parent / unquote(place)).resolve()
            there = path if not place else there / "index.html" if there.is_dir() else there
            lost = anchor and there in pages and unquote(anchor) not in pages[there].anchors
            if lost or not there.exists():
                yield f"{path.relative_to(site)}: {target}"
