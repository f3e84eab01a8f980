"""What vLLM's log says about arguments and the model's files when it does not start; vLLM 0.6 to 0.32's wording."""

from __future__ import annotations

from k8s.diagnosis import Category
from k8s.status.symptom import Symptom

MODEL_SYMPTOMS = (
    Symptom(
        pattern=r"error: unrecognized arguments: (?P<arguments>.+)",
        category=Category.ARGUMENT,
        sentence="this vLLM does not know the argument {arguments}",
        remedy="in {file} remove it from vllm_args, or correct its spelling",
    ),
    Symptom(
        pattern=r"error: argument (?P<argument>[^:\n]+): (?P<why>.+)",
        category=Category.ARGUMENT,
        sentence="vLLM refuses the value of {argument}: {why}",
        remedy="in {file} correct {argument} in vllm_args",
    ),
    Symptom(
        pattern=r"invalid (?P<kind>tool call|reasoning) parser: (?P<parser>\S+)",
        category=Category.ARGUMENT,
        sentence="this vLLM has no {kind} parser {parser}",
        remedy="in {file} correct the parser in vllm_args",
    ),
    Symptom(
        pattern=r"max_num_batched_tokens \((?P<batched>\d+)\) is smaller than max_model_len \((?P<longest>\d+)\)",
        category=Category.ARGUMENT,
        sentence="--max-num-batched-tokens={batched} is less than --max-model-len={longest}",
        remedy="in {file} set --enable-chunked-prefill, or raise --max-num-batched-tokens to {longest}",
    ),
    Symptom(
        pattern=r"max_model_len \((?P<wanted>\d+)\) is greater than the derived max_model_len "
        r"\((?:\w+)=(?P<longest>\d+)",
        category=Category.ARGUMENT,
        sentence="--max-model-len={wanted} is longer than the model's context of {longest} tokens",
        remedy="in {file} lower --max-model-len to {longest} or less",
    ),
    # `--quantization=awq` on weights of compressed-tensors crash-looped in the earlier version.
    Symptom(
        pattern=r"specified in the model config \((?P<held>[^)]*)\) does not match the quantization method specified "
        r"in the `quantization` argument \((?P<asked>[^)]*)\)",
        category=Category.QUANTIZATION,
        sentence="--quantization={asked} contradicts the weights, which are {held}",
        remedy="in {file} remove --quantization from vllm_args: vLLM reads it from config.json",
    ),
    Symptom(
        pattern=r"Unknown quantization method: (?P<asked>[\w-]+)|Cannot find the config file for (?P<config>[\w-]+)",
        category=Category.QUANTIZATION,
        sentence="the weights are not quantized as --quantization says",
        remedy="in {file} remove --quantization from vllm_args: vLLM reads it from config.json",
    ),
    Symptom(
        pattern=r"quantization method (?P<method>[\w-]+) is not supported for the current GPU\. Minimum capability: "
        r"(?P<least>\d+)\. Current capability: (?P<has>\d+)",
        category=Category.QUANTIZATION,
        sentence="the GPU cannot compute {method}: its compute capability is {has}, and {least} is needed",
        remedy="in {file} choose a newer GPU in node_selector, or another quantization of the model",
    ),
    Symptom(
        pattern=r"(?:torch\.)?(?P<dtype>float16|bfloat16|float32) is not supported for quantization method "
        r"(?P<method>[\w-]+)",
        category=Category.UNSUPPORTED,
        sentence="{method} cannot be computed in {dtype}",
        remedy="in {file} set --dtype=auto",
    ),
    Symptom(
        pattern=r"Bfloat16 is only supported on GPUs with compute capability of at least (?P<least>[\d.]+)\. Your "
        r"(?P<gpu>.+?) GPU has compute capability (?P<has>[\d.]+)\b",
        category=Category.UNSUPPORTED,
        sentence="the {gpu} has compute capability {has}, and bfloat16 needs {least}",
        remedy="in {file} set --dtype=half, or choose a newer GPU in node_selector",
    ),
    # `--tokenizer-mode=mistral` on a repository without tekken.json crash-looped in the earlier version.
    Symptom(
        pattern=r"Found 0 files matching the pattern|Make sure that a Mistral tokenizer is present|"
        r"Unrecognized tokenizer file|No tokenizer file found",
        category=Category.TOKENIZER,
        sentence="the version has no Mistral tokenizer (tekken.json), which --tokenizer-mode=mistral reads",
        remedy="in {file} remove --tokenizer-mode from vllm_args",
    ),
    Symptom(
        pattern=r"Can't load tokenizer for '(?P<path>[^']+)'|Couldn't instantiate the backend tokenizer",
        category=Category.TOKENIZER,
        sentence="the tokenizer's files are missing or unreadable",
        remedy="check the version's files, and import it anew under another version if they are not complete",
    ),
    Symptom(
        pattern=r"Model architectures? \[?'?(?P<architecture>\w+).{0,20}?(?:are|is|was) (?:not supported|supported in)",
        category=Category.UNSUPPORTED,
        sentence="this vLLM cannot serve {architecture}",
        remedy="set SLIPWAY_RUNTIME_BASE_IMAGE to another vLLM and import again",
    ),
    Symptom(
        pattern=r"Cannot find any (?:\w+ )?model weights with `(?P<path>[^`]+)`",
        category=Category.WEIGHTS,
        sentence="there are no weights in {path}",
        remedy="check what storageUri names, trailing slash included, and that the version was imported",
    ),
    Symptom(
        pattern=r"Invalid repository ID or local directory specified|No supported config format found|"
        r"does not appear to have a file named config\.json|config\.json'?: No such file|"
        r"Repo id must be in the form|couldn't connect to 'https://huggingface\.co'|OfflineModeIsEnabled|"
        r"outgoing traffic has been disabled",
        category=Category.WEIGHTS,
        sentence="there is no config.json where the weights should be",
        remedy="check what storageUri names, trailing slash included, and that the version was imported",
    ),
    Symptom(
        pattern=r"Error while deserializing header: \w+|No such file or directory: \"?'?\S+safetensors",
        category=Category.WEIGHTS,
        sentence="a weight file is missing or cut short",
        remedy="prove the bytes again: prefect deployment run verify/{model} --watch",
    ),
)
