"""The libraries of ONNX Runtime's CUDA provider, which load without a card."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import onnxruntime as ort
import pytest

from covidreport.inference.providers import provider_named

OF_THE_DRIVER = {"libcuda.so.1"}
LOADED_LATER = {"libcudnn.so.9"}
"""What the provider opens at its first convolution, so that its file does not ask for it."""

LOAD = """
import ctypes, sys
from covidreport.inference.providers import load_libraries, provider_named
load_libraries(provider_named("cuda"))
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError as error:
        print(error)
"""


def test_every_library_that_the_cuda_provider_needs_loads():
    """But the driver's; with the extra `gpu` they are all there, with torch alone cuRAND is not."""
    name = provider_named("cuda").library
    assert name is not None
    library = Path(ort.capi.__file__).parent / name
    if not library.is_file():
        pytest.skip("this ONNX Runtime is built without CUDA")
    if not shutil.which("objdump"):
        pytest.skip("objdump, which reads what a library needs, is not here (package binutils)")
    told = subprocess.run(
        ["objdump", "-p", library], capture_output=True, text=True, check=True
    ).stdout
    needed = {line.split()[1] for line in told.splitlines() if line.strip().startswith("NEEDED")}
    assert needed >= OF_THE_DRIVER  # it was read at all
    names = sorted((needed | LOADED_LATER) - OF_THE_DRIVER)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *names], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_curand_is_pinned_to_the_toolkit_that_torch_brings():
    """NVIDIA states which cuRAND belongs to a release of CUDA."""
    try:
        toolkit = requires("cuda-toolkit") or []
    except PackageNotFoundError:
        pytest.skip("this torch is built without CUDA")
    (stated,) = {line.split(";")[0].strip() for line in toolkit if "nvidia-curand" in line}
    constraints = Path(__file__).parents[2] / "constraints.txt"
    (pinned,) = [line for line in constraints.read_text().split() if "nvidia-curand" in line]
    assert f"{pinned}.*" == stated
