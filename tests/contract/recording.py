"""A program that records its arguments and then behaves as told, found on the path before the real one.

The programs that it stands in for talk to a MinIO or to a production cluster. What calls them runs for real.
"""

from __future__ import annotations

import os
from pathlib import Path

SCRIPT = """#!/bin/sh
printf '%s\\n' "$*" >>"$RECORDS/arguments"
{body}
"""


def recorder(folder: Path, name: str, body: str) -> dict[str, str]:
    """Put a recording program into a folder; return an environment that finds it first.

    Args:
        folder: where the program is, and the file `arguments`, a line for each call.
        name: the program's name.
        body: what it does then, as a shell script; `$RECORDS` is the folder.
    """
    program = folder / name
    program.write_text(SCRIPT.format(body=body))
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "RECORDS": str(folder), "HOME": str(folder)}
