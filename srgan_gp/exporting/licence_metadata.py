"""Licence of an exported model in the metadata of its ONNX file, so that a lone file states it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from srgan_gp.exporting.exported_card import UNSTATED

LICENCE = "licence"
"""Key of the licence in the metadata of an ONNX file, and on a card."""


def with_licence(model: onnx.ModelProto, licence: str | None) -> bytes:
    """Return the bytes of an ONNX file with a licence in its metadata.

    Args:
        model: the model; its metadata is changed too.
        licence: the licence; None or "" removes that of `model`.
    """
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    metadata.pop(LICENCE, None)
    if licence:
        metadata[LICENCE] = licence
    onnx.helper.set_model_props(model, metadata)
    return model.SerializeToString(deterministic=True)


def stated_licence(card: Mapping[str, Any]) -> str | None:
    """Return the licence on a card; None if its author has not stated one.

    Args:
        card: content of a card's file, which may be incomplete.
    """
    licence = card.get(LICENCE, UNSTATED)
    return None if licence == UNSTATED else str(licence)


def hashes_of_same_weights(model: onnx.ModelProto, earlier_file: Path) -> set[str]:
    """Return the hashes that a model's file has without a licence, and with that of another file.

    The licence is part of an ONNX file, so it changes the hash. A card that contains one of these
    hashes was written for the weights of `model`, even if its author has changed the licence since.

    Args:
        model: the model. Its metadata is changed, and has any of the licences afterwards.
        earlier_file: ONNX file of an earlier export, whose licence is used; it need not exist.

    Returns:
        SHA-256 in hexadecimal: one hash if the earlier file has no licence, else two.
    """
    licences: set[str | None] = {None}
    try:
        earlier_model = onnx.load(earlier_file, load_external_data=False)
        for entry in earlier_model.metadata_props:
            if entry.key == LICENCE:
                licences.add(entry.value)
    except (OSError, DecodeError):  # The earlier file is missing or damaged: it states no licence.
        pass
    return {hashlib.sha256(with_licence(model, licence)).hexdigest() for licence in licences}
