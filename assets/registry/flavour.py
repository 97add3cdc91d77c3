"""Describe a model folder to MLflow as ONNX, without touching its bytes: the MLmodel file with its signature."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from assets.inference.package import ONNX

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

PROVIDERS = ("CPUExecutionProvider",)


def write_mlmodel(folder: Path, model_id: str) -> None:
    """Write MLmodel and requirements.txt beside model.onnx, so that mlflow.onnx and mlflow.pyfunc load the folder."""
    from mlflow.models import Model

    requirements = [
        f"{name}=={version(name)}" for name in ("mlflow", "onnx", "onnxruntime")
    ]
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", "utf-8")
    model = Model(model_id=model_id, signature=read_signature(folder / ONNX))
    python = platform.python_version()
    model.add_flavor(
        "python_function",
        loader_module="mlflow.onnx",
        data=ONNX,
        python_version=python,
        env={},
    )
    model.add_flavor(
        "onnx",
        onnx_version=version("onnx"),
        data=ONNX,
        providers=list(PROVIDERS),
        onnx_session_options=None,
        code=None,
    )
    model.save(str(folder / "MLmodel"))


def read_signature(path: Path) -> ModelSignature:
    """Inputs and outputs of an ONNX file as named tensors; a dimension without a fixed size is -1."""
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

    graph = onnx.load(path, load_external_data=False).graph
    inputs, outputs = (
        Schema([_tensor(v) for v in values]) for values in (graph.input, graph.output)
    )
    return ModelSignature(inputs=inputs, outputs=outputs)


def _tensor(value):  # type: ignore[no-untyped-def]  # onnx.ValueInfoProto -> mlflow TensorSpec, both imported late
    from mlflow.types import TensorSpec
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = value.type.tensor_type
    shape = tuple(
        d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim
    )
    return TensorSpec(tensor_dtype_to_np_dtype(tensor.elem_type), shape, value.name)
