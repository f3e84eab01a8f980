"""Where failed runs are told: a Prefect notification block that names the address's variable instead of holding it.

Prefect's server calls this block, not a flow run. It finds the class by the entry point that pyproject.toml declares,
and the address, which is a secret of most chat systems, in its own environment (docs/decisions/0001).
"""

from __future__ import annotations

import os
import ssl
from http import HTTPStatus

import httpx
from prefect.blocks.abstract import NotificationBlock, NotificationError
from pydantic import Field

from blocks.trust import trusted

VARIABLE = "SLIPWAY_NOTIFICATION_URL"
_SECONDS = 10.0


class Notification(NotificationBlock):
    """A webhook that takes `{"text": …}`, as Slack, Mattermost, Rocket.Chat and Google Chat do."""

    _block_type_name = "Slipway Notification"
    _block_type_slug = "slipway-notification"
    _description = "A chat's incoming webhook. It names the variable with the address, which the server reads."

    address_variable: str = Field(
        VARIABLE, min_length=1, description="The variable of the Prefect server's environment that carries the address."
    )

    async def notify(self, body: str, subject: str | None = None) -> None:
        """Tell the webhook.

        Raises:
            NotificationError: it was not told; the address is in no message, for it is a secret.
        """
        address = os.environ.get(self.address_variable)
        if not address:
            raise NotificationError(log=f"{self.address_variable} is not set where the Prefect server runs")
        text = f"{subject}\n{body}" if subject else body
        authorities = ssl.create_default_context(cafile=trusted())
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, verify=authorities) as client:
                answer = await client.post(address, json={"text": text})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotificationError(log=f"the webhook does not answer ({type(error).__name__})") from None
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise NotificationError(log=f"the webhook answers {answer.status_code}")
