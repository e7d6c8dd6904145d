"""What every page of the service must be."""

from html.parser import HTMLParser

HTML = {"accept": "text/html"}


class _Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def assert_inert(html: str) -> None:
    """No script but the service's own, no handler, no style in the page itself."""
    tags = _Tags(html).tags
    assert all((at.get("src") or "").startswith("/static/") for tag, at in tags if tag == "script")
    assert not [at for _, at in tags if any(name.startswith("on") or name == "style" for name in at)]
    assert not [tag for tag, _ in tags if tag in ("img", "iframe", "style", "object")]
