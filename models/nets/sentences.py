"""A net of sentences: BERT's encoder over word pieces, whose mean over a text is a vector of unit length.

As in all-MiniLM-L6-v2 (Reimers and Gurevych, 2019; Wang et al., 2020). Names of parameters are those that it was
published with.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.nets.export import OPSET

_EPS = 1e-12
_NOTHING = -1e9  # added to what a token thinks of one that is none
_TOLERANCE = 1e-4  # of values of unit vectors


@dataclass(frozen=True)
class Sizes:
    """Of a net: `num_places` is the longest text in pieces, `num_inner` the width between two dense layers."""

    num_words: int
    num_places: int
    dim: int
    num_inner: int
    num_layers: int
    num_heads: int


class SentenceNet(nn.Module):
    """(B, T) numbers of word pieces, and which of them are there (1, else 0) -> (B, D) float32 of unit length."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.embeddings = _Embeddings(sizes)
        self.encoder = _Encoder(sizes)

    def forward(self, numbers: Tensor, is_there: Tensor) -> Tensor:
        there = is_there.to(torch.float32)
        states = self.embeddings(numbers)
        hidden = (1.0 - there)[:, None, None, :] * _NOTHING
        states = self.encoder(states, hidden)
        weights = there[..., None]
        mean = (states * weights).sum(1) / weights.sum(1).clamp(min=_EPS)
        return F.normalize(mean, dim=1)


def build_sentence_net(weights: Mapping[str, Tensor], num_heads: int) -> SentenceNet:
    """The net of published weights, in evaluation mode; sizes are those of the tensors.

    Raises RuntimeError for tensors that lack one, and KeyError for those of another net.
    """
    num_words, dim = weights["embeddings.word_embeddings.weight"].shape
    num_places = len(weights["embeddings.position_embeddings.weight"])
    inner = weights["encoder.layer.0.intermediate.dense.weight"]
    numbers = {int(n.split(".")[2]) for n in weights if n.startswith("encoder.layer.")}
    sizes = Sizes(num_words, num_places, dim, len(inner), len(numbers), num_heads)
    net = SentenceNet(sizes)
    known = net.state_dict()
    net.load_state_dict({n: w for n, w in weights.items() if n in known})
    return net.eval()


def export_sentences(net: SentenceNet) -> bytes:
    """ONNX with the inputs `numbers` and `is_there`, int64 (B, T), and the output `vectors`; B and T are free.

    Raises ValueError when onnxruntime and torch disagree.
    """
    example = _make_example(2, 7, net), _make_example(3, 19, net)
    buffer: Any = io.BytesIO()
    free = {0: "texts", 1: "pieces"}
    # the tracing exporter is marked old; the new one takes a minute
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            example[0],
            buffer,
            input_names=["numbers", "is_there"],
            output_names=["vectors"],
            opset_version=OPSET,
            dynamic_axes={"numbers": free, "is_there": free, "vectors": {0: "texts"}},
            dynamo=False,
        )
    content: bytes = buffer.getvalue()
    for numbers, is_there in example:
        _require_parity(net, content, numbers, is_there)
    return content


def _make_example(batch: int, count: int, net: SentenceNet) -> tuple[Tensor, Tensor]:
    """Texts of every length from `count` down, of pieces that differ."""
    num_words = net.embeddings.word_embeddings.num_embeddings
    numbers = torch.arange(batch * count).reshape(batch, count) * 7 % num_words
    is_there = torch.arange(count)[None] < count - torch.arange(batch)[:, None]
    return numbers, is_there.to(torch.int64)


@torch.inference_mode()
def _require_parity(
    net: SentenceNet, content: bytes, numbers: Tensor, is_there: Tensor
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    asked = {"numbers": numbers.numpy(), "is_there": is_there.numpy()}
    (found,) = session.run(None, asked)
    gap = float((net(numbers, is_there) - torch.from_numpy(found)).abs().max())
    if not gap <= _TOLERANCE:
        raise ValueError(
            f"the ONNX form of the net of sentences differs from torch by {gap:.1e}: do not use it"
        )


class _Embeddings(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.num_words, sizes.dim)
        self.position_embeddings = nn.Embedding(sizes.num_places, sizes.dim)
        self.token_type_embeddings = nn.Embedding(2, sizes.dim)
        self.LayerNorm = nn.LayerNorm(sizes.dim, eps=_EPS)

    def forward(self, numbers: Tensor) -> Tensor:
        places = torch.arange(numbers.shape[1], device=numbers.device)
        found = self.word_embeddings(numbers) + self.position_embeddings(places)
        return self.LayerNorm(found + self.token_type_embeddings.weight[0])


class _Encoder(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(sizes) for _ in range(sizes.num_layers))

    def forward(self, states: Tensor, hidden: Tensor) -> Tensor:
        for layer in self.layer:
            states = layer(states, hidden)
        return states


class _Layer(nn.Module):
    """Attention and two dense layers, each added to what came in; parameters nested as published."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        dim = sizes.dim
        self.num_heads = sizes.num_heads
        parts = {name: nn.Linear(dim, dim) for name in ("query", "key", "value")}
        self.attention = nn.ModuleDict(
            {"self": nn.ModuleDict(parts), "output": _Output(dim, dim)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(dim, sizes.num_inner)})
        self.output = _Output(sizes.num_inner, dim)

    def forward(self, states: Tensor, hidden: Tensor) -> Tensor:
        parts = self.attention["self"]
        query, key, value = (
            self._part(parts[name](states))  # type: ignore[index]
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + hidden
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        states = self.attention["output"](mixed, states)
        inner = F.gelu(self.intermediate["dense"](states))
        return self.output(inner, states)

    def _part(self, states: Tensor) -> Tensor:
        """(B, T, D) -> (B, heads, T, D / heads)."""
        batch, count, dim = states.shape
        shape = batch, count, self.num_heads, dim // self.num_heads
        return states.view(shape).transpose(1, 2)


class _Output(nn.Module):
    def __init__(self, num_in: int, dim: int) -> None:
        super().__init__()
        self.dense = nn.Linear(num_in, dim)
        self.LayerNorm = nn.LayerNorm(dim, eps=_EPS)

    def forward(self, states: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(states) + before)
