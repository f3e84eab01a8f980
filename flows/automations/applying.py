"""Makes a Prefect server hold our automations, looks at them and takes them away; others' stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from httpx import HTTPError
from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import Automation
from prefect.exceptions import PrefectException

from blocks.errors import UnavailableError
from flows.automations.definitions import NAMES

T = TypeVar("T")


class ServerError(UnavailableError):
    """The Prefect server does not do what it is asked."""

    def __init__(self, *, reason: Exception) -> None:
        super().__init__("Prefect", f"{reason}. Check it: prefect version; echo $PREFECT_API_URL")


def apply_automations(wanted: Iterable[AutomationCore]) -> list[str]:
    """Create what is missing and correct what differs; one that somebody paused stays paused.

    Returns:
        One sentence for each, saying what was done.

    Raises:
        ServerError: the server does not answer, or refuses.
    """
    return _asking(lambda client: [_apply(client, automation) for automation in wanted])


def remove_automations() -> list[str]:
    """Delete ours; returns the names of those that were there. Errors as `apply_automations`."""
    return _asking(lambda client: [_delete(client, found) for name in NAMES for found in _named(client, name)])


def look_at_automations() -> dict[str, str]:
    """How each of ours stands, by name. Errors as `apply_automations`."""
    return _asking(lambda client: {name: _standing(client, name) for name in NAMES})


def _apply(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    found = next(_named(client, wanted.name), None)
    if found is None:
        client.create_automation(wanted)
        return f"{wanted.name}: created"
    paused = "" if found.enabled else ", and stays paused"
    # Prefect fills in ids of its own; what we can say is what counts.
    kept = AutomationCore.model_validate(found.model_dump(exclude={"id"}))
    desired = wanted.model_copy(update={"enabled": found.enabled})
    if kept == desired:
        return f"{wanted.name}: is as it should be{paused}"
    # The client leaves out fields that nobody set, so all are set; the server refuses an owner in an update.
    client.update_automation(found.id, AutomationCore.model_validate(desired.model_dump(exclude={"owner_resource"})))
    return f"{wanted.name}: corrected{paused}"


def _delete(client: SyncPrefectClient, found: Automation) -> str:
    client.delete_automation(found.id)
    return found.name


def _standing(client: SyncPrefectClient, name: str) -> str:
    found = next(_named(client, name), None)
    if found is None:
        return "is not there; create it: python -m flows.automations apply"
    return "at work" if found.enabled else "paused"


def _named(client: SyncPrefectClient, name: str) -> Iterator[Automation]:
    yield from client.read_automations_by_name(name)


def _asking(ask: Callable[[SyncPrefectClient], T]) -> T:
    try:
        with get_client(sync_client=True) as client:
            return ask(client)
    except (HTTPError, PrefectException, RuntimeError) as error:
        # Prefect says RuntimeError of a server that does not answer.
        raise ServerError(reason=error) from error
