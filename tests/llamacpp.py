"""A real llama.cpp, from the wheel xllamacpp: loads a file, tokenizes, generates, embeds."""

from __future__ import annotations

import contextlib
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xllamacpp


class LlamaCpp:
    """A loaded model. Loading fails on any tensor or key that llama.cpp refuses.

    Args:
        path: the GGUF file.
        embedding: load it to embed texts instead of generating.
        threads: for tiny models one, as several spend their time waiting for each other.

    Attributes:
        server: of llama.cpp, for whatever this class has no method for.

    Raises:
        RuntimeError: llama.cpp does not load the file.
    """

    def __init__(self, path: Path, *, embedding: bool = False, threads: int = 2) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = 512
        params.n_parallel = 1
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
        params.warmup = False
        # Every block's scales must be finite.
        params.check_tensors = True
        params.verbosity = -1
        params.embedding = embedding
        self.server = xllamacpp.Server(params)

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids of `text`, special tokens in the text recognised; `special`: and added."""
        body = {"content": text, "add_special": special, "parse_special": True}
        # The server listens on the loopback interface only.
        address = urlsplit(self.server.listening_address).netloc
        with contextlib.closing(http.client.HTTPConnection(address, timeout=60)) as connection:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/tokenize", json.dumps(body), headers)
            tokens: list[int] = json.load(connection.getresponse())["tokens"]
        return tokens

    def generate(self, prompt: str, tokens: int) -> str:
        """Greedy continuation of `prompt`."""
        reply = self.server.handle_completions(
            {"prompt": prompt, "max_tokens": tokens, "temperature": 0.0, "seed": 0}
        )
        return str(reply["choices"][0]["text"])

    def logits(self, prompt: str, vocabulary: int) -> list[float]:
        """Logits of the token after `prompt`, shifted to a mean of 0, of `vocabulary` tokens."""
        body = {
            "prompt": prompt,
            "max_tokens": 1,
            "temperature": 0.0,
            "logprobs": vocabulary,
            # The reply holds probabilities, of before the bias, only with a token that is text.
            "logit_bias": [["a", 1000.0]],
        }
        choice = self.server.handle_completions(body)["choices"][0]
        found = choice["logprobs"]["content"][0]["top_logprobs"]
        by_id = {entry["id"]: entry["logprob"] for entry in found}
        mean = sum(by_id.values()) / vocabulary
        return [by_id[token] - mean for token in range(vocabulary)]

    def embed(self, texts: list[str]) -> list[list[float]]:
        """One embedding a text."""
        reply: dict[str, Any] = self.server.handle_embeddings({"input": texts})
        return [item["embedding"] for item in reply["data"]]

    def classify(self, text: str, classes: int) -> list[float]:
        """Outputs of a classifier, as many as it has classes, as they are."""
        body = {"input": [text], "embd_normalize": -1}
        reply: dict[str, Any] = self.server.handle_embeddings(body)
        # The reply is as long as the model is wide; what follows the outputs is not set.
        outputs: list[float] = reply["data"][0]["embedding"][:classes]
        return outputs
