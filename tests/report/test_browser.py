"""The page in a real browser: nothing blocked, nothing missing, sortable, and at home on any screen."""

from __future__ import annotations

import os
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from bench.core.settings import OptimSettings
from tests.report.browser import missing, opened, show
from tests.report.fabricated import failure, record, run, sweep, task
from tests.report.made import build


def _missing(what: str) -> None:
    message = f"no {what} on this machine; install Chromium and its driver to run the browser tests"
    if os.environ.get("GATEBENCH_REQUIRE_BROWSER") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium with an empty profile, or a skip that says why."""
    if lack := missing():
        _missing(lack)
    with opened(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with everything on it: two tasks, swept sizes, tuning, failures, and a long hostile name."""
    records = [*sweep(7), *sweep(3, hidden_size=20), failure(run("gru", 90), reason="<b>no</b> " + "x" * 300)]
    records += sweep(2, task=task("words", metric="perplexity", title="A-very-long-title-without-any-blank-" * 3))
    records += [record(run("gru", 0, phase="tune", optim=OptimSettings(lr=0.01)))]
    return build(records, tmp_path_factory.mktemp("results"), name="everything")


def _column(browser, index: int) -> list[str]:
    script = (
        "return [...document.querySelectorAll('#summary tbody tr')].map(row => row.cells[arguments[0]].textContent)"
    )
    return browser.execute_script(script, index)


def _header(browser, text: str) -> int:
    headers = browser.execute_script(
        "return [...document.querySelectorAll('#summary th')].map(th => th.textContent.trim())"
    )
    return headers.index(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_word_in_the_console(browser, page, scheme):
    browser.get_log("browser")
    show(browser, page, scheme=scheme)
    assert browser.title == "everything · gatebench report"
    assert browser.get_log("browser") == []


def test_every_figure_is_drawn_by_the_page_itself(browser, page):
    show(browser, page)
    sizes = browser.execute_script("return [...document.querySelectorAll('.sheet svg')].map(s => s.getBBox().width)")
    assert len(sizes) == 8
    assert min(sizes) > 300
    requests = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in requests if not name.startswith("data:")] == []


def test_its_own_style_applies_under_the_policy(browser, page):
    show(browser, page)
    assert browser.execute_script("return getComputedStyle(document.querySelector('.facts')).listStyleType") == "none"


@pytest.mark.parametrize("header", ["Mean", "Recurrent parameters"])
def test_clicking_a_header_sorts_by_number_and_clicking_again_turns_it_around(browser, page, header):
    show(browser, page)
    index = _header(browser, header)
    button = browser.find_elements("css selector", "#summary th button")[index]
    for direction in ("ascending", "descending"):
        button.click()
        values = [float(text.replace(",", "")) for text in _column(browser, index)]
        assert values == sorted(values, reverse=direction == "descending")
        assert button.find_element("xpath", "..").get_attribute("aria-sort") == direction


def test_a_header_sorts_by_keyboard_and_only_one_is_marked(browser, page):
    show(browser, page)
    first, second = (_header(browser, name) for name in ("Mean", "Cell"))
    buttons = browser.find_elements("css selector", "#summary th button")
    buttons[first].click()
    buttons[second].send_keys("\ue007")  # Enter
    assert _column(browser, second) == sorted(_column(browser, second), key=str.lower)
    assert len(browser.find_elements("css selector", "#summary th[aria-sort]")) == 1


def test_the_dark_page_is_dark_and_its_figures_too(browser, page):
    show(browser, page, scheme="dark")
    style = "const s = getComputedStyle(document.querySelector(arguments[0])); return [s.backgroundColor, s.filter]"
    assert browser.execute_script(style, "body")[0] == "rgb(22, 24, 28)"
    ink = "return getComputedStyle(document.querySelector('.sheet svg text')).fill"
    assert browser.execute_script(style, ".sheet svg")[1].startswith("brightness(")
    assert browser.execute_script(ink) == "rgb(232, 234, 237)"
    show(browser, page, scheme="light")
    assert browser.execute_script(style, ".sheet svg")[1] == "none"
    assert browser.execute_script(ink) == "rgb(32, 33, 36)"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_page(browser, page, width):
    show(browser, page, width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_downloads_carry_their_content(browser, page):
    show(browser, page)
    addresses = browser.execute_script("return [...document.querySelectorAll('a[download$=csv]')].map(a => a.href)")
    assert len(addresses) == 8 + 1
    assert {address.split(",")[0] for address in addresses} == {"data:text/csv"}
    first = "const a = document.querySelector('a[data-figure]'); a.removeAttribute('download'); "
    stop = "a.addEventListener('click', event => event.preventDefault()); a.click(); return a.href"
    kind, _, svg = browser.execute_script(first + stop).partition(",")
    assert kind == "data:image/svg+xml"
    figure = ElementTree.fromstring(unquote(svg))
    assert figure.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in unquote(svg)


def test_every_entry_of_the_contents_leads_somewhere(browser, page):
    show(browser, page)
    script = "return [...document.querySelectorAll('nav a')].map(a => !!document.getElementById(a.hash.slice(1)))"
    found = browser.execute_script(script)
    assert len(found) > 10
    assert all(found)
