"""Reads the protobuf bodies that kubectl's typed commands send: `create`, `auth can-i`, `auth whoami`.

Only the messages of those commands are known; everything else comes as JSON. Field numbers are those of the `.proto`
files that Kubernetes publishes.
"""

import base64
from collections.abc import Iterator

from sandbox.kube.errors import UnsupportedMediaTypeError
from sandbox.kube.objects import Json, Object

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Per message, "number:name:type"; a star marks a repeated field, map values are `map` (text) or `bytemap`.
_MESSAGES = {
    "Meta": "1:name:s 2:generateName:s 3:namespace:s 4:selfLink:s 5:uid:s 6:resourceVersion:s 7:generation:skip "
    "8:creationTimestamp:skip 9:deletionTimestamp:skip 10:deletionGracePeriodSeconds:skip 11:labels:map "
    "12:annotations:map 14:finalizers:s*",
    "Namespace": "1:metadata:Meta 2:spec:skip 3:status:skip",
    "ConfigMap": "1:metadata:Meta 2:data:map 3:binaryData:bytemap 4:immutable:b",
    "Secret": "1:metadata:Meta 2:data:bytemap 3:type:s 4:stringData:map 5:immutable:b",
    "ServiceAccount": "1:metadata:Meta 4:automountServiceAccountToken:b",
    "Job": "1:metadata:Meta 2:spec:JobSpec 3:status:skip",
    "JobSpec": "1:parallelism:i 2:completions:i 3:activeDeadlineSeconds:i 6:template:PodTemplate 7:backoffLimit:i "
    "8:ttlSecondsAfterFinished:i 9:completionMode:s 10:suspend:b",
    "PodTemplate": "1:metadata:Meta 2:spec:PodSpec",
    "PodSpec": "2:containers:Container* 3:restartPolicy:s 4:terminationGracePeriodSeconds:i 5:activeDeadlineSeconds:i "
    "6:dnsPolicy:s 7:nodeSelector:map 8:serviceAccountName:s 9:serviceAccount:skip 10:nodeName:s 11:hostNetwork:skip "
    "12:hostPID:skip 13:hostIPC:skip 16:hostname:s 17:subdomain:s 19:schedulerName:s 24:priorityClassName:s",
    "Container": "1:name:s 2:image:s 3:command:s* 4:args:s* 5:workingDir:s 7:env:Env* 8:resources:skip "
    "13:terminationMessagePath:s 14:imagePullPolicy:s 16:stdin:b 17:stdinOnce:b 18:tty:b 20:terminationMessagePolicy:s",
    "Env": "1:name:s 2:value:s",
    "SelfSubjectAccessReview": "1:metadata:Meta 2:spec:Access 3:status:skip",
    "Access": "1:resourceAttributes:Attributes 2:nonResourceAttributes:Path",
    "Attributes": "1:namespace:s 2:verb:s 3:group:s 4:version:s 5:resource:s 6:subresource:s 7:name:s",
    "Path": "1:path:s 2:verb:s",
    "SelfSubjectRulesReview": "1:metadata:Meta 2:spec:Rules 3:status:skip",
    "Rules": "1:namespace:s",
    "SelfSubjectReview": "1:metadata:Meta 2:status:skip",
    "TokenRequest": "1:metadata:Meta 2:spec:skip 3:status:skip",
    "Envelope": "1:typeMeta:Type 2:raw:bytes 3:contentEncoding:s 4:contentType:s",
    "Type": "1:apiVersion:s 2:kind:s",
}
_FIELDS = {
    message: {int(n): (name, kind) for n, name, kind in (field.split(":") for field in text.split())}
    for message, text in _MESSAGES.items()
}


def decode(data: bytes) -> Object:
    """Return the object of a protobuf body.

    Raises:
        UnsupportedMediaTypeError: its kind, or one of its fields, is not known here.
    """
    if not data.startswith(_MAGIC):
        raise UnsupportedMediaTypeError(CONTENT_TYPE, "application/json")
    envelope = _message("Envelope", data[len(_MAGIC) :])
    about = envelope.get("typeMeta") or {}
    if about.get("kind") not in _FIELDS:
        told = f"{CONTENT_TYPE} for {about.get('kind')}: write a file and use `kubectl create -f`"
        raise UnsupportedMediaTypeError(told, "application/json")
    return {**about, **_message(about["kind"], envelope.get("raw") or b"")}


def _message(message: str, data: bytes) -> Object:
    found: Object = {}
    for number, raw in _fields(data):
        if number not in _FIELDS[message]:
            told = f"{CONTENT_TYPE} with field {number} of {message}: write a file and use `kubectl create -f`"
            raise UnsupportedMediaTypeError(told, "application/json")
        name, kind = _FIELDS[message][number]
        if kind == "skip":
            continue
        if kind in {"map", "bytemap"}:
            pair = dict(_fields(bytes(raw)))
            found.setdefault(name, {})[_text(pair.get(1, b""))] = _value(
                "s" if kind == "map" else "base64", pair.get(2, b"")
            )
        elif kind.endswith("*"):
            found.setdefault(name, []).append(_value(kind[:-1], raw))
        elif (value := _value(kind, raw)) not in ("", {}):  # Go writes empty fields, too
            found[name] = value
    return found


def _value(kind: str, raw: Json) -> Json:
    if kind == "s":
        return _text(raw)
    if kind == "base64":
        return base64.b64encode(raw).decode()
    if kind in {"i", "bytes"}:
        return raw
    return bool(raw) if kind == "b" else _message(kind, raw)


def _text(raw: bytes) -> str:
    return raw.decode()


def _fields(data: bytes) -> Iterator[tuple[int, Json]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
            yield number, int.from_bytes(data[at : at + size], "little")
            at += size
        elif wire == _BYTES:
            size, at = _varint(data, at)
            yield number, data[at : at + size]
            at += size
        else:
            raise UnsupportedMediaTypeError(f"{CONTENT_TYPE} with wire type {wire}", "application/json")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no continuation bit
            return value, at
