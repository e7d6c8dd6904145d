"""The page in a real browser, wide and narrow, light and dark."""

import dataclasses
import re
import shutil

import pytest

from ticketkin.evaluation.schema import Report
from ticketkin.reports.html import write_report
from ticketkin.reports.material import PairExample

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if _CHROMIUM is None:
        pytest.skip("no chromium on this machine, so the page can't be opened in a browser")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_opens_without_overflow_errors_or_network(browser, width, scheme, written):
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    told, asked, dialogs = [], [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(written.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert told == []
    assert dialogs == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.locator("svg.figure").count() == 9
    assert page.get_by_role("img", name="ROC curves on the test pairs").count() == 1
    answer = page.locator(".answer .big").bounding_box()
    assert answer["y"] + answer["height"] < 844  # yes or no stands on the first screen
    page.close()


def test_tables_are_sorted_commands_copied_and_contents_stay_in_sight(browser, written):
    context = browser.new_context(viewport={"width": 1280, "height": 844})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(written.as_uri())
    table = page.locator("table.sortable").first
    head = table.get_by_role("button", name="MRR")

    def values():
        return [float(text) for text in table.locator('td[data-head="MRR"] b').all_inner_texts()]

    given = values()
    head.click()
    assert values() == sorted(given)
    head.click()
    assert values() == sorted(given, reverse=True) != given
    command = page.locator("#again ~ pre").first
    command.get_by_role("button").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == command.locator("code").inner_text()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert page.locator("nav").bounding_box()["y"] == 0
    context.close()


def test_the_printed_page_fits_ten_sheets(browser, written):
    page = browser.new_page()
    page.goto(written.as_uri())
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
    assert 1 <= len(sheets) <= 10
    page.close()


def test_long_words_do_not_push_the_page_wide(browser, report, undrawn, tmp_path):
    word = "x" * 600
    example = PairExample(word, word, word, word, 0.9, 0)
    material = dataclasses.replace(
        undrawn,
        title=word,
        false_alarms=(example,),
        command=word,
    )
    report |= {"profile": {word: word}, "versions": {word: word}}
    report["verdict"]["reason"] = word
    report["warnings"] = [{"code": "long", "message": word}]
    path = write_report(Report.model_validate(report), material, tmp_path)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
