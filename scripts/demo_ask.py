#!/usr/bin/env python3
"""Let llama.cpp answer one question from a GGUF file, with the file's own chat template."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import xllamacpp


def ask(model: Path, question: str, *, tokens: int, threads: int) -> str:
    """Return the model's greedy answer, at most `tokens` tokens long.

    Exits with status 1 when llama.cpp does not load the file or returns no text.
    """
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx = 1024
    params.n_predict = tokens
    params.n_gpu_layers = 0
    params.n_parallel = 1
    params.cpuparams.n_threads = threads
    params.warmup = False
    params.verbosity = -1
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        sys.exit(f"{model}: llama.cpp does not load it: {error}")
    reply = server.handle_chat_completions(
        {
            "messages": [{"role": "user", "content": question}],
            "max_tokens": tokens,
            "temperature": 0.0,
            "seed": 0,
        }
    )
    try:
        return str(reply["choices"][0]["message"]["content"]).strip()
    except (KeyError, IndexError, TypeError):
        sys.exit(f"{model}: llama.cpp gave no answer: {reply}")


def main() -> None:
    """Parse the command line, ask and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("question")
    parser.add_argument("--tokens", type=int, default=96, help="longest answer (default 96)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not args.model.is_file():
        parser.error(f"{args.model}: no such file")
    answer = ask(args.model, args.question, tokens=args.tokens, threads=args.threads)
    if not answer:
        sys.exit(f"{args.model}: llama.cpp answered with nothing")
    print(f"question: {args.question}\nanswer:   {answer}")


if __name__ == "__main__":
    main()
