"""`audit`: a broken promise is damage, what was not finished is left over, what nobody promised is absent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flows.audit.facts import AuditFacts
from flows.audit.inventory import StoredVersion, sort_objects
from flows.audit.reconcile import reconcile
from flows.audit.rows import Grade, Row, markdown, summary
from flows.byte_proof import ByteProof, ReadFile
from tests.unit.audit_facts import (
    LONG_AGO,
    MANIFEST,
    NAME,
    NOW,
    PREFIX,
    SERVICE,
    SPEC,
    Json,
    entries,
    entry,
    facts,
    inventory,
    lease,
    pod,
    service,
    upload,
    version,
)

SUBJECT = f"private-ai-demo/{SERVICE}"
IMPORT = "prefect deployment run import/quantized --watch"
DEPLOY = "prefect deployment run deploy/quantized --watch"
CLEAN_UP = "prefect deployment run cleanup/storage --watch"


def found(given: AuditFacts, grade: Grade) -> list[tuple[str, str, str]]:
    """The rows of a grade: subject, what was found, next command."""
    return [(row.subject, row.said, row.then) for row in reconcile(given) if row.grade is grade]


def damage(given: AuditFacts) -> str:
    """What the one damage is."""
    [(_, said, then)] = found(given, Grade.DAMAGE)
    assert then
    return said


def test_a_platform_on_which_all_is_well_has_nothing_but_fine_rows() -> None:
    """An audit that always finds something is read by nobody."""
    assert [(row.grade, row.subject) for row in reconcile(facts())] == [(Grade.FINE, NAME), (Grade.FINE, SUBJECT)]


def test_an_empty_platform_is_absent_and_not_damaged() -> None:
    """The first night after the installation would page somebody."""
    empty = facts(inventory=inventory(versions={}), registered=(), services=(), pods={}, served={})
    assert reconcile(empty) == (Row(Grade.ABSENT, NAME, "not imported yet", IMPORT),)


def test_a_registered_version_without_bytes_is_damage() -> None:
    """Whoever deploys it would find an empty prefix."""
    gone = facts(
        inventory=inventory(versions={}),
        services=(),
        served={},
        registered=(version(inference_service_state="removed"),),
    )
    assert found(gone, Grade.DAMAGE) == [
        (NAME, f"the registry has it as version 7, s3://llm-models/{PREFIX} has no manifest", IMPORT)
    ]


def test_an_archived_version_without_bytes_is_left_over() -> None:
    """Nobody may deploy it, so nobody was promised its bytes."""
    archived = replace(version(inference_service_state="removed"), state="ARCHIVED")
    given = facts(inventory=inventory(versions={}), services=(), served={}, registered=(archived,))
    assert found(given, Grade.DAMAGE) == []
    assert found(given, Grade.LEFTOVER)[0][1] == "version 7 is ARCHIVED, and its bytes are gone"


@pytest.mark.parametrize(
    ("stock", "said"),
    [
        (entries(without="model.safetensors"), "of 2 files, 1 missing: model.safetensors"),
        (
            entries() | {PREFIX + "model.safetensors": entry(PREFIX + "model.safetensors", 3)},
            "model.safetensors has 3 bytes, expected 14,000,000,000",
        ),
    ],
    ids=["missing", "shorter"],
)
def test_failure_7_a_file_that_is_not_as_the_manifest_says_is_damage(stock: dict[str, Any], said: str) -> None:
    """A pod that is rescheduled would find it, at night (docs/failures.md, row 7)."""
    assert (
        damage(facts(inventory=inventory(versions={PREFIX: StoredVersion(entries=stock, manifest=MANIFEST)}))) == said
    )


def test_a_file_that_verify_found_damaged_stays_damage_until_it_is_written_anew() -> None:
    """What one run found out would be forgotten the next morning."""
    read = ReadFile(path="config.json", size=1000, etag='"tag"', modified=LONG_AGO, sha256="0" * 64)
    proof = ByteProof(manifest_sha256=MANIFEST.digest(), flow_run_id="r", finished="noon", files=(read,))
    stock = StoredVersion(entries=entries(), manifest=MANIFEST, proof=proof)
    given = facts(inventory=inventory(versions={PREFIX: stock}))
    assert damage(given) == "1 file had other bytes when verify read them at noon: config.json"
    anew = entries() | {PREFIX + "config.json": entry(PREFIX + "config.json", 1000, at=NOW)}
    assert found(facts(inventory=inventory(versions={PREFIX: replace(stock, entries=anew)})), Grade.DAMAGE) == []


def test_a_manifest_that_cannot_be_read_is_damage() -> None:
    """The commit marker is what everything else refers to."""
    stock = StoredVersion(entries=entries(), problem="manifest.json is no manifest of ours")
    given = facts(inventory=inventory(versions={PREFIX: stock}), services=(), served={}, registered=())
    assert damage(given) == "manifest.json is no manifest of ours"


def test_a_verification_that_cannot_be_read_is_made_again() -> None:
    """A record of a newer slipway would be taken for damage of the weights."""
    stock = StoredVersion(entries=entries(), manifest=MANIFEST, problem="v.json is no verification of ours")
    given = facts(inventory=inventory(versions={PREFIX: stock}))
    assert found(given, Grade.DAMAGE) == []
    verify = "prefect deployment run verify/quantized --watch"
    assert found(given, Grade.LEFTOVER) == [(NAME, "v.json is no verification of ours", verify)]


def test_a_manifest_without_an_entry_is_an_import_to_finish() -> None:
    """An import that was killed before its last step promised nothing yet."""
    given = facts(registered=(), services=(), served={})
    assert found(given, Grade.LEFTOVER) == [(NAME, "its bytes are whole, the registry has no entry of it", IMPORT)]
    assert found(given, Grade.DAMAGE) == []


def test_failure_2_a_registry_that_names_another_manifest_is_damage() -> None:
    """Import, service and test once used three names for one version (docs/failures.md, row 2)."""
    said = [row[1] for row in found(facts(registered=(version(manifest_sha256="0" * 64),)), Grade.DAMAGE)]
    assert f"the registry has manifest 000000000000, the store {MANIFEST.digest()[:12]}" in said


def changed(**fields: Any) -> Json:  # noqa: ANN401 - parts of a service
    """The service with other metadata, or another model section."""
    made = service()
    made["metadata"] |= fields.get("metadata", {})
    made["spec"]["predictor"]["model"] |= fields.get("model", {})
    return made


@pytest.mark.parametrize(
    ("live", "said"),
    [
        (
            changed(metadata={"annotations": {"slipway.dev/manifest-sha256": "0" * 64}}),
            f"it serves manifest 000000000000, the registry records {MANIFEST.digest()[:12]}",
        ),
        (changed(model={"image": "other@sha256:" + "0" * 64}), "it asks for the image other@sha256:"),
        (service(ready=False), f"it served {NAME} and is not ready"),
    ],
    ids=["bytes", "image", "not-ready"],
)
def test_failure_9_a_service_that_is_not_what_is_recorded_is_damage(live: Json, said: str) -> None:
    """The image that was built was never served, and nobody noticed (docs/failures.md, row 9)."""
    assert damage(facts(services=(live,))).startswith(said)


def test_failure_9_a_pod_of_another_image_is_damage() -> None:
    """A tag that moved at the image registry would change what runs (docs/failures.md, row 9)."""
    assert "0000" in damage(facts(pods={SERVICE: (pod("quay.io/org/slipway-vllm@sha256:" + "0" * 64),)}))


def test_a_service_whose_version_nobody_registered_is_damage() -> None:
    """Its answers would be nobody's."""
    assert "the registry has no entry of its version" in damage(facts(registered=(replace(version(), version_id="8"),)))


def test_a_recorded_service_that_is_gone_is_damage() -> None:
    """Somebody's `kubectl delete` would leave the registry promising an address."""
    said = found(facts(services=(), pods={}, served={}), Grade.DAMAGE)
    assert said == [(SUBJECT, f"the registry records {NAME} as serving, but it is not there", DEPLOY)]


def test_a_service_of_somebody_else_is_no_damage() -> None:
    """Whoever shares the namespace would fail our audit every night."""
    theirs = {"metadata": {"name": "theirs", "namespace": "private-ai-demo"}, "spec": {"predictor": {"model": {}}}}
    given = facts(services=(service(), theirs))
    assert found(given, Grade.DAMAGE) == []
    assert found(given, Grade.LEFTOVER)[0][0] == "private-ai-demo/theirs"


def test_a_deploy_at_work_is_no_damage() -> None:
    """An audit that meets a deploy would cry wolf."""
    held = lease(f"leases/services/private-ai-demo/{SERVICE}.json")
    given = facts(services=(service(ready=False),), inventory=inventory(leases={held.key: held}))
    assert found(given, Grade.DAMAGE) == []
    assert found(given, Grade.LEFTOVER) == [(SUBJECT, "flow run brave-heron (42) works on it", "")]


def test_a_later_runtime_image_is_to_deploy_and_no_damage() -> None:
    """A rebuilt image would make every served model damaged until its next deploy."""
    newer = facts(registered=(version(runtime_image="quay.io/org/slipway-vllm@sha256:" + "e" * 64),))
    assert found(newer, Grade.DAMAGE) == []
    assert found(newer, Grade.LEFTOVER)[0][2] == DEPLOY


def test_what_slipway_does_not_know_is_told_without_a_command() -> None:
    """The command would be refused by the cleanup, or would be taken for a leave to remove it by hand."""
    dump, part = "backups/2026-11/pg.dump", "backups/2026-12/pg.dump"
    versions = {**inventory().versions, "backups/2026-11/": StoredVersion(entries={dump: entry(dump)})}
    given = facts(inventory=inventory(versions=versions, uploads=(upload(part),)))
    assert {(subject, then) for subject, _, then in found(given, Grade.LEFTOVER)} == {
        ("backups/2026-11", ""),
        (part, ""),
    }


def test_what_is_left_over_is_told_with_the_command_that_removes_it() -> None:
    """Storage would fill with what nobody knows of."""
    stale, key = lease("leases/Old/v.json", at=LONG_AGO), PREFIX + "model.safetensors"
    given = facts(
        inventory=inventory(
            entry(PREFIX + "stray.bin"),
            uploads=(upload(key),),
            leases={stale.key: stale},
            probes=(entry("probes/1"), entry("probes/2", at=NOW)),
            foreign=(entry("notes.txt"),),
        )
    )
    assert found(given, Grade.DAMAGE) == []
    assert {(subject, then) for subject, _, then in found(given, Grade.LEFTOVER)} == {
        (NAME, CLEAN_UP), (key, CLEAN_UP), (stale.key, CLEAN_UP), ("probes/", CLEAN_UP), ("s3://llm-models", ""),
    }  # fmt: skip


def test_an_import_at_work_is_named_and_nothing_to_clean_up() -> None:
    """Somebody would remove the files of a running import."""
    held, part = lease(f"leases/{NAME}.json"), StoredVersion(entries={PREFIX + "a": entry(PREFIX + "a", at=NOW)})
    given = facts(
        inventory=inventory(versions={PREFIX: part}, leases={held.key: held}, uploads=(upload(PREFIX + "b", at=NOW),)),
        registered=(), services=(), served={},
    )  # fmt: skip
    rows = found(given, Grade.LEFTOVER)
    assert all("flow run brave-heron (42) works on it" in said for _, said, _ in rows)
    assert len(rows) == 2


def test_a_registered_model_that_is_not_deployed_is_absent() -> None:
    """A GPU that was freed on purpose would look like an outage."""
    given = facts(services=(), pods={}, served={}, registered=(version(inference_service_state="removed"),))
    assert found(given, Grade.ABSENT) == [(SUBJECT, "registered, not deployed", DEPLOY)]


def test_a_version_that_the_catalog_dropped_still_counts() -> None:
    """Older versions, the way back, would rot unseen."""
    given = facts(specs=(), inventory=inventory(without="config.json"))
    [(subject, said, then)] = found(given, Grade.DAMAGE)
    assert (subject, said) == (NAME, "of 2 files, 1 missing: config.json")
    assert then == "restore it from a backup: docs/runbook.md, section Backup"
    assert SPEC.key not in then


def test_keys_are_sorted_by_what_they_mean() -> None:
    """A receipt would be taken for a file of a version, and cleaned up."""
    keys = [
        "M/v/a", "M/v/deep/b", "leases/M/v.json", "probes/1", "receipts/M/v/r.json", "test-results/M/v/r/result.json",
        "verifications/M/v.json", "evidence/n/s/r/x", "services/n/s.json", "comparisons/x/y/z", "notes.txt", "M/loose",
    ]  # fmt: skip
    done = sort_objects(map(entry, keys))
    assert {prefix: sorted(held) for prefix, held in done.versions.items()} == {"M/v/": ["M/v/a", "M/v/deep/b"]}
    assert [each.key for each in done.leases] == ["leases/M/v.json"]
    assert [each.key for each in done.probes] == ["probes/1"]
    assert [each.key for each in done.foreign] == ["notes.txt", "M/loose"]


def test_a_lease_counts_as_in_force_for_three_times_its_time_to_live() -> None:
    """A holder whose renewal was late would be called dead."""
    assert lease("l", at=NOW - timedelta(seconds=179)).in_force(NOW)
    assert not lease("l", at=NOW - timedelta(seconds=181)).in_force(NOW)


def test_the_page_counts_and_names_the_gravest_first() -> None:
    """Whoever is paged reads the first line."""
    rows = reconcile(facts(inventory=inventory(entry(PREFIX + "stray"), without="config.json")))
    assert summary(rows) == "1 damage, 1 leftover, 0 absent, 1 fine"
    page = markdown(rows, bucket="llm-models")
    assert page.index("## Damage") < page.index("config.json") < page.index("## Left over") < page.index("stray")
    assert f"`{IMPORT}`" in page
