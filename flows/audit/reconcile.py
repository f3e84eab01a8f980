"""The audit itself: everything that the systems hold, compared; pure."""

from __future__ import annotations

from flows.audit.facts import AuditFacts
from flows.audit.leftovers import find_leftovers
from flows.audit.rows import Row, by_gravity
from flows.audit.services import reconcile_services
from flows.audit.versions import reconcile_versions


def reconcile(facts: AuditFacts) -> tuple[Row, ...]:
    """Compare catalog, registry, store and live services; the gravest findings come first."""
    return by_gravity((*reconcile_versions(facts), *reconcile_services(facts), *find_leftovers(facts)))
