"""Asks a service, before anything is measured, what every measurement rests on."""

from __future__ import annotations

from blocks.served_model import ServedModel
from flows.check_model.engine_load import read_engine_load
from flows.check_model.errors import BusyServiceError, NoChatError
from flows.deploy_model.smoke import smoke_test

_QUESTION = "What is the capital of France?"
_TOKENS = 4


def probe(served: ServedModel, *, name: str) -> str:
    """Prove that a service can be measured, and say so in one sentence.

    Its id, a completion, the probabilities of a prompt's tokens (lm-eval scores exactly chance without them), an
    answer in a chat (GuideLLM asks for chats), and that nobody else uses it: another user's requests would be measured
    with ours.

    Args:
        served: the service.
        name: the id that it must serve.

    Raises:
        SmokeTestError: it serves another id, or leaves out the prompt's probabilities.
        NoChatError: it answers no chat.
        BusyServiceError: it works for somebody else.
        BlockError: it does not answer.
    """
    smoke = smoke_test(served, name=name)
    answer = served.chat(name, question=_QUESTION, max_tokens=_TOKENS)
    if not answer:
        raise NoChatError(url=served.url)
    confirm_idle(served)
    return f"{smoke.model} answers, scores {smoke.scored_tokens} tokens of a prompt, chats, and is idle"


def confirm_idle(served: ServedModel) -> None:
    """Prove by the engine's own metrics that it works for nobody now.

    Raises:
        BusyServiceError: it does.
        NoEngineMetricsError: its metrics do not say.
    """
    load = read_engine_load(served.metrics(), url=served.url)
    if not load.idle:
        raise BusyServiceError(url=served.url, running=load.running, waiting=load.waiting)
