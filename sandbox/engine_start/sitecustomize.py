"""Asks Linux for the CPU's matrix unit (AMX) in every Python process of the engine; Python imports this by its name.

vLLM's own kernels use it without asking. oneDNN's ask, but run only for longer prompts: when the first prompt of an
engine was a short one ("The sun", 4 tokens), its worker died of an illegal instruction (vLLM 0.32.0, Sapphire Rapids).
"""

import ctypes
import platform

_ARCH_PRCTL = 158  # the system call's number on x86-64
_REQUEST_PERMISSION, _TILE_DATA = 0x1023, 18  # ARCH_REQ_XCOMP_PERM and the feature, from Linux's asm/prctl.h

if platform.machine() == "x86_64" and platform.system() == "Linux":
    # A CPU without the unit refuses, and its kernels are never chosen then.
    ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA)
