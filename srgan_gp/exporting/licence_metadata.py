"""Licence of an exported model in the metadata of its ONNX file, so that a lone file states it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from srgan_gp.exporting.exported_card import UNSTATED

LICENCE = "licence"
"""Key of the metadata."""


def with_licence(model: onnx.ModelProto, licence: str | None) -> bytes:
    """Return the bytes of a model that states a licence; None: it states none."""
    props = {entry.key: entry.value for entry in model.metadata_props if entry.key != LICENCE}
    onnx.helper.set_model_props(model, props | ({LICENCE: licence} if licence else {}))
    return model.SerializeToString(deterministic=True)


def stated_licence(card: Mapping[str, Any]) -> str | None:
    """Return the licence on a card, complete or not; None: its author has stated none."""
    licence = card.get(LICENCE, UNSTATED)
    return None if licence == UNSTATED else str(licence)


def hashes_by_licence(model: onnx.ModelProto, earlier: Path) -> set[str]:
    """Return the SHA-256 that a model has without a licence, and with that of an earlier export.

    A card with one of them was written for the same weights, though its author has changed the
    licence since.

    Args:
        model: the model; its licence is changed.
        earlier: file of the earlier export; need not exist.
    """
    licences = {None}
    try:
        found = onnx.load(earlier, load_external_data=False)
        licences |= {entry.value for entry in found.metadata_props if entry.key == LICENCE}
    except (OSError, DecodeError):
        pass
    return {hashlib.sha256(with_licence(model, one)).hexdigest() for one in licences}
