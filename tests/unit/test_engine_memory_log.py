"""What an engine says of its memory is recorded, and what it does not say is unknown."""

from __future__ import annotations

from flows.deploy_model.engine_log import EngineMemory, read_engine_log

LOG = """\
INFO 11-23 10:00:00 [gpu_model_runner.py:2338] Starting to load model /mnt/models...
INFO 11-23 10:01:25 [gpu_model_runner.py:2392] Model loading took 13.2345 GiB and 85.123456 seconds
INFO 11-23 10:01:40 [gpu_worker.py:298] Available KV cache memory: 5.87 GiB
INFO 11-23 10:01:40 [kv_cache_utils.py:864] GPU KV cache size: 38,464 tokens
INFO 11-23 10:01:40 [kv_cache_utils.py:868] Maximum concurrency for 32,768 tokens per request: 1.17x
"""

NEWER = """\
(EngineCore pid=1) INFO 11-23 10:01:25 [gpu_model_runner.py:5150] Model loading took 13.2 GiB memory and 85.1 seconds
(EngineCore pid=1) INFO 11-23 10:01:40 [kv_cache_utils.py:2328] GPU KV cache size: 38,464 tokens, Maximum concurrency for 32,768 tokens per request: 1.17x
"""  # noqa: E501 - a real line of a log


def test_the_figures_of_a_start_are_found() -> None:
    """If they were not recorded, nobody could say later why a context did not fit."""
    assert read_engine_log(LOG.splitlines()) == EngineMemory(
        weights_gib=13.2345,
        load_seconds=85.123456,
        kv_cache_gib=5.87,
        kv_cache_tokens=38464,
        max_concurrency=1.17,
    )


def test_newer_versions_words_are_understood() -> None:
    """If an upgrade of the engine silenced the figures, comparisons over time would have holes."""
    memory = read_engine_log(NEWER.splitlines())
    assert (memory.weights_gib, memory.kv_cache_tokens, memory.max_concurrency) == (13.2, 38464, 1.17)


def test_what_is_not_said_is_unknown_and_not_zero() -> None:
    """If a missing figure were 0, a chart would show a service without memory."""
    assert read_engine_log(["nothing of interest"]).properties() == {}
