"""``@pytest.mark.callredirect(...)``: which rules hold for a test, and what its simulator is like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = ("assert_all_calls_redirected", "assert_all_redirects_expected", "assert_all_redirects_checked")

# Keywords of the simulator; named here because it is not to be imported for a test that needs none.
SIMULATOR = (
    "app_id",
    "tenant_id",
    "client_secret",
    "host",
    "own_key",
    "token_lifetime",
    "cloud",
    "speed",
    "seed",
    "faults",
    "second_redirect",
)

# In a test nobody is to wait for people who do not pick up.
SPEED = 100.0

DESCRIPTION = (
    f"callredirect({'=True, '.join(RULES)}=True, speed={SPEED:g}, ...): rules that hold for the test's calls and "
    f"redirects, and keywords of its simulator: {', '.join(SIMULATOR)}."
)


def read(item: pytest.Item) -> tuple[dict[str, Any], dict[str, bool]]:
    """The simulator's keywords and the rules. What is marked nearest to the test counts."""
    options: dict[str, Any] = {"speed": SPEED} | dict.fromkeys(RULES, True)
    nearest = list(item.iter_markers("callredirect"))
    for marker in reversed(nearest):
        options |= marker.kwargs
    rules = {name: options.pop(name) for name in RULES}
    return options, rules


def check(item: pytest.Item) -> None:
    """Fails the test if a marker of it says something that cannot be."""
    for marker in item.iter_markers("callredirect"):
        for fault in _faults(marker):
            pytest.fail(f"@pytest.mark.callredirect: {fault}", pytrace=False)


def _faults(marker: pytest.Mark) -> Iterator[str]:
    if marker.args:
        yield f"takes keywords only, such as {RULES[0]}=False, and was given {marker.args[0]!r}"
    for name, value in marker.kwargs.items():
        if name not in RULES + SIMULATOR:
            yield f"there is no option {name!r}{_instead(name)}"
        elif name in RULES and not isinstance(value, bool):
            yield f"{name} is True or False, not {value!r}"


def _instead(name: str) -> str:
    import difflib  # only where somebody mistyped

    near = difflib.get_close_matches(name, RULES + SIMULATOR, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(RULES + SIMULATOR)}"
