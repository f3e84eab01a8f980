"""The automations as values: pure. Prefect's server acts on them when an event tells of a run's end."""

from __future__ import annotations

from uuid import UUID

from prefect.automations import AutomationCore, ChangeFlowRunState, CompoundTrigger, EventTrigger, SendNotification
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import Posture

RERUN = "slipway: run a crashed import again"
NOTIFY = "slipway: tell of failed runs"
NAMES = (RERUN, NOTIFY)

ATTEMPTS = 3
"""How often an import is begun before its crash is final. A crash is the pod's end, not the flow's: evicted, killed,
its node gone. What crashes three times will crash a fourth."""

_IMPORT = "import"
_WATCHED = ("test", "audit")
"""The flows that run at night, when nobody looks."""

_SUBJECT = "{{ flow.name }}: {{ flow_run.name }} is {{ event.resource['prefect.state-name'] }}"
# A chat is no place for the excerpt of a log. The server knows its own page only by PREFECT_UI_URL.
_BODY = (
    "{{ event.resource['prefect.state-message'] | truncate(600) }}\n"
    "{{ (flow_run | ui_url) or ('prefect flow-run inspect %s' | format(flow_run.id)) }}"
)


def automations(*, notification: UUID) -> tuple[AutomationCore, ...]:
    """Return all automations, in the order of `NAMES`.

    Args:
        notification: the notification block's document.
    """
    return _rerun(), _notify(notification)


def _rerun() -> AutomationCore:
    """Put a crashed import back into its queue, as the same run.

    The same run keeps its parameters, its page and its count. The count is the bound: Prefect raises it whenever the
    run starts, and nothing resets it. A run that crashed before it ever started (no image, no quota) has the count 0
    and is left alone: it would never start, and so be repeated for ever.
    """
    return AutomationCore(
        name=RERUN,
        description=f"An import whose pod was lost goes on where it was, {ATTEMPTS} times at most.",
        trigger=_ended(flows=(_IMPORT,), states=("CRASHED",), counts=range(1, ATTEMPTS)),
        actions=[
            ChangeFlowRunState(
                state=StateType.SCHEDULED,
                name="AwaitingRetry",
                message=f"The run crashed, and is begun again, {ATTEMPTS} times at most",
            )
        ],
    )


def _notify(notification: UUID) -> AutomationCore:
    final_crash = (0, ATTEMPTS)
    return AutomationCore(
        name=NOTIFY,
        description="A test, an audit or an import that failed, in whichever state, is told to the webhook.",
        trigger=CompoundTrigger(
            require="any",
            triggers=[
                _ended(flows=_WATCHED, states=("FAILED", "CRASHED")),
                _ended(flows=(_IMPORT,), states=("FAILED",)),
                _ended(flows=(_IMPORT,), states=("CRASHED",), counts=final_crash),
            ],
        ),
        actions=[SendNotification(block_document_id=notification, subject=_SUBJECT, body=_BODY)],
    )


def _ended(
    *, flows: tuple[str, ...], states: tuple[str, ...], counts: range | tuple[int, ...] | None = None
) -> EventTrigger:
    """Fire once for every run of these flows that ends in a state of these types, whatever the state is named."""
    match = {"prefect.resource.id": "prefect.flow-run.*", "prefect.state-type": list(states)}
    if counts is not None:
        match["prefect.run-count"] = [str(count) for count in counts]
    return EventTrigger(
        expect={"prefect.flow-run.*"},
        match=match,
        match_related={"prefect.resource.role": "flow", "prefect.resource.name": list(flows)},
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
    )
