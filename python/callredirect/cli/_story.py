"""The story of a call that rings: its steps with their times, and whether the bot did its work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._events import LIMIT, bar, line
from ._terminal import plain

if TYPE_CHECKING:
    from ._terminal import Terminal

_INDENT = " " * 15


class Story:
    """One call. Times count from its first notification."""

    def __init__(self, call_id: str, name: str | None = None) -> None:
        self.call_id = call_id
        self.name = name
        self.steps: list[dict[str, Any]] = []
        self.problem: str | None = None
        self.seen = 0
        """How much was added."""
        self._began: float | None = None
        self._shown = 0

    def add(self, step: dict[str, Any]) -> None:
        """Notes what happened. ``at`` may count from anywhere."""
        self.seen += 1
        if step["what"] == "rang":
            return  # the notification follows at once, and times count from it
        if self._began is None:
            self._began = step["at"]
        known = {name: value for name, value in step.items() if name not in ("call_id", "at")}
        self.steps.append({"at": round(step["at"] - self._began, 6), **known})
        if step["what"] in ("call_finished", "call_failed"):
            self.problem = self.problem or step.get("problem")

    @property
    def redirected_after(self) -> float | None:
        """Seconds until Graph accepted a redirect."""
        found = (
            step["at"] for step in self.steps if step["what"] == "redirect_received" and step["accepted"]
        )
        return next(found, None)

    @property
    def ending(self) -> str | None:
        """How it ended."""
        return next((step["ending"] for step in self.steps if step["what"] == "call_finished"), None)

    @property
    def good(self) -> bool:
        """Whether it was redirected, or the caller hung up before that could be."""
        return self.redirected_after is not None or self.ending == "hung_up"

    def document(self) -> dict[str, Any]:
        """The story as JSON."""
        return {
            "call_id": self.call_id,
            "name": self.name,
            "redirected": self.redirected_after is not None,
            "redirected_after": self.redirected_after,
            "ending": self.ending,
            "problem": self.problem,
            "steps": self.steps,
        }

    def show_title(self, out: Terminal) -> None:
        """Prints which call it is."""
        name = f"  {plain(self.name)}" if self.name else ""
        out.say(f"{out.paint('call ' + plain(self.call_id), 'bold')}{name}")

    def show_steps(self, out: Terminal) -> None:
        """Prints the steps that were not printed before."""
        while self._shown < len(self.steps):
            step = self.steps[self._shown]
            before = self.steps[self._shown - 1]["at"] if self._shown else 0.0
            if before < LIMIT <= step["at"] and self.redirected_after is None:
                out.say(out.paint(f"{1000 * LIMIT:>11,.1f} ms  ─── Graph waits no longer ───", "yellow"))
            self._shown += 1
            time = f"{1000 * step['at']:>11,.1f} ms"
            out.say(f"{out.paint(time, 'dim')}  {line(out, step)}")
            for fault in step.get("violations") or ():
                colour = "red" if fault["severity"] == "error" else "yellow"
                out.say(f"{_INDENT}{out.paint(plain(fault['path']), colour)}")
                out.say_wrapped(plain(fault["message"]), _INDENT)

    def show_verdict(self, out: Terminal) -> None:
        """Prints how it went, and how much of Graph's patience it took."""
        after = self.redirected_after
        if after is not None:
            verdict = f"{out.paint('✓', 'green', 'bold')} redirected after {1000 * after:,.1f} ms"
            out.say(f"  {verdict}  {bar(out, after)} of {LIMIT:.0f} s")
        elif self.good:
            out.say(f"  {out.paint('✓', 'green', 'bold')} the caller hung up before it was redirected")
        else:
            out.say_wrapped(
                plain(self.problem or "it was not redirected"), "    ", f"  {out.paint('✗', 'red', 'bold')} "
            )

    def show_row(self, out: Terminal) -> None:
        """Prints the whole story in one line."""
        after = self.redirected_after
        mark = out.paint("✓", "green") if self.good else out.paint("✗", "red")
        time = "" if after is None else f"{1000 * after:,.1f} ms"
        tail = self.ending if self.good else self.problem or self.ending
        text = f"{plain(self.call_id)[:8]}  {time:>12}  {plain(self.name or '')}{'  ' if self.name else ''}{plain(tail or '')}"
        out.say(f"{mark} {out.cut(text, 2)}")
