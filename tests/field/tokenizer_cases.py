"""Cases about tokenizer files: kinds 01-04, 06, 11, 13, 22, 24, 25, 27, 28."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from field.case import Case, Refused, Right
from field.folders import (
    ABSENT,
    BEGIN,
    BERT_SPECIAL,
    CHATML,
    END,
    GPT2,
    QWEN2,
    WORDS,
    Folder,
    Piece,
    added,
    bert,
    chatml_bpe,
    decoder_entry,
    gpt2,
    llama_bpe,
    llama_spm,
    llama_tensors,
    old_files,
    pieces,
    qwen3,
    sentencepiece_model,
    split,
    template,
    vocab_txt,
)

LFS = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:9e556afd44213b6bd1be2b850ebbbd98f5481437a8021afaf58ee7fb1818d347\nsize 499723\n"
)
TEMPLATE = "NEW {% for x in messages %}{{ x['content'] }}{% endfor %}"


# ------------------------------------------------------------------------ 01-03, 28: one truth
def _tiktoken() -> Folder:
    lines = (f"{base64.b64encode(bytes([i])).decode()} {i}\n" for i in range(256))
    return llama_bpe(spare=4).put({"tokenizer.model": "".join(lines)})


def _json_only_added() -> Folder:
    folder = llama_spm([("<|im_start|>", True), ("<|im_stop|>", True)])
    folder.change(eos_token_id=folder.size - 1)
    return folder.say(eos_token="<|im_stop|>", extra_special_tokens=["<|im_start|>"])  # noqa: S106 - a token of the vocabulary


def _renamed(old: str, new: str) -> Folder:
    found = [(new if text == old else text, score, kind) for text, score, kind in pieces()]
    folder = llama_spm(found=found).say(tokenizer_class="PreTrainedTokenizerFast")
    return folder.say(eos_token=new) if old == "</s>" else folder


def _more_pieces_in_json() -> Folder:
    """New words were added to the merges of tokenizer.json, as vocabulary extension does."""
    return llama_spm(found=_extended()).say(tokenizer_class="PreTrainedTokenizerFast")


def _extended() -> list[Piece]:
    known = pieces()
    seen = {text for text, _, _ in known}
    more = [p for p in pieces([*WORDS, "berlin", "quant"]) if p[0] not in seen]
    # After all others, so that they are merged last.
    return [*known, *((text, -1000.0 - i, kind) for i, (text, _, kind) in enumerate(more))]


def _fewer_pieces_in_json() -> Folder:
    """The vocabulary was cut: the last letters are gone from tokenizer.json and the embedding."""
    return llama_spm(found=pieces()[:-9]).say(tokenizer_class="PreTrainedTokenizerFast")


def _reordered() -> Folder:
    """tokenizer.json numbers the pieces of words backwards."""
    known = pieces()
    found = [*known[:259], *reversed(known[259:])]
    return llama_spm(found=found).say(tokenizer_class="PreTrainedTokenizerFast")


def _model_of_another() -> Folder:
    return llama_bpe().put({"tokenizer.model": sentencepiece_model(pieces())})


def _reserved_renamed(*places: int) -> Folder:
    """Pieces in the middle that nobody needs got names, as chat fine-tunes do."""
    found, more = pieces(), []
    for place, text in zip(places, ("<|user|>", "<|assistant|>"), strict=True):
        found[place] = (text, *found[place][1:])
        more.append(added(place, text))
    folder = llama_spm(found=found).say(tokenizer_class="PreTrainedTokenizerFast")
    folder.tokenizer["added_tokens"] += more
    return folder


def _disagreeing_added() -> Folder:
    extra = [("<|im_start|>", False), ("<|im_end|>", False)]
    folder = llama_spm(extra, kind="mistral", sliding_window=None)
    size = folder.size - 2
    entries = {
        **decoder_entry(0, "<unk>"),
        **decoder_entry(1, "<s>"),
        **decoder_entry(2, "</s>"),
        **decoder_entry(size, "<|im_start|>", special=False),
        **decoder_entry(size + 1, "<|im_end|>", special=False),
    }
    folder.say(added_tokens_decoder=entries)
    return folder.put({"added_tokens.json": {"<|im_end|>": size, "<|im_start|>": size + 1}})


def _disagreeing_decoder() -> Folder:
    """added_tokens_decoder is of a run with other ids than tokenizer.json."""
    folder = llama_bpe([BEGIN, "<|tool|>", END])
    size = folder.size
    return folder.say(
        added_tokens_decoder={
            **decoder_entry(size - 3, BEGIN),
            **decoder_entry(size - 2, END),
            **decoder_entry(size - 1, "<|tool|>"),
        }
    )


def _stale_added_json() -> Folder:
    """added_tokens.json names a token that the finished tokenizer does not have."""
    folder = llama_bpe()
    return folder.put({"added_tokens.json": {"<|gone|>": folder.size + 3, END: folder.size - 1}})


ONE_TRUTH = (
    Case("01-tiktoken-lines", _tiktoken, Right()),
    Case("01-lfs-pointer", lambda: llama_bpe().put({"tokenizer.model": LFS}), Right()),
    Case("01-empty-model", lambda: llama_bpe().put({"tokenizer.model": b""}), Right(compute=False)),
    Case("01-model-of-another", _model_of_another, Right(keys={"tokenizer.ggml.model": "gpt2"})),
    Case("02-added-in-json-only", _json_only_added, Right(metaspace=True, unsaid=("PAD",))),
    Case("02-words-in-json-only", _more_pieces_in_json, Right(notes=(("tokenizer.model",),))),
    Case("02-cut-in-json-only", _fewer_pieces_in_json, Right(notes=(("tokenizer.model",),))),
    Case(
        "03-end-renamed",
        lambda: _renamed("</s>", "<|im_end|>"),
        Right(notes=(("tokenizer.model", "<|im_end|>"),)),
    ),
    Case(
        "03-reserved-renamed",
        # Two letters that no text below has.
        lambda: _reserved_renamed(381, 382),
        Right(notes=(("tokenizer.model",),)),
    ),
    Case("03-bytes-renamed", lambda: _reserved_renamed(3, 4), Refused(("<0x00>",))),
    Case("03-renumbered", _reordered, Right(notes=(("tokenizer.model",),))),
    Case("28-added-tokens-json", _disagreeing_added, Right(unsaid=("PAD",))),
    Case("28-added-tokens-decoder", _disagreeing_decoder, Right()),
    Case("28-stale-added-tokens-json", _stale_added_json, Right()),
)


# ---------------------------------------------------------------------------- 04: beyond rows
def _beyond(*pads: str, rows: int) -> Folder:
    folder = llama_bpe([BEGIN, END, *pads])
    rows = folder.size - len(pads) + rows
    folder.stores.clear()
    folder.store(llama_tensors(rows))
    folder.change(vocab_size=rows, eos_token_id=folder.size - len(pads) - 1)
    return folder.say(eos_token=END, pad_token=pads[-1])


def _spm_beyond(*without: str) -> Folder:
    folder = llama_spm([("<pad>", True)])
    rows = folder.size - 1
    folder.stores.clear()
    folder.store(llama_tensors(rows, tied=False)).change(vocab_size=rows)
    folder.say(add_bos_token=True)
    folder.say(pad_token="<pad>", added_tokens_decoder=decoder_entry(rows, "<pad>"))  # noqa: S106 - a token of the vocabulary
    return folder.drop(*without)


def _wordpiece_beyond() -> Folder:
    folder = bert()
    folder.tokenizer["added_tokens"].append(added(folder.size, "<new>"))
    return folder


BEYOND_ROWS = (
    Case("04-bpe", lambda: _beyond("<pad>", rows=0), Right(notes=(("<pad>",),))),
    Case("04-spm-both", _spm_beyond, Right(notes=(("<pad>",),), metaspace=True)),
    Case(
        "04-spm-json",
        lambda: _spm_beyond("tokenizer.model"),
        Right(notes=(("<pad>",),), metaspace=True),
    ),
    Case(
        "04-spm-model",
        lambda: _spm_beyond("tokenizer.json"),
        Right(notes=(("<pad>",),), metaspace=True),
    ),
    Case(
        "04-one-of-two",
        lambda: _beyond("<|fits|>", "<pad>", rows=1),
        Right(notes=(("<pad>",),)),
    ),
    Case("04-wordpiece", _wordpiece_beyond, Right(notes=(("<new>",),))),
)


# -------------------------------------------------------------------------- 06: chat template
def _templates(old: object, **files: str) -> Folder:
    folder = llama_bpe().put({name.replace("__", "/"): text for name, text in files.items()})
    return folder if old is ABSENT else folder.say(chat_template=old)


_OLD = [{"name": "default", "template": "OLD"}, {"name": "tool_use", "template": "OLDTOOL"}]
_JINJA = {"chat_template.jinja": TEMPLATE}
_TOOL_KEY = "tokenizer.chat_template.tool_use"
TEMPLATES = (
    Case("06-both", lambda: _templates("OLD {{ messages }}", **_JINJA), Right(compute=False)),
    Case("06-null", lambda: _templates(None, **_JINJA), Right(compute=False)),
    Case("06-list", lambda: _templates(_OLD, **_JINJA), Right(compute=False)),
    Case(
        "06-no-tokenizer-config",
        lambda: llama_bpe().drop("tokenizer_config.json").put(_JINJA),
        Right(compute=False),
    ),
    Case(
        "06-additional",
        lambda: _templates(
            ABSENT, **_JINJA, **{"additional_chat_templates__tool_use.jinja": "TOOL {{ messages }}"}
        ),
        Right(compute=False, keys={_TOOL_KEY: "TOOL {{ messages }}"}),
    ),
    Case(
        "06-list-only", lambda: _templates(_OLD), Right(compute=False, keys={_TOOL_KEY: "OLDTOOL"})
    ),
    Case(
        "06-legacy-json",
        # Where the classes of processors kept theirs; tokenizers alone do not look there.
        lambda: _templates(
            ABSENT, **{"chat_template.json": '{"chat_template": "OF {{ messages }}"}'}
        ),
        Right(compute=False, tokenizer=lambda: _templates("OF {{ messages }}")),
    ),
    Case(
        "06-unicode",
        lambda: _templates("{{ 'Grüße → ' }}" + TEMPLATE),
        Right(compute=False),
    ),
)


# ------------------------------------------------------------------- 11, 13: old tokenizer files
def _roberta_files() -> Folder:
    """A GPT-2 whose tokenizer is of RoBERTa's class, which names its special tokens itself."""
    folder = old_files(gpt2())
    vocab = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>"])
    texts = [text for text in folder.files["vocab.json"] if text != "<|endoftext|>"]
    numbered = {text: i for i, text in enumerate([*vocab, *texts, "<mask>"])}
    size = len(numbered)
    folder.put({"vocab.json": numbered, "tokenizer_config.json": {}})
    folder.say(tokenizer_class="RobertaTokenizer")
    other = gpt2(vocab_size=size, bos_token_id=0, eos_token_id=2)
    folder.files["config.json"] = other.config
    wte = folder.tensors["transformer.wte.weight"]
    folder.store({"transformer.wte.weight": wte[[i % len(wte) for i in range(size)]]})
    return folder


def _qwen2_slow() -> Folder:
    folder = old_files(chatml_bpe("qwen2"))
    base = folder.size - 3
    folder.files["vocab.json"] = {t: i for t, i in folder.files["vocab.json"].items() if i < base}
    entries = {}
    for i, text in enumerate(CHATML):
        entries |= decoder_entry(base + i, text)
    folder.files["tokenizer_config.json"] = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": entries,
        "additional_special_tokens": list(CHATML[1:]),
        "bos_token": None,
        "eos_token": CHATML[2],
        "pad_token": CHATML[0],
        "add_prefix_space": False,
        "errors": "replace",
    }
    return folder


def _gpt2_files(said: object) -> Folder:
    folder = old_files(gpt2(n_ctx=64))
    folder.drop("tokenizer_config.json")
    return folder if said is None else folder.put({"tokenizer_config.json": said})


def _gpt2_added() -> Folder:
    """added_tokens.json and special_tokens_map.json, as transformers 2 to 4 saved them."""
    folder = _gpt2_files({"tokenizer_class": "GPT2Tokenizer"})
    size = folder.size + 1
    wte = folder.tensors["transformer.wte.weight"]
    folder.store({"transformer.wte.weight": wte[[*range(folder.size), 0]]})
    folder.change(vocab_size=size)
    folder.put({"added_tokens.json": {"<|pad|>": size - 1}})
    return folder.put({"special_tokens_map.json": {"pad_token": "<|pad|>"}})


def _windows(folder: Folder, file: str) -> Folder:
    return folder.put({file: folder.files[file].replace("\n", "\r\n")})


OLD_FILES = (
    Case("11-class-missing", lambda: _gpt2_files({"model_max_length": 64}), Right()),
    Case("11-no-config", lambda: _gpt2_files(None), Right(compute=False)),
    Case(
        "11-v5-class",
        lambda: _gpt2_files({"tokenizer_class": "TokenizersBackend"}),
        Right(compute=False, tokenizer=lambda: _gpt2_files(None)),
    ),
    Case("11-windows-lines", lambda: _windows(_gpt2_files({}), "merges.txt"), Right(compute=False)),
    Case("11-roberta", _roberta_files, Right()),
    Case("11-qwen2-slow", _qwen2_slow, Right()),
    Case("11-added-tokens-json", _gpt2_added, Right(compute=False)),
    Case(
        "13-said-false",
        lambda: vocab_txt(
            bert(), {"do_lower_case": False, "tokenizer_class": "BertTokenizer", **BERT_SPECIAL}
        ),
        Right(),
    ),
    Case(
        "13-only-flag",
        lambda: vocab_txt(bert(), {"do_lower_case": False, "model_max_length": 64}),
        Right(compute=False),
    ),
    Case(
        "13-strip-accents",
        lambda: vocab_txt(
            bert(),
            {"do_lower_case": True, "strip_accents": False, "tokenizer_class": "BertTokenizer"},
        ),
        Right(compute=False),
    ),
    Case("13-json-cased", lambda: bert(lowercase=False), Right(compute=False)),
    Case("13-no-config", lambda: vocab_txt(bert(), None), Right(compute=False)),
    Case(
        "13-cased-stripped",
        lambda: vocab_txt(
            bert(),
            {"do_lower_case": False, "strip_accents": True, "tokenizer_class": "BertTokenizer"},
        ),
        Right(compute=False),
    ),
    Case(
        "13-windows-lines",
        lambda: _windows(vocab_txt(bert(), {"tokenizer_class": "BertTokenizer"}), "vocab.txt"),
        Right(compute=False),
    ),
    Case("13-empty-config", lambda: vocab_txt(bert(), {}), Right(compute=False)),
)


# ------------------------------------------------------------------------------- 22: the flags
def _training_flag(name: str) -> Folder:
    return chatml_bpe(pre=GPT2).say(add_eos_token=True, tokenizer_class=name)


def _both_ends() -> Folder:
    """The tokenizer closes every text although its flags deny it, as embedding models do."""
    folder = llama_bpe().say(add_bos_token=False, add_eos_token=False)
    first, last = folder.tokenizer["added_tokens"]
    folder.tokenizer["post_processor"] = template([first], [last])
    return folder


def _nested_processor() -> Folder:
    folder = llama_bpe()
    steps = [{**GPT2, "trim_offsets": False}, folder.tokenizer["post_processor"]]
    folder.tokenizer["post_processor"] = {"type": "Sequence", "processors": steps}
    return folder.say(add_bos_token=False)


def _only_end() -> Folder:
    folder = qwen3()
    folder.tokenizer["post_processor"] = template([], folder.tokenizer["added_tokens"][:1])
    return folder


FLAGS = (
    Case("22-eos-flag-fast", lambda: _training_flag("PreTrainedTokenizerFast"), Right()),
    Case("22-eos-flag-gpt2", lambda: _training_flag("GPT2Tokenizer"), Right(compute=False)),
    Case("22-eos-flag-v5", lambda: _training_flag("TokenizersBackend"), Right(compute=False)),
    Case("22-bos-flag", lambda: llama_bpe().say(add_bos_token=False), Right()),
    Case("22-both-ends", _both_ends, Right()),
    Case("22-nested", _nested_processor, Right(compute=False)),
    Case("22-only-end", _only_end, Right()),
)


# ------------------------------------------------------------------------ 24, 25: special ids
def _holes() -> Folder:
    folder = llama_bpe([BEGIN, "<|stop|>"])
    base = folder.size - 2
    for entry in folder.tokenizer["added_tokens"]:
        entry["id"] += 4
    folder.tokenizer["post_processor"] = template(folder.tokenizer["added_tokens"][:1])
    folder.stores.clear()
    folder.change(vocab_size=base + 8, bos_token_id=ABSENT, eos_token_id=ABSENT)
    return folder.store(llama_tensors(base + 8))


def _stops(*ids: int, generation: object = None, said: bool = True, own: bool = True) -> Folder:
    """`ids` count from the end of the vocabulary."""
    texts = [BEGIN, "<|end_of_text|>", "<|stop_here|>", "<|halt|>", "<|finish|>", "<|enough|>"]
    folder = llama_bpe(texts[:3] if max(ids, default=0) <= 2 else texts)
    size = folder.size
    numbers = [size - i for i in ids]
    folder.say(eos_token="<|end_of_text|>" if said else ABSENT)
    folder.change(eos_token_id=numbers if own else ABSENT)
    if generation is not None:
        folder.put({"generation_config.json": generation(size) if callable(generation) else {}})
    return folder


def _listed(*ids: int) -> object:
    return lambda size: {"eos_token_id": [size - i for i in ids], "temperature": 0.6}


def _one_differs() -> Folder:
    """generation_config.json alone says where a chat ends."""
    folder = llama_bpe([BEGIN, "<|end_of_text|>", END]).say(eos_token="<|end_of_text|>")  # noqa: S106 - a token of the vocabulary
    size = folder.size
    folder.change(eos_token_id=size - 2)
    return folder.put({"generation_config.json": {"eos_token_id": size - 1}})


def _stale_ids() -> Folder:
    """config.json kept the ids of another vocabulary."""
    return llama_bpe().change(bos_token_id=1, eos_token_id=2)


def _named_in_map() -> Folder:
    """Only special_tokens_map.json names the ends; one of them as an object."""
    folder = llama_bpe().say(bos_token=ABSENT, eos_token=ABSENT)
    folder.change(bos_token_id=ABSENT, eos_token_id=ABSENT)
    names = {"bos_token": {"content": BEGIN, "lstrip": False}, "eos_token": END}
    return folder.put({"special_tokens_map.json": names})


SPECIAL = (
    Case(
        "24-holes",
        _holes,
        # transformers numbers the tokens anew, but adds the first by its number in the file.
        Right(tokenizer=lambda: llama_bpe([BEGIN, "<|stop|>"])),
    ),
    Case("24-stale-ids", _stale_ids, Right(stop=False)),
    Case("24-special-tokens-map", _named_in_map, Right()),
    Case("24-bos-null", lambda: chatml_bpe().say(bos_token=None), Right()),
    Case("25-twins", lambda: _stops(2, 2, generation=_listed(2, 2)), Right()),
    Case("25-beyond", lambda: _stops(2, -7, generation=_listed(2, -7)), Right()),
    Case("25-two", lambda: _stops(2, 1, generation=_listed(2, 1)), Right()),
    Case("25-list-only", lambda: _stops(1, 2, said=False), Right()),
    Case(
        "25-generation-only",
        lambda: _stops(own=False, generation=lambda n: {"eos_token_id": [n - 1, n - 2]}, said=True),
        Right(),
    ),
    Case("25-generation-differs", _one_differs, Right()),
    Case(
        "25-five",
        lambda: _stops(5, 4, 3, 2, 1, generation=_listed(5, 4, 3, 2, 1)),
        Right(notes=(("<|enough|>",),)),
    ),
)


# ------------------------------------------------------------------------------ 27: the space
def _spaced(pre: object) -> Folder:
    folder = gpt2().say(add_prefix_space=True)
    folder.tokenizer["pre_tokenizer"] = pre
    return folder


def _spaced_llama() -> Folder:
    folder = chatml_bpe(pre=split(QWEN2))
    folder.tokenizer["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = True
    return folder


def _offsets_only() -> Folder:
    """RoBERTa's post-processor has a field of that name, which concerns offsets only."""
    folder = gpt2()
    end = "<|endoftext|>"
    folder.tokenizer["post_processor"] = {
        "type": "RobertaProcessing",
        "sep": [end, folder.size - 1],
        "cls": [end, folder.size - 1],
        "trim_offsets": True,
        "add_prefix_space": True,
    }
    return folder.say(tokenizer_class="PreTrainedTokenizerFast")


def _no_dummy_prefix(*without: str) -> Folder:
    folder = llama_spm().say(tokenizer_class="PreTrainedTokenizerFast", add_prefix_space=False)
    folder.tokenizer["normalizer"] = folder.tokenizer["normalizer"]["normalizers"][1]
    folder.tokenizer["decoder"]["decoders"].pop()
    folder.put({"tokenizer.model": sentencepiece_model(pieces(), dummy_prefix=False)})
    return folder.drop(*without)


_SPACE_NOTE = (("space",),)
PREFIX_SPACE = (
    Case(
        "27-gpt2",
        lambda: _spaced({**GPT2, "add_prefix_space": True}),
        Right(notes=_SPACE_NOTE, prefix_space=True),
    ),
    # A space before every part of a text: nothing that llama.cpp could be told.
    Case("27-split", _spaced_llama, Refused(("add_prefix_space",))),
    Case(
        "27-flag-of-class",
        lambda: gpt2().say(add_prefix_space=True),
        Right(notes=_SPACE_NOTE, prefix_space=True, compute=False),
    ),
    Case("27-offsets-only", _offsets_only, Right(compute=False)),
    Case(
        "27-spm-without",
        lambda: _no_dummy_prefix("tokenizer.model"),
        Right(compute=False, keys={"tokenizer.ggml.add_space_prefix": False}),
    ),
    Case(
        "27-spm-without-both",
        _no_dummy_prefix,
        Right(compute=False, keys={"tokenizer.ggml.add_space_prefix": False}),
    ),
)

CASES: Iterable[Case] = (
    *ONE_TRUTH,
    *BEYOND_ROWS,
    *TEMPLATES,
    *OLD_FILES,
    *FLAGS,
    *SPECIAL,
    *PREFIX_SPACE,
)
