"""ONNX Runtime by itself: a session with whatever options, on a batch that lies on the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from covidreport.inference.execution import Execution
from covidreport.inference.half import half_model
from covidreport.inference.providers import load_libraries
from covidreport.storage.model import identify_model


class Bare:
    """A session on one batch, with options of the provider beside those of the product.

    Inputs and outputs keep their addresses, as recorded graphs need them. On the CPU the options
    are left out: it has none of them.
    """

    def __init__(
        self, model: Path, execution: Execution, batch: NDArray[Any], **options: str
    ) -> None:
        load_libraries(execution.provider)
        self.batch = batch
        provider: Any = execution.provider.ort_name
        if execution.provider.accelerator:
            own = {"device_id": str(execution.device_id), **execution.options}
            provider = (provider, {**own, **options})
        told = ort.SessionOptions()
        told.log_severity_level = 4
        content = half_model(model, identify_model(model).sha256) if execution.converts else model
        self.inner = ort.InferenceSession(content, told, providers=[provider], enable_fallback=0)
        if self.inner.get_providers()[0] != execution.provider.ort_name:
            raise SystemExit(f"{execution.provider.name} was asked for and does not run")
        self._binding = self.inner.io_binding()
        device, number = execution.provider.device, execution.device_id
        self._input = ort.OrtValue.ortvalue_from_numpy(batch, device, number)
        self._binding.bind_ortvalue_input(self.inner.get_inputs()[0].name, self._input)
        (output,) = self.inner.get_outputs()
        self._output = ort.OrtValue.ortvalue_from_shape_and_type(
            [len(batch), *output.shape[1:]], np.float32, device, number
        )
        self._binding.bind_ortvalue_output(output.name, self._output)

    def run(self) -> int:
        """Once; how many images."""
        self.inner.run_with_iobinding(self._binding)
        return len(self.batch)

    def answer(self) -> NDArray[np.float32]:
        """What it gives, float32 `(N, K)`."""
        self.run()
        answer: NDArray[np.float32] = np.array(self._output.numpy())
        return answer
