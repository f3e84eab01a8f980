"""A stand-in for the Hugging Face Hub on one machine: folders become repositories behind the Hub's own HTTP API."""

from sandbox.hub.errors import PublishError
from sandbox.hub.faults import (
    Corrupt,
    Drop,
    Effect,
    Expire,
    Faults,
    Fired,
    IgnoreRange,
    Pass,
    Rule,
    Slow,
    Stall,
    Status,
    Truncate,
)
from sandbox.hub.publishing import publish, publish_files, set_tag
from sandbox.hub.request_log import Entry, RequestLog
from sandbox.hub.server import HubServer
from sandbox.hub.tokens import Token

__all__ = [
    "Corrupt",
    "Drop",
    "Effect",
    "Entry",
    "Expire",
    "Faults",
    "Fired",
    "HubServer",
    "IgnoreRange",
    "Pass",
    "PublishError",
    "RequestLog",
    "Rule",
    "Slow",
    "Stall",
    "Status",
    "Token",
    "Truncate",
    "publish",
    "publish_files",
    "set_tag",
]
