"""The pages in a real browser: every flow by keyboard, wide and narrow, light and dark, with axe."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from browser import Window, chromium, served, window
from service_desk import new_corpus

from bundle_material import Judged
from ticket_material import make_tickets
from ticketkin.core.tables import Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.keys import Role, create_key
from ticketkin.store.review_draws import second_opinion

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> " + "x" * 400
LOOKS = [(1280, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def filled(
    opened_bundle: Bundle, postgres: EmbeddedServer, judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Corpus]:
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("browser")) as corpus:
        corpus.store(Tickets(judged.tickets.frame[:120]))
        hostile = {"title": [HOSTILE], "description": [HOSTILE], "service": [HOSTILE], "state": ["Open"]}
        corpus.store(make_tickets(1, ["2023-01-01 10:00:00"], number=["EVIL7"], **hostile))
        yield corpus


@pytest.fixture(scope="module")
def address(filled: Corpus) -> Iterator[str]:
    with served(filled) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as opened:
        yield opened


@pytest.fixture(params=LOOKS, ids=["wide and light", "narrow and dark"])
def screen(request: pytest.FixtureRequest, browser: object, address: str) -> Iterator[Window]:
    with window(browser, address, *request.param) as opened:
        yield opened


@pytest.fixture
def narrow(browser: object, address: str) -> Iterator[Window]:
    """Where what is too long shows first."""
    with window(browser, address, 390, "dark") as opened:
        yield opened


def assert_sound(screen: Window) -> None:
    assert screen.violations() == []
    assert not screen.is_wide()
    assert screen.faults == []


def test_asking_by_keyboard(screen: Window, judged: Judged) -> None:
    page = screen.page
    page.goto("/")
    assert_sound(screen)
    page.keyboard.type(judged.tickets.frame["title"][100])
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#headline:focus")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.locator("ol.kin > li").count() > 0
    assert page.locator("mark").count() > 0
    assert page.url.endswith("/")  # a ticket's text stands in no address
    assert_sound(screen)


def test_a_hostile_ticket_does_nothing(narrow: Window) -> None:
    narrow.page.goto("/ask?ticket=EVIL7")
    narrow.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert_sound(narrow)
    narrow.page.fill("#text", HOSTILE)
    narrow.page.click("#ask-button")
    narrow.page.wait_for_selector("#headline:focus")
    assert_sound(narrow)


def test_a_refusal_stands_where_the_answer_would(narrow: Window) -> None:
    narrow.page.goto("/")
    narrow.page.fill("#text", "INC999999999")
    narrow.page.click("#ask-button")
    narrow.page.wait_for_selector(".refusal")
    assert "No ticket" in narrow.page.inner_text("#answer")
    assert narrow.page.input_value("#text") == "INC999999999"
    narrow.faults = [fault for fault in narrow.faults if "404" not in fault]  # the console names the status
    assert_sound(narrow)


def test_without_scripts_the_page_answers_too(browser: object, address: str, judged: Judged) -> None:
    with window(browser, address, 1280, "light", java_script_enabled=False) as screen:
        screen.page.goto("/")
        screen.page.fill("#text", judged.tickets.ids[100])
        screen.page.click("#ask-button")
        assert screen.page.inner_text("#headline")
        assert screen.page.locator("ol.kin > li").count() > 0
        assert screen.faults == []


def test_a_family_is_zoomed_and_walked_by_keyboard(screen: Window) -> None:
    page = screen.page
    page.goto("/families")
    assert_sound(screen)
    page.click("tbody a")
    page.wait_for_selector("[data-zoom]")  # shown by the script that zooms
    drawing = page.locator("svg.family")
    wide = float(drawing.get_attribute("width"))
    page.focus("#canvas")
    page.keyboard.press("+")
    assert float(drawing.get_attribute("width")) > wide
    page.keyboard.press("0")
    assert float(drawing.get_attribute("width")) <= page.locator("#canvas").bounding_box()["width"]
    page.click("[data-zoom] button >> nth=1")
    page.focus("#canvas")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('svg.family') !== null")
    assert_sound(screen)
    page.keyboard.press("Enter")
    page.wait_for_selector("#headline")


def test_now_shows_the_groups_as_soon_as_they_are_known(screen: Window) -> None:
    screen.page.goto("/now?hours=168")
    screen.page.wait_for_selector("#groups :text('open tickets of the last week')")
    assert_sound(screen)


def test_trust_can_be_read(screen: Window) -> None:
    screen.page.goto("/trust")
    screen.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert_sound(screen)


def test_reviewing_by_keyboard(screen: Window, judged: Judged) -> None:
    page = screen.page
    page.goto(f"/review?ticket={judged.tickets.ids[110]}")
    assert_sound(screen)
    focused = "document.activeElement.closest('[data-card]')?.id ?? document.activeElement.id"
    assert page.evaluate(focused) == "pair-1"
    page.keyboard.press("j")
    assert page.evaluate(focused) == "pair-2"
    page.keyboard.press("k")
    page.keyboard.press("n")
    page.wait_for_selector("#pair-1 [data-answered]")
    page.wait_for_selector("#pair-2:focus")
    page.keyboard.press("d")
    page.wait_for_selector("#pair-2 [data-answered]")
    assert page.get_attribute("#pair-2 [data-key=d]", "aria-pressed") == "true"
    assert_sound(screen)
    for place in (2, 1):
        with page.expect_navigation():  # keys are heard once the new page is there
            page.keyboard.press("z")
        page.wait_for_selector(f"#pair-{place} [data-answered]", state="detached")
    assert screen.faults == []


@pytest.fixture
def two_people(browser: object, filled: Corpus) -> Iterator[list[Window]]:
    """Ana and Ben, each signed in with a key of their own in a browser of their own."""
    with ExitStack() as opened:
        address = opened.enter_context(served(filled, signs_in=True))
        screens = []
        for name in ("ana", "ben"):
            with filled.database.transaction() as connection:
                _, key = create_key(connection, name, Role.REVIEWER, None)
            screen = opened.enter_context(window(browser, address, 1280, "light"))
            assert screen.page.request.post("/v1/session", data={"key": key}).ok
            screens.append(screen)
        yield screens


def next_question(screen: Window) -> str:
    """Go to the next pair that somebody is asked about, and return the address of its page."""
    for _ in range(100):  # what was shown is kept by a thread of its own
        screen.page.goto("/review")
        if "about=" in screen.page.url:
            return screen.page.url
        screen.page.wait_for_timeout(100)
    raise AssertionError("nobody is asked about a pair")


def let_both_be_asked(corpus: Corpus) -> None:
    """Make what was answered once one of the pairs that two people judge, some time after its answer."""
    later = "UPDATE review_draws SET drawn_at = drawn_at - interval '1 hour'"
    with corpus.database.transaction() as connection:
        for _ in range(500):
            connection.execute("UPDATE installation SET id = gen_random_uuid()")
            connection.execute(later)
            if second_opinion(connection, corpus.bundle.id, "ben") is not None:
                connection.execute(later)
                return
    raise AssertionError("none of 500 draws is one in ten")


def test_two_people_judge_a_pair_each_on_their_own(
    two_people: list[Window], filled: Corpus, judged: Judged
) -> None:
    ana, ben = (screen.page for screen in two_people)
    ana.goto(f"/review?ticket={judged.tickets.ids[115]}")
    asked = next_question(two_people[0])
    assert not re.search("The model|%", ana.inner_text("#pair-1"))
    ana.keyboard.press("n")
    ana.wait_for_selector("#pair-1 [data-answered]")
    assert "The model" in ana.inner_text("#pair-1")
    let_both_be_asked(filled)
    assert next_question(two_people[1]) == asked
    assert not re.search("The model|%|You answered", ben.inner_text("#pair-1"))
    assert "Two people" not in ben.inner_text("main")
    ben.keyboard.press("d")
    ben.wait_for_selector("#pair-1 [data-answered]")
    # The next pair is before both, and both answer it at once.
    ana.wait_for_selector("#pair-2:focus")
    ben.wait_for_selector("#pair-2:focus")
    ana.keyboard.press("r")
    ben.keyboard.press("r")
    for page, first in ((ana, "No kin"), (ben, "Duplicate")):
        page.wait_for_selector("#pair-2 [data-answered]")
        page.reload()
        assert f"You answered: {first}." in page.inner_text("#pair-1")
        assert "You answered: Related." in page.inner_text("#pair-2")
        assert "Two people judged 2 pairs each on their own and agreed on 1" in page.inner_text("main")
    ana.goto("/trust")
    assert "Two people judged 2 pairs each on their own and agreed on 1" in ana.inner_text("main")
    ana.goto(asked)
    for place in (2, 1):
        with ana.expect_navigation():
            ana.keyboard.press("z")
        ana.wait_for_selector(f"#pair-{place} [data-answered]", state="detached")
    ben.reload()
    assert ben.locator("[data-answered]").count() == 2
    assert [screen.faults for screen in two_people] == [[], []]
