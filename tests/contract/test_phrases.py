"""Words that stand in the place of a value are known to the translations."""

import ast

from custom_components.nightlatch.core.phrase import Phrase
from custom_components.nightlatch.core.preflight.situation import Bolt

from .integration import calls, modules, name_of, text_of, translations

# What makes a phrase out of words of the code, and which of its arguments those are.
MADE_BY = {
    "Phrase": 0,
    "unfit": 0,
    "_unfit": 0,
    "_bad_root": 0,
    "wrong": 1,
    "manifest_invalid": 0,
    "_no_package": 0,
    "refused": 1,
}
# Helpers with names that others have too, by their modules.
MADE_IN = {
    "core.feeds.tuf_root": "_invalid",
    "core.firmware.keys": "_invalid",
    **{
        f"core.firmware.{name}": "invalid"
        for name in (
            "mcuboot",
            "mcuboot_signature",
            "mcuboot_tlv",
            "nordic_init",
            "packages",
            "protobuf",
        )
    },
}
# Public indexes have helpers of the same name; what those say goes into the log.
IN_THE_LOG = {
    f"core.feeds.{name}" for name in ("dcl", "public_index", "zigbee_ota", "zwave_js")
}


def templates() -> set[str]:
    """Return everything that the code may say so."""
    found = {str(bolt) for bolt in Bolt}
    for module, tree in modules().items():
        if module in IN_THE_LOG:
            continue
        constants = {
            name_of(node.targets[0] if isinstance(node, ast.Assign) else node.target): (
                text_of(node.value)
            )
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
        }
        for name, call in calls(tree):
            at = 0 if name == MADE_IN.get(module) else MADE_BY.get(name)
            if at is None or len(call.args) <= at:
                continue
            argument = call.args[at]
            text = text_of(argument) or constants.get(name_of(argument))
            if text is not None:
                found.add(text)
    return found


def test_there_are_many() -> None:
    """The search finds what it looks for."""
    assert {"locked", "must be a text", "it is no TUF metadata", "none was given"} < (
        templates()
    )


def test_english_says_what_the_code_says() -> None:
    """One and the same in the log and on the screen; and none is left over."""
    said = {
        key: text["message"]
        for key, text in translations()["exceptions"].items()
        if key.startswith("phrase_")
    }
    meant = {_key(template): template for template in templates()}
    assert said == meant


def _key(template: str) -> str:
    names = [part.partition("}")[0] for part in template.split("{")[1:]]
    return Phrase(template, **dict.fromkeys(names, "")).key
