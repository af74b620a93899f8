"""Definitions of tokenizers from bare vocabulary files.

`vocab.txt` is WordPiece as BERT has it, `vocab.json` and `merges.txt` are byte-level
BPE as RoBERTa has it, `*.model` is SentencePiece.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from tfner.errors import TokenizerError, joined
from tfner.storage.foreign_files import (
    LARGEST_VOCABULARY,
    check_files,
    read_bytes,
    read_json,
    read_text,
)
from tfner.tokenization.checked_files import check_definition
from tfner.tokenization.word_marks import Definition

BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
# Types of pieces in sentencepiece_model.proto, and of models.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
UNIGRAM, BPE, CHARACTER = 1, 2, 4
META = "▁"
FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
FAIRSEQ_UNKNOWN = 3


def read_vocabulary(
    path: Path, *, needed: Sequence[str] = ("[UNK]", "[CLS]", "[SEP]")
) -> list[str]:
    """Read the pieces of a `vocab.txt`, in order of their ids.

    Raises:
        TokenizerError: the file is empty or no UTF-8, a piece repeats, or one of those
            `needed` is missing.
    """
    pieces = read_text(path).split("\n")
    pieces = [piece.rstrip("\r") for piece in pieces]
    while pieces and not pieces[-1]:
        pieces.pop()
    if not pieces:
        raise TokenizerError(f"{path}: the vocabulary is empty")
    counts = Counter(pieces)
    problems = [
        f"{path}:{pieces.index(piece) + 1}: the piece {piece!r} is on {n} lines; "
        "ids are line numbers, so every line must differ"
        for piece, n in counts.items()
        if n > 1
    ]
    missing = [piece for piece in needed if piece not in counts]
    if missing:
        problems.append(
            f"{path}: the vocabulary needs {', '.join(missing)}; "
            f"none of its {len(pieces)} lines is that"
        )
    if problems:
        raise TokenizerError(joined(problems, what="problems of the vocabulary"))
    return pieces


def wordpiece(
    pieces: Sequence[str],
    *,
    lower_case: bool,
    strip_accents: bool | None = None,
    split_cjk: bool = True,
) -> Definition:
    """Define BERT's tokenizer with these pieces.

    Args:
        pieces: in order of their ids.
        lower_case: lower-case the text.
        strip_accents: take accents off; None does so if the text is lower-cased.
        split_cjk: make every Chinese character a word.
    """
    vocab = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = tokenizers.Tokenizer(
        models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_cjk,
        strip_accents=strip_accents,
        lowercase=lower_case,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = tokenizers.decoders.WordPiece()
    tokenizer.add_special_tokens([p for p in BERT_SPECIALS if p in vocab])
    return _with_frame(tokenizer, "[CLS]", "[SEP]")


def byte_level_bpe(
    vocab_file: Path, merges_file: Path, *, marks_start: bool = True
) -> Definition:
    """Define RoBERTa's tokenizer by its two files.

    Args:
        vocab_file: JSON object of pieces and ids.
        merges_file: a merge a line.
        marks_start: take the first word of a text as those after a space.

    Raises:
        TokenizerError: a file is damaged, or `<s>`, `</s>` or `<unk>` is missing.
    """
    check_files(merges_file)
    vocab = read_json(vocab_file, largest=LARGEST_VOCABULARY)
    check_definition({"model": {"vocab": vocab}}, vocab_file)
    missing = [p for p in ("<s>", "</s>", "<unk>") if p not in vocab]
    if missing:
        raise TokenizerError(
            f"{vocab_file}: a bare byte-level vocabulary is read as RoBERTa's and "
            f"needs {', '.join(missing)}; for others add their tokenizer.json"
        )
    try:
        model = models.BPE.from_file(str(vocab_file), str(merges_file))
    except Exception as error:  # the library raises nothing more specific
        raise TokenizerError(
            f"{merges_file}: does not fit {vocab_file.name}: {error}"
        ) from error
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=marks_start)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            AddedToken(piece, lstrip=piece == "<mask>", normalized=False, special=True)
            for piece in ROBERTA_SPECIALS
            if piece in vocab
        ]
    )
    return _with_frame(tokenizer, "<s>", "</s>")


def sentencepiece(
    path: Path,
    *,
    lower_case: bool = False,
    fairseq: bool = False,
    mask: str | None = None,
) -> Definition:
    """Define a SentencePiece model as a pipeline of the `tokenizers` library.

    Args:
        path: of the model.
        lower_case: lower-case the text.
        fairseq: number the pieces as XLM-R does, and not as the model.
        mask: piece that is added behind the others where the model lacks it.

    Raises:
        TokenizerError: the file is no SentencePiece model, or one of whole words, or
            has neither `[CLS]` and `[SEP]` nor `<s>` and `</s>`.
    """
    proto = parse_proto(read_bytes(path, largest=LARGEST_VOCABULARY), path)
    if fairseq:
        _number_as_fairseq(proto)
        mask = "<mask>"
    if mask and all(piece.piece != mask for piece in proto.pieces):
        proto.pieces.add(piece=mask, type=CONTROL)
    tokenizer = tokenizers.Tokenizer(_sentencepiece_model(path, proto))
    tokenizer.normalizer = _sentencepiece_normalizer(proto, lower_case=lower_case)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=META)
    tokenizer.decoder = tokenizers.decoders.Metaspace(replacement=META)
    tokenizer.add_special_tokens(
        [
            AddedToken(piece.piece, normalized=False, special=True)
            for piece in proto.pieces
            if piece.type == CONTROL
        ]
    )
    tokenizer.add_tokens(
        [
            AddedToken(piece.piece, normalized=False)
            for piece in proto.pieces
            if piece.type == USER_DEFINED
        ]
    )
    known = {piece.piece for piece in proto.pieces}
    for start, end in (("[CLS]", "[SEP]"), ("<s>", "</s>")):
        if {start, end} <= known:
            return _with_frame(tokenizer, start, end)
    raise TokenizerError(
        f"{path}: the model has neither the pieces [CLS] and [SEP] nor <s> and </s>; "
        "train it with one of these pairs"
    )


def parse_proto(content: bytes, place: object) -> Any:
    """Parse a SentencePiece model as its library describes it.

    Args:
        content: of the file.
        place: of the file, for messages.

    Raises:
        TokenizerError: it is none, or one without pieces.
    """
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    try:
        proto.ParseFromString(content)
    except Exception as error:  # protobuf's DecodeError, whose module has no types
        raise TokenizerError(f"{place}: no SentencePiece model ({error})") from error
    if not proto.pieces:
        raise TokenizerError(f"{place}: the SentencePiece model is empty")
    return proto


def _number_as_fairseq(proto: Any) -> None:
    """Number the special pieces as fairseq does, of which the model has three."""
    rest = list(proto.pieces[len(FAIRSEQ) - 1 :])
    del proto.pieces[:]
    for number, name in enumerate(FAIRSEQ):
        known = UNKNOWN if number == FAIRSEQ_UNKNOWN else CONTROL
        proto.pieces.add(piece=name, type=known)
    proto.pieces.extend(rest)
    proto.trainer_spec.unk_id = FAIRSEQ_UNKNOWN


def _sentencepiece_model(path: Path, proto: Any) -> Any:
    spec = proto.trainer_spec
    scored = [(piece.piece, piece.score) for piece in proto.pieces]
    if spec.model_type in (UNIGRAM, CHARACTER):
        return models.Unigram(scored, spec.unk_id, spec.byte_fallback)
    if spec.model_type == BPE:
        vocab = {piece: number for number, (piece, _) in enumerate(scored)}
        return models.BPE(
            vocab,
            _merges(scored),
            unk_token=proto.pieces[spec.unk_id].piece,
            fuse_unk=True,
            byte_fallback=spec.byte_fallback,
        )
    raise TokenizerError(
        f"{path}: a SentencePiece model of whole words has no pieces to cut words "
        "into; train it with --model_type=unigram or bpe"
    )


def _merges(scored: Sequence[tuple[str, float]]) -> list[tuple[str, str]]:
    """The merges of a BPE model, which SentencePiece keeps only as scores."""
    scores = dict(scored)
    ranks = {piece: number for number, (piece, _) in enumerate(scored)}
    merges = [
        (-score, ranks[left], ranks[right], left, right)
        for piece, score in scores.items()
        for left, right in halves(piece, ranks)
    ]
    return [(left, right) for *_, left, right in sorted(merges)]


def halves(piece: str, known: Container[str]) -> Iterator[tuple[str, str]]:
    """The pairs of known pieces that make up one."""
    for cut in range(1, len(piece)):
        if piece[:cut] in known and piece[cut:] in known:
            yield piece[:cut], piece[cut:]


def _sentencepiece_normalizer(proto: Any, *, lower_case: bool) -> Any:
    spec = proto.normalizer_spec
    steps: list[Any] = []
    if spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    if "nfkc" in spec.name:
        # The library maps one character at a time and so leaves ｶﾞ and か + ゙ apart.
        steps.append(normalizers.NFC())
    if lower_case:
        steps.append(normalizers.Lowercase())
    if spec.remove_extra_whitespaces:
        # A lone space stays: it is the mark before a user-defined piece.
        steps += [
            normalizers.Replace(Regex(f"[{META} ] +"), " "),
            normalizers.Replace(Regex(r"(?<=\S) +$"), ""),
        ]
    return normalizers.Sequence(steps)


def _with_frame(tokenizer: tokenizers.Tokenizer, start: str, end: str) -> Definition:
    """The definition, completed by the special pieces around a sequence."""
    tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B:1 {end}:1",
        special_tokens=[
            (piece, tokenizer.token_to_id(piece)) for piece in (start, end)
        ],
    )
    definition: Definition = json.loads(tokenizer.to_str())
    return definition
