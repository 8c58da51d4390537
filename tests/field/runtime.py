"""llama.cpp as it runs the files of the cases: float32 throughout, and ids in, numbers out."""

from __future__ import annotations

import contextlib
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xllamacpp

POOLING = xllamacpp.llama_pooling_type


class Runtime:
    """A loaded model whose keys and values are kept in float32.

    Args:
        path: the GGUF file.
        encoder: load it to embed texts; `pooled`: by the file's own pooling, else by the mean.
        rank: load it as a cross-encoder.

    Raises:
        RuntimeError: llama.cpp does not load the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        encoder: bool = False,
        pooled: bool = True,
        rank: bool = False,
    ) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = 512
        params.n_parallel = 1
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.warmup = False
        params.check_tensors = True
        params.verbosity = -1
        params.embedding = encoder
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        if rank:
            params.pooling_type = POOLING.LLAMA_POOLING_TYPE_RANK
        elif not pooled:
            params.pooling_type = POOLING.LLAMA_POOLING_TYPE_MEAN
        self._server = xllamacpp.Server(params)
        self._encoder = encoder

    def answer(self) -> None:
        """Let it do something: a server that is stopped before its loop has begun never ends."""
        if self._encoder:
            self._post("/embedding", {"content": [0, 1]})
        else:
            self._post("/completion", {"prompt": [0, 1], "n_predict": 0})

    def ids(self, text: str, *, special: bool) -> list[int]:
        """Token ids of `text`; `special`: with what the file's flags add around it."""
        body = {"content": text, "add_special": special, "parse_special": True}
        found: list[int] = self._post("/tokenize", body)["tokens"]
        return found

    def next_logits(self, prompt: list[int], size: int) -> list[float]:
        """Logits of the token after `prompt`, shifted to a mean of 0."""
        body = {
            "prompt": prompt,
            "n_predict": 1,
            "temperature": 0.0,
            "n_probs": size,
            # The reply holds probabilities, of before the bias, only with a token that is text.
            "logit_bias": [["a", 1000.0]],
        }
        found = self._post("/completion", body)["completion_probabilities"][0]["top_logprobs"]
        by_id = {entry["id"]: entry["logprob"] for entry in found}
        mean = sum(by_id.values()) / size
        return [by_id[token] - mean for token in range(size)]

    def stops_at(self, token: int, prompt: list[int]) -> bool:
        """Whether generating `token` ends the text."""
        body = {
            "prompt": prompt,
            "n_predict": 2,
            "temperature": 0.0,
            "logit_bias": [[token, 1000.0]],
        }
        return bool(self._post("/completion", body)["stop_type"] == "eos")

    def embed(self, text: str) -> list[float]:
        """The embedding of `text`."""
        reply: dict[str, Any] = self._server.handle_embeddings({"input": [text]})
        found: list[float] = reply["data"][0]["embedding"]
        return found

    def score(self, query: str, document: str) -> float:
        """A cross-encoder's score of a pair."""
        reply = self._server.handle_rerank({"query": query, "documents": [document]})
        return float(reply["results"][0]["relevance_score"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        # The server listens on the loopback interface only.
        address = urlsplit(self._server.listening_address).netloc
        with contextlib.closing(http.client.HTTPConnection(address, timeout=60)) as connection:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            found: dict[str, Any] = json.load(connection.getresponse())
        return found
