"""A real browser for tests of the simulator's page, and a real bot beside it."""

from __future__ import annotations

import shutil
import socket
import threading
from typing import TYPE_CHECKING

import pytest
import uvicorn
from fastapi import FastAPI

import callredirect as cr
from callredirect.adapters.fastapi import router
from servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from callredirect.testing import Simulator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MEGAN = "98da8a1a-1b87-452c-a713-65d3f10b1253"

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to look at the page with")


def to_megan(_call: cr.Call) -> cr.Redirect:
    return cr.Redirect([cr.Target.user(MEGAN, display_name="Megan Bowen")], timeout=30)


class WebBot:
    """A FastAPI application of the simulator, served by uvicorn on a thread."""

    def __init__(self, graph: Simulator, route: Callable[[cr.Call], cr.Redirect | None] = to_megan) -> None:
        bot = cr.Redirector(**graph.bot_settings())
        bot.on_incoming(route)
        app = FastAPI()
        app.include_router(router(bot))
        # It listens from here on, so nobody has to wait until it serves.
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/calls"
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, args=([listening],))
        self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)


CONTRAST = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const check = (element, color, text) => {
    const contrast = ratio(color, ground(element));
    found.push({ text: text.trim().slice(0, 40), contrast, on: `${element.tagName}.${element.className}` });
  };
  for (const element of document.querySelectorAll("body, body *")) {
    if (!element.checkVisibility()) continue;
    const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join("");
    if (text.trim()) check(element, getComputedStyle(element).color, text);
    if (element.placeholder) check(element, getComputedStyle(element, "::placeholder").color, element.placeholder);
    if (element.matches("input, select") && element.value) check(element, getComputedStyle(element).color, element.value);
  }
  return found;
}"""
"""Every text that can be seen, with the contrast it has as the guidelines for accessible pages compute it."""
