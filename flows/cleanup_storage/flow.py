"""`cleanup`: remove orphaned uploads and files that nobody refers to; without `apply` only say which."""

from __future__ import annotations

from datetime import timedelta

from prefect import flow

from blocks.loading import load_registry, load_store
from flows.cleanup_storage.plan import Kept, Removal
from flows.cleanup_storage.tasks import plan, remove, report, take_stock


@flow(name="cleanup", flow_run_name="cleanup-storage")
def cleanup_storage(*, apply: bool = False, older_than_hours: float = 24.0) -> str:
    """Find what is left over in the bucket, and remove it if told to.

    Args:
        apply: remove; by default the run only lists what it would remove.
        older_than_hours: what is younger stays, because a run may be about to use it.
    """
    store, registry = load_store(), load_registry()
    older_than = timedelta(hours=older_than_hours)
    facts = take_stock(store=store, registry=registry)
    planned = plan(facts, older_than=older_than)
    done: tuple[Removal | Kept, ...] = planned.removals
    if apply:
        done = tuple(remove(each, facts=facts, store=store, older_than=older_than) for each in planned.removals)
    return report((*done, *planned.kept), applied=apply, hours=older_than_hours)
