"""The simulator's live page in a real browser: a person places calls and looks at them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import callredirect as cr
from browser import CHROMIUM, CONTRAST, MEGAN, WebBot, needs_chromium
from callredirect.testing import Scenario, Simulator
from servers import RawServer, response

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = needs_chromium
expect.set_options(timeout=20_000)  # other work may have this machine

HOSTILE = "<img src=x onerror=window.broken=1>\u202eevil\u200b " + "W" * 300
BAD_REDIRECT = {
    "targets": [
        {"identity": {"user": {"id": "not-a-guid", "displayName": HOSTILE}}},
        {"identity": {"phone": {"id": "12345"}}},
    ],
    "timeout": 99,
    "maskCaller": True,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Root needs the flag; what it loads is ours.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def looking(
    browser: Browser, url: str, scheme: Literal["light", "dark"] = "light", width: int = 1280
) -> Iterator[Page]:
    """The page in a fresh profile. Nothing it asks for is elsewhere, and nothing is said to the console."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    elsewhere: list[str] = []
    here = urlsplit(url).netloc
    page.on("pageerror", lambda error: faults.append(str(error)))
    # A simulator that is stopped, or says no, is told of by the browser; everything else would be a fault.
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Failed to load resource" not in said.text else None,
    )
    page.on(
        "request", lambda asked: elsewhere.append(asked.url) if urlsplit(asked.url).netloc != here else None
    )
    page.goto(url)
    expect(page.locator("#values dd").first).to_be_attached()
    yield page
    assert faults == []
    assert elsewhere == []
    context.close()


def ring_by_form(page: Page, url: str, **fields: str) -> None:
    page.locator("[name=url]").fill(url)
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Ring").click()


def redirect_badly(graph: Simulator, call_id: str) -> None:
    request = urllib.request.Request(
        f"{graph.base_url}/v1.0/communications/calls/{call_id}/redirect",
        data=json.dumps(BAD_REDIRECT).encode(),
        headers={"Authorization": f"Bearer {graph.access_token()}", "Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    refused.value.close()
    assert refused.value.code == 400


def no_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def test_a_call_is_placed_by_the_form_and_seen_redirected(browser: Browser) -> None:
    with Simulator(speed=100) as graph, WebBot(graph) as bot, looking(browser, graph.page_url) as page:
        ring_by_form(page, bot.url, source_name="Adele Vance")
        detail = page.get_by_role("region", name="Call", exact=True)
        expect(detail.get_by_role("heading")).to_have_text("Adele Vance → test bot")
        expect(detail.locator(".standing").first).to_contain_text("answered")
        steps = detail.locator(".steps")
        for step in ["notification sent", "bot answered 202", "redirect 202", "established"]:
            expect(steps).to_contain_text(step)
        expect(steps).to_contain_text("Megan Bowen picked up")
        expect(detail).to_contain_text("to spare")
        expect(detail.locator(".timeline .limit")).to_have_text("15 s")
        expect(detail.locator(".payloads details")).to_have_count(3)
        expect(detail.locator(".payloads")).to_contain_text(f'"id": "{MEGAN}"')
        row = page.locator("#list [role=option]")
        expect(row).to_contain_text("Adele Vance → Megan Bowen")
        expect(row).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("status")).to_have_text("Adele Vance: answered")
        assert graph.redirects[0].accepted

        page.reload()  # the address names the call, the form remembers the bot
        expect(detail.locator(".standing").first).to_contain_text("answered")
        expect(page.locator("[name=url]")).to_have_value(bot.url)


def test_what_is_told_between_two_frames_is_shown(browser: Browser) -> None:
    with Simulator(speed=100) as graph, WebBot(graph) as bot, looking(browser, graph.page_url) as page:
        # A busy machine has few frames; what moves without being told must not swallow what waits for one.
        page.evaluate("() => { window.requestAnimationFrame = (draw) => setTimeout(draw, 700); }")
        ring_by_form(page, bot.url)
        detail = page.get_by_role("region", name="Call", exact=True)
        expect(detail.locator(".standing").first).to_contain_text("answered")


def test_a_bot_is_named_as_the_command_line_has_it(browser: Browser) -> None:
    with Simulator(speed=100) as graph, WebBot(graph) as bot, looking(browser, graph.page_url) as page:
        where = urlsplit(bot.url).netloc
        for text in (where, f"http://{where}", f"http://{where}/"):
            ring_by_form(page, text)
            expect(page.locator("[name=url]")).to_have_value(f"http://{where}/api/calls")
            expect(page.locator("#detail")).to_contain_text("redirect 202")
        # What stands in the empty field is what is rung; not here, where anything may listen there.
        page.route(
            "**/simulator/calls", lambda route: route.fulfill(status=400, json={"error": {"message": "no"}})
        )
        with page.expect_request("**/simulator/calls") as asked:
            ring_by_form(page, "")
        body = json.loads(asked.value.post_data or "")
        assert body["url"] == page.locator("[name=url]").get_attribute("placeholder")


def test_faults_are_chosen_and_mistakes_said_where_they_are(browser: Browser) -> None:
    with Simulator(speed=100) as graph, WebBot(graph) as bot, looking(browser, graph.page_url) as page:
        ring_by_form(page, bot.url, speed="fast")
        expect(page.get_by_role("alert")).to_contain_text('the text "fast" is not a number')
        expect(page.locator("[name=speed]")).to_be_focused()
        expect(page.locator("[name=speed]")).to_have_attribute("aria-invalid", "true")
        page.locator("[name=speed]").fill("")
        page.locator("#faults > summary").click()
        throttled = page.locator("[data-name=throttled]")
        throttled.get_by_role("checkbox").check()
        throttled.locator("[data-option=nth]").fill("1")
        throttled.locator("[data-option=seconds]").fill("0.1")
        page.locator("[data-name=duplicate]").get_by_role("checkbox").check()
        page.locator("[name=callee]").select_option("busy")
        ring_by_form(page, bot.url)
        detail = page.locator("#detail")
        expect(detail.locator(".standing").first).to_contain_text("busy")
        expect(detail.locator(".steps")).to_contain_text("redirect 429")
        assert [redirect.fault for redirect in graph.redirects] == ["throttled", None]
        page.locator("[name=url]").fill("http://bot.contoso.com/")
        page.get_by_role("button", name="Ring").click()
        expect(page.get_by_role("alert")).to_contain_text("only http(s) URLs on this machine")


def test_hostile_names_are_texts_and_violations_stand_at_their_place(browser: Browser) -> None:
    with Simulator() as graph:
        call_id = graph.place_call()
        redirect_badly(graph, call_id)
        with looking(browser, f"{graph.page_url}#{call_id}") as page:
            detail = page.locator("#detail")
            for path, line in [
                ("$.timeout", '"timeout": 99'),
                ("$.maskCaller", '"maskCaller": true'),
                ("$.targets[1].identity.phone.id", '"id": "12345"'),
                ("$.targets[0].identity.user.id", '"id": "not-a-guid"'),
            ]:
                note = detail.locator(f".note[data-path='{path}']").first
                expect(note).to_contain_text(path)
                above = note.evaluate(
                    "e => { while (e.classList.contains('note')) e = e.previousSibling; return e.textContent }"
                )
                assert above.startswith(line), path
            expect(detail.locator(".found")).to_contain_text("errors")
            text = detail.locator(".payload").inner_text()
            assert "<img src=x onerror=window.broken=1>\\u202eevil" in text
            assert "\u202e" not in page.content()
            no_sideways(page)
            assert page.locator("img").count() == 0
            assert page.evaluate("window.broken") is None


def test_a_hostile_caller_is_a_text(browser: Browser) -> None:
    with (
        Simulator(speed=100) as graph,
        WebBot(graph) as bot,
        looking(browser, graph.page_url, width=360) as page,
    ):
        ring_by_form(page, bot.url, source_name=HOSTILE)
        expect(page.locator("#detail .standing").first).to_contain_text("answered")
        expect(page.locator("#list [role=option]")).to_contain_text(
            "<img src=x onerror=window.broken=1>\\u202eevil\\u200b"
        )
        no_sideways(page)
        assert page.locator("img").count() == 0
        assert page.evaluate("window.broken") is None


def test_the_keyboard_is_enough(browser: Browser) -> None:
    with Simulator(speed=100) as graph, WebBot(graph) as bot, looking(browser, graph.page_url) as page:
        seen = "getComputedStyle(document.activeElement).outlineStyle"

        def tab_to(selector: str) -> None:
            for _ in range(40):
                page.keyboard.press("Tab")
                assert page.evaluate(seen) != "none", page.evaluate("document.activeElement.outerHTML")
                if page.evaluate("s => document.activeElement.matches(s)", selector):
                    return
            raise AssertionError(f"no way to {selector} by Tab")

        tab_to("[name=url]")
        for name in ["Adele", "Alex"]:
            page.locator("[name=url]").focus()
            page.keyboard.press("ControlOrMeta+A")
            page.keyboard.type(bot.url)
            tab_to("[name=source_name]")
            page.keyboard.press("ControlOrMeta+A")
            page.keyboard.type(name)
            page.keyboard.press("Enter")
            expect(page.locator("#detail h2")).to_contain_text(name)
            expect(page.locator("#detail .standing").first).to_contain_text("answered")
        tab_to("#list")
        chosen = page.locator("[role=option][aria-selected=true]")
        expect(chosen).to_have_count(1)
        for key, name in [
            ("ArrowDown", "Adele"),
            ("ArrowDown", "Adele"),
            ("ArrowUp", "Alex"),
            ("End", "Adele"),
            ("Home", "Alex"),
        ]:
            page.keyboard.press(key)
            expect(chosen).to_contain_text(name)
            active = page.locator("#list").get_attribute("aria-activedescendant")
            assert active == chosen.get_attribute("id")
        page.keyboard.press("Enter")
        expect(page.locator("#detail h2")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#list")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="Connect a bot")).to_be_visible()


def test_it_comes_back_when_the_simulator_does(browser: Browser) -> None:
    graph = Simulator(speed=100)
    port = urlsplit(graph.base_url).port or 0
    graph.place_call()
    with looking(browser, graph.page_url) as page:
        connection = page.locator("#connection")
        expect(connection).to_have_text("live")
        with WebBot(graph) as bot:
            ring_by_form(page, bot.url)
            expect(page.locator("#list [role=option]")).to_contain_text("answered")
        graph.close()
        expect(connection).to_contain_text("not running")
        with Simulator(port=port, speed=100) as graph, WebBot(graph) as bot:
            expect(connection).to_have_text("live", timeout=20_000)
            expect(page.locator("#list [role=option]")).to_have_count(0)
            ring_by_form(page, bot.url)
            expect(page.locator("#list [role=option]")).to_contain_text("answered")
            page.get_by_role("button", name="Connect a bot").click()
            page.get_by_role("button", name="show", exact=True).click()
            expect(page.locator("#values")).to_contain_text(graph.client_secret)


def test_many_calls_leave_the_last_few_hundred(browser: Browser) -> None:
    with Simulator(speed=100) as graph, WebBot(graph) as bot, looking(browser, graph.page_url) as page:
        rung = graph.play(bot.url, Scenario([{"count": 350, "callees": {"*": 1}}]))
        assert {call.ending for call in rung} == {"answered"}
        expect(page.locator("#count")).to_have_text("last 300")
        expect(page.locator("#list [role=option]")).to_have_count(300)
        expect(page.locator("#list li .standing.good")).to_have_count(300)
        assert page.evaluate("document.querySelectorAll('*').length") < 300 * 16


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_read_in_both_schemes_and_on_a_phone(
    browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    def nobody(call: cr.Call) -> None:
        return None

    with (
        Simulator(speed=100) as graph,
        WebBot(graph, nobody) as bot,
        looking(browser, graph.page_url, scheme, 360) as page,
    ):
        page.locator("#faults > summary").click()
        page.locator("[data-name=delay]").get_by_role("checkbox").check()
        no_sideways(page)
        contrasts: list[Any] = page.evaluate(CONTRAST)
        ring_by_form(page, "http://bot.contoso.com/")
        expect(page.get_by_role("alert")).to_be_visible()
        contrasts += page.evaluate(CONTRAST)
        call_id = graph.ring(bot.url, wait=0.05, faults=["duplicate"]).call_id
        placed = graph.place_call()
        redirect_badly(graph, placed)
        for call, sign in [(call_id, "p.problem"), (placed, ".note.error")]:
            page.locator(f"[id='call-{call}']").click()
            expect(page.locator(f"#detail {sign}").first).to_be_visible()
            no_sideways(page)
            contrasts += page.evaluate(CONTRAST)
    assert len(contrasts) > 300
    assert [found for found in contrasts if found["contrast"] < 4.5] == []
    paper = page_background(browser, scheme)
    assert (sum(paper) < 200) == (scheme == "dark")


def page_background(browser: Browser, scheme: Literal["light", "dark"]) -> list[int]:
    with Simulator() as graph, looking(browser, graph.page_url, scheme) as page:
        color = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        return [int(channel) for channel in color]


def test_pages_of_others_cannot_use_it(browser: Browser) -> None:
    """What a page anywhere on the web can try from a browser on this machine."""
    with (
        Simulator() as graph,
        RawServer(response("200 OK", b"<title>evil</title>", "Content-Type: text/html\r\n")) as evil,
    ):
        context = browser.new_context()
        page = context.new_page()
        page.goto(evil.url)
        tried = page.evaluate(
            """async (base) => {
              const ask = (path, options) => fetch(base + path, options).then((a) => a.text(), () => "nothing");
              const body = JSON.stringify({ url: base });
              const heard = await new Promise((done) => {
                const source = new EventSource(base + "/simulator/events");
                source.onmessage = source.onopen = () => done("heard");
                source.onerror = () => done("nothing");
              });
              const frame = document.createElement("iframe");
              frame.src = base + "/";
              document.body.append(frame);
              return [
                await ask("/simulator/settings"),
                await ask("/simulator/calls", { method: "POST", headers: { "Content-Type": "application/json" }, body }),
                await ask("/simulator/calls", { method: "POST", mode: "no-cors", body }),
                heard,
              ];
            }""",
            graph.base_url,
        )
        assert tried == ["nothing"] * 4
        assert list(graph.events(start=0, timeout=0)) == []
        page.goto(graph.base_url.replace("127.0.0.1", "localhost") + "/")
        expect(page.locator("#connection")).to_have_text("live")
        context.close()
