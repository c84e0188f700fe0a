"""Runs commands in forked children, so that thousands of trials do not wait for imports.

Started by path, alone, with the checkout to be tried on PYTHONPATH; knows no other file of this
folder. Each line on stdin is a request in JSON, each line on stdout its answer. A child is a
process of its own: argv, folder, environment, limits and streams are those of the request, and
what runs in it is `covidreport.cli.main`, as the installed command calls it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn


def main() -> None:
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "import" in request:
            _load(request["import"])
            answer: dict[str, Any] = {}
        else:
            answer = _run(request)
        print(json.dumps(answer), flush=True)


def _load(names: list[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001, S112 - a module that only loads within another's loading
            continue


def _run(request: dict[str, Any]) -> dict[str, Any]:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(request)
    hung = False
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > request["timeout"]:
            hung = True
            os.killpg(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            break
        time.sleep(0.002)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "hung": hung,
        "seconds": time.monotonic() - began,
    }


def _become(request: dict[str, Any]) -> NoReturn:
    """Be the process that the request asks for; never returns."""
    code = 1
    try:
        os.setsid()
        for place, flags, name in ((0, os.O_RDONLY, os.devnull), (1, os.O_WRONLY, request["out"]),
                                   (2, os.O_WRONLY, request["err"])):  # fmt: skip
            os.dup2(
                os.open(name, flags | os.O_CREAT | os.O_TRUNC if place else flags, 0o644), place
            )
        os.chdir(request["cwd"])
        os.environ.update(request["env"])
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for name, value in request.get("limits", {}).items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
        code = _call(request)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - what Python does with what nobody caught
        traceback.print_exc()
    finally:
        os._exit(code)


def _call(request: dict[str, Any]) -> int:
    if "oracle" in request:
        spec = importlib.util.spec_from_file_location("oracle", request["oracle"])
        if spec is None or spec.loader is None:
            raise SystemExit(f"{request['oracle']}: no module")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.main(request["args"])
        return 0
    sys.argv = ["covidreport", *request["args"]]
    from covidreport.cli import main as command

    try:
        command()
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        names = request.get("modules")
        if names:
            Path(names).write_text("\n".join(list(sys.modules)))
    return 0


if __name__ == "__main__":
    main()
