"""`cleanup`: what nobody refers to may go; whatever anybody may need stays, with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from blocks.objects import ObjectEntry
from blocks.registry_entries import RegisteredVersion
from flows.audit.facts import AuditFacts
from flows.audit.inventory import Inventory, StoredVersion, sort_objects
from flows.cleanup_storage.plan import CleanupPlan, Removal, plan_cleanup
from flows.cleanup_storage.references import references
from flows.cleanup_storage.report import rows, sentence
from tests.unit.audit_facts import (
    LONG_AGO,
    MANIFEST,
    NAME,
    NAMESPACE,
    NOW,
    PREFIX,
    entries,
    entry,
    facts,
    inventory,
    lease,
    served,
    service,
    upload,
    version,
)
from tests.unit.deploy_facts import BUCKET

DAY = timedelta(days=1)
STRAY = PREFIX + "stray.bin"


def planned(bucket: Inventory, *, readers: AuditFacts | None = None) -> CleanupPlan:
    """The plan for a bucket, with the platform's readers."""
    return plan_cleanup(bucket, referrers=references(readers or facts()), older_than=DAY)


def removed(plan: CleanupPlan) -> list[str]:
    """The keys that would go, of objects and of uploads."""
    return [key for each in plan.removals for key in (*each.keys, *(part.key for part in each.uploads))]


def unfinished(*found: ObjectEntry) -> Inventory:
    """A bucket with an import that was never finished."""
    return inventory(versions={PREFIX: StoredVersion(entries={each.key: each for each in found})})


def version_at(uri: str) -> RegisteredVersion:
    """An entry of another tool, by the address that it registered."""
    made = version()
    assert made.artifact
    return replace(made, properties={}, artifact=replace(made.artifact, uri=uri))


def theirs(model: dict[str, Any]) -> dict[str, Any]:
    """A service of somebody else, by what it says of its model."""
    return {"metadata": {"name": "theirs"}, "spec": {"predictor": {"model": model}}}


def test_nothing_goes_where_all_is_well() -> None:
    """A cleanup that finds something in a clean bucket takes what somebody needs."""
    assert planned(inventory()) == CleanupPlan((), ())


def test_a_file_that_the_manifest_does_not_list_goes_and_its_neighbours_stay() -> None:
    """Leftovers are served along: KServe copies all that is under the prefix."""
    plan = planned(inventory(entry(STRAY)))
    assert plan.removals == (
        Removal(
            subject=NAME,
            lease=f"leases/{NAME}.json",
            prefix=PREFIX,
            keys=(STRAY,),
            size=5,
            reason="its manifest does not list them",
        ),
    )


@pytest.mark.parametrize(
    "readers",
    [
        facts(registered=(version(manifest_sha256="0" * 64),)),
        facts(registered=(replace(version(manifest_sha256="0" * 64), state="ARCHIVED"),), services=(), served={}),
        facts(registered=(), services=({**service(), "metadata": {"name": "theirs"}},), served={}),
        facts(
            registered=(),
            services=(),
            served={"s": served().model_copy(update={"service": {**service(), "metadata": {"name": "s"}}})},
        ),
    ],
    ids=["registry", "archived", "service", "way-back"],
)
def test_what_somebody_reads_by_another_manifest_stays(readers: AuditFacts) -> None:
    """The file that this manifest does not list may be the one that they need."""
    plan = planned(inventory(entry(STRAY)), readers=readers)
    assert plan.removals == ()
    assert "reads it, and not by the manifest that is there" in plan.kept[0].reason


def test_a_registered_prefix_without_a_manifest_stays() -> None:
    """The one thing worse than a lost manifest is to remove the weights after it."""
    assert planned(unfinished(entry(PREFIX + "model.safetensors"))).removals == ()


def test_a_service_that_reads_a_whole_model_protects_its_versions() -> None:
    """KServe takes a prefix for all that is under it."""
    broad = service()
    broad["spec"]["predictor"]["model"]["storageUri"] = "s3://llm-models/" + PREFIX.split("/")[0] + "/"
    readers = facts(registered=(), services=(broad,), served={})
    assert planned(unfinished(entry(PREFIX + "a")), readers=readers).removals == ()


@pytest.mark.parametrize(
    "readers",
    [
        facts(registered=(version_at(f"s3://{BUCKET}/{NAME}?endpoint=http%3A%2F%2Fminio&defaultRegion=us"),)),
        facts(registered=(version_at(f"s3://{BUCKET}"),)),
        facts(registered=(), services=(theirs({"storageUri": f"s3://{BUCKET}"}),)),
        facts(registered=(), services=(theirs({"storageUri": f"s3://{BUCKET}/{NAME}?endpoint=x"}),)),
        facts(registered=(), services=(theirs({"storage": {"key": "aws-connection-models", "path": f"/{NAME}"}}),)),
        facts(registered=(), services=(theirs({"storage": {"key": "aws-connection-models"}}),)),
        facts(registered=(), services=(), elsewhere=(theirs({"storageUri": f"s3://{BUCKET}/{NAME}/"}),)),
        facts(registered=(), services=(theirs({"env": [{"name": "STORAGE_URI", "value": f"s3://{BUCKET}/{NAME}"}]}),)),
    ],
    ids=["query", "whole-bucket", "service-bucket", "service-query", "path", "no-path", "elsewhere", "environment"],
)
def test_whatever_form_a_reader_names_it_in_protects_a_version(readers: AuditFacts) -> None:
    """OpenShift AI's dashboard writes a query behind the address, or a path beside a connection's name."""
    plan = planned(unfinished(entry(PREFIX + "a")), readers=replace(readers, served={}))
    assert plan.removals == ()
    assert "reads it" in plan.kept[0].reason


def test_a_reader_of_another_bucket_protects_nothing() -> None:
    """One service of another store would keep every leftover for ever."""
    elsewhere = theirs({"storage": {"path": NAME, "parameters": {"bucket": "theirs"}}})
    other = theirs({"storageUri": f"s3://{BUCKET}-2/{NAME}/"})
    readers = facts(registered=(), services=(elsewhere, other), served={})
    assert removed(planned(unfinished(entry(PREFIX + "a")), readers=readers)) == [PREFIX + "a"]


def test_namespaces_that_may_not_be_read_are_told() -> None:
    """Whoever applies the plan must know whose services it has not seen."""
    plan = planned(inventory(), readers=facts(elsewhere=None))
    assert [(each.subject, each.reason) for each in plan.kept] == [
        ("what only other namespaces read", f"only InferenceServices of {NAMESPACE} may be listed")
    ]


def test_folders_that_slipway_does_not_know_stay() -> None:
    """A database's backup lies as deep as a model's file, and nobody would restore it from our report."""
    dump = "backups/2026-11/pg.dump"
    foreign = StoredVersion(entries={dump: entry(dump)})
    plan = planned(inventory(versions={"backups/2026-11/": foreign}, uploads=(upload("backups/2026-12/pg.dump"),)))
    assert plan.removals == ()
    assert [(each.subject, each.reason) for each in plan.kept] == [
        ("backups/2026-11", f"1 object, such as {dump}: slipway does not know whose it is"),
        ("backups/2026-12", "1 unfinished upload: slipway does not know whose it is"),
    ]


def test_what_an_import_marked_as_its_own_goes_and_its_foreign_neighbour_stays() -> None:
    """A version that left the catalog would keep the files of its last, killed import for ever."""
    ours, other = entry("Gone/v1/a.safetensors"), entry("Gone/v1/notes/mine.txt")
    stock = StoredVersion(entries={each.key: each for each in (ours, other)}, ours=frozenset({ours.key}))
    bucket = inventory(versions={"Gone/v1/": stock}, uploads=(upload("Gone/v1/b.safetensors"),))
    plan = planned(bucket)
    assert removed(plan) == [ours.key, "Gone/v1/b.safetensors"]
    assert plan.kept[0].reason == f"1 object, such as {other.key}: slipway does not know whose it is"


@pytest.mark.parametrize("record", ["leases/Gone/v1.json", "receipts/Gone/v1/run.json"])
def test_a_record_of_an_import_tells_whose_a_folder_is(record: str) -> None:
    """The lease of an import that was killed in its first upload is all that is left to tell."""
    found = sort_objects([entry(record), entry("leases/services/n/s.json"), entry("receipts/stray.json")])
    assert found.recorded == {"Gone/v1/"}
    bucket = inventory(uploads=(upload("Gone/v1/a"),), recorded=found.recorded)
    assert removed(planned(bucket, readers=facts(inventory=bucket))) == ["Gone/v1/a"]


def test_an_abandoned_import_goes_when_it_is_old() -> None:
    """47 GB of an import that nobody finishes would stay for ever."""
    nobody = facts(registered=(), services=(), served={})
    old, young = entry(PREFIX + "a"), entry(PREFIX + "b", at=NOW)
    assert removed(planned(unfinished(old), readers=nobody)) == [old.key]
    plan = planned(unfinished(old, young), readers=nobody)
    assert (plan.removals, plan.kept[0].reason) == ((), f"1 recent object, such as {young.key}")


def test_uploads_go_by_their_own_age() -> None:
    """Parts take space that no listing shows; a young one may be at work."""
    uploads = (upload(PREFIX + "old"), upload(PREFIX + "new", at=NOW), upload(PREFIX + "untold", at=None))
    plan = planned(inventory(uploads=uploads))
    assert removed(plan) == [PREFIX + "old"]
    assert plan.kept[0].reason == "2 recent unfinished uploads"
    alone = planned(inventory(versions={}, uploads=(upload(PREFIX + "model.safetensors"),)))
    assert removed(alone) == [PREFIX + "model.safetensors"]


def test_nothing_goes_under_a_lease_in_force() -> None:
    """A running import would lose its files and uploads."""
    held = lease(f"leases/{NAME}.json")
    plan = planned(inventory(entry(STRAY), uploads=(upload(PREFIX + "x"),), leases={held.key: held}))
    assert (plan.removals, plan.kept[0].reason) == ((), "flow run brave-heron (42) works on it")


def test_a_lease_that_nobody_renews_goes_and_protects_nothing() -> None:
    """The lease of a run that was killed a week ago would keep its leftovers for ever."""
    dead, lone = lease(f"leases/{NAME}.json", at=LONG_AGO), lease("leases/services/n/s.json", at=LONG_AGO)
    plan = planned(inventory(entry(STRAY), leases={dead.key: dead, lone.key: lone}))
    assert [(each.lease, each.keys) for each in plan.removals] == [(dead.key, (STRAY,)), (lone.key, ())]


def test_a_manifest_that_cannot_be_read_protects_its_version() -> None:
    """A newer slipway's manifest would be taken for none."""
    stock = StoredVersion(entries=entries(entry(STRAY)), problem="schema_version: 2")
    plan = planned(inventory(versions={PREFIX: stock}), readers=facts(registered=(), services=(), served={}))
    assert (plan.removals, plan.kept[0].reason) == ((), "its manifest cannot be read: schema_version: 2")


def test_old_probes_go_and_what_is_nobodys_stays() -> None:
    """Somebody keeps notes in the bucket: it is not ours to judge."""
    plan = planned(inventory(probes=(entry("probes/1"), entry("probes/2", at=NOW)), foreign=(entry("notes.txt"),)))
    assert removed(plan) == ["probes/1"]
    assert [each.subject for each in plan.kept] == ["notes.txt"]


def test_no_plan_ever_names_a_listed_file_or_a_record() -> None:
    """The one rule that may never break."""
    everything = inventory(entry(STRAY), uploads=(upload(PREFIX + "model.safetensors"),))
    keys = [key for each in planned(everything).removals for key in each.keys]
    assert not {PREFIX + "manifest.json", *(PREFIX + file.path for file in MANIFEST.files)} & set(keys)


def test_a_dry_run_says_what_would_go_and_the_command_that_does_it() -> None:
    """Whoever lists first must not have to look the second command up."""
    plan = planned(inventory(entry(STRAY), foreign=(entry("notes.txt"),)))
    done = (*plan.removals, *plan.kept)
    assert rows(done, applied=False) == [
        {"what": NAME, "state": f"would remove 1 object, 0.0 kB ({STRAY})", "why": "its manifest does not list them"},
        {
            "what": "notes.txt",
            "state": "kept",
            "why": "it belongs to no version, and slipway does not know whose it is",
        },
    ]
    assert sentence(done, applied=False, hours=24.0) == (
        "would remove 1 object (0.0 kB) and 0 unfinished uploads. "
        "Do it: prefect deployment run cleanup/storage --param apply=true --param older_than_hours=24 --watch"
    )
    assert sentence(plan.kept, applied=False, hours=24.0) == "nothing to remove"
