"""The text of an HTML page as a reader sees it, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "hr", "img", "input"}
_UNSEEN = {"style", "title", "svg"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """`seen` are the texts outside of style, title and drawings; `elements` all in order."""

    seen: list[str] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> of nothing"
        assert self._open[-1].name == tag, f"</{tag}> inside <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data
        if data.strip() and not any(one.name in _UNSEEN for one in self._open):
            self.seen.append(data.strip())

    def named(self, *names: str) -> list[Element]:
        return [one for one in self.elements if one.name in names]


def read_page(html: bytes) -> Page:
    page = Page()
    page.feed(html.decode())
    page.close()
    assert not page._open
    return page
