"""The pytest plugin of callredirect: fixtures that ring a bot, and rules that let no redirect pass unseen.

pytest loads it into every run of an environment. So it stands beside the package instead of in it, and imports nothing
of the package, its extension module least of all, before a test asks for a fixture.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pytest_callredirect._marker import DESCRIPTION, check, read

if TYPE_CHECKING:
    from collections.abc import Generator

    from callredirect.testing import IncomingCall, Redirects, SignedToken, Simulator
    from callredirect.testing._watch import Watch

_watch: pytest.StashKey[Watch] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, for ``--strict-markers`` and ``--markers``."""
    config.addinivalue_line("markers", DESCRIPTION)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marker that cannot be is told of before the test runs, whether or not it asks for a fixture."""
    check(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What the rules have to say fails the test itself, unless it has failed already: then they would distract."""
    result = yield
    watch = item.stash.get(_watch, None)
    if watch is not None:
        _fail_on(watch)
        watch.passed = True
    return result


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Redirects that should be equal are compared field by field."""
    if op != "==" or "callredirect._native" not in sys.modules:
        return None
    from callredirect.testing._diff import explain

    return explain(left, right)


def _fail_on(watch: Watch) -> None:
    complaints = watch.complaints()
    if complaints:
        pytest.fail("\n\n".join(complaints), pytrace=False)


@pytest.fixture
def _call_watch(request: pytest.FixtureRequest) -> Generator[Watch]:
    from callredirect.testing._watch import Watch, WatchedSimulator

    options, rules = read(request.node)
    try:
        simulator = WatchedSimulator(**options)
    except (TypeError, ValueError) as fault:
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        message = f"@pytest.mark.callredirect: {fault}, in Simulator({given})"
        raise pytest.fail.Exception(message, pytrace=False) from None
    with simulator as graph:
        watch = request.node.stash[_watch] = Watch(graph, rules)
        yield watch
    if watch.passed:  # and what has come since, such as a second redirect while the bot was stopped
        _fail_on(watch)


@pytest.fixture
def call_simulator(_call_watch: Watch) -> Simulator:
    """A Microsoft Graph of this test's own, with a caller; people are 100 times faster than the clock."""
    return _call_watch.simulator


@pytest.fixture
def incoming_call(_call_watch: Watch) -> IncomingCall:
    """Rings the bot: call ``incoming_call(url)``, and in async tests await ``incoming_call.ring_async(url)``."""
    from callredirect.testing import IncomingCall

    return IncomingCall(_call_watch)


@pytest.fixture
def redirects(_call_watch: Watch) -> Redirects:
    """What Graph accepted: ``assert redirects == [cr.Redirect([...])]``."""
    return _call_watch.ask_for_redirects()


@pytest.fixture
def signed_token(call_simulator: Simulator) -> SignedToken:
    """The signed token of a notification: ``headers = {"Authorization": f"Bearer {signed_token()}"}``."""
    return call_simulator.notification_token
