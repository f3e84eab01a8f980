"""Which ports the sandbox chooses."""

from __future__ import annotations

import pytest

from sandbox import ports
from sandbox.errors import BadPortError


def test_base_port_moves_all_ports_and_a_ports_own_variable_wins() -> None:
    """Without this, two sandboxes could not run side by side."""
    chosen = ports.choose(
        {"SLIPWAY_SANDBOX_PORT": "20000", "SLIPWAY_SANDBOX_S3_MASTER_GRPC_PORT": "30000"}, recorded={"hub": 1}
    )
    assert chosen["prefect"] == 20000
    assert chosen["hub"] == 20001
    assert chosen["s3-master-grpc"] == 30000
    assert len(set(chosen.values())) == len(ports.NAMES)


def test_later_commands_find_the_ports_that_up_recorded() -> None:
    """Without this, `down` in a new terminal would look at other ports than `up` used."""
    assert ports.choose({}, recorded={"hub": 23456})["hub"] == 23456
    assert ports.choose({}, recorded={})["hub"] == ports.DEFAULT_BASE + 1


@pytest.mark.parametrize("value", ["http", "80", "99999", "-1"])
def test_bad_port_names_its_variable(value: str) -> None:
    """Without this, a typo would surface as a stack trace."""
    with pytest.raises(BadPortError, match="SLIPWAY_SANDBOX_HUB_PORT"):
        ports.choose({"SLIPWAY_SANDBOX_HUB_PORT": value}, recorded={})
