"""The messages of an init packet, as Google's own library understands them."""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

_OPTIONAL: Final = 1
_REPEATED: Final = 3
_BOOL: Final = 8
_MESSAGE: Final = 11
_BYTES: Final = 12
_UINT32: Final = 13

# Enums are read as numbers, so that values out of range show instead of vanishing.
_MESSAGES: Final[dict[str, list[tuple[str, int, int, int, str | None]]]] = {
    "Hash": [
        ("hash_type", 1, _UINT32, _OPTIONAL, None),
        ("hash", 2, _BYTES, _OPTIONAL, None),
    ],
    "BootValidation": [
        ("type", 1, _UINT32, _OPTIONAL, None),
        ("bytes", 2, _BYTES, _OPTIONAL, None),
    ],
    "InitCommand": [
        ("fw_version", 1, _UINT32, _OPTIONAL, None),
        ("hw_version", 2, _UINT32, _OPTIONAL, None),
        ("sd_req", 3, _UINT32, _REPEATED, None),
        ("type", 4, _UINT32, _OPTIONAL, None),
        ("sd_size", 5, _UINT32, _OPTIONAL, None),
        ("bl_size", 6, _UINT32, _OPTIONAL, None),
        ("app_size", 7, _UINT32, _OPTIONAL, None),
        ("hash", 8, _MESSAGE, _OPTIONAL, "Hash"),
        ("is_debug", 9, _BOOL, _OPTIONAL, None),
        ("boot_validation", 10, _MESSAGE, _REPEATED, "BootValidation"),
    ],
    "Command": [
        ("op_code", 1, _UINT32, _OPTIONAL, None),
        ("init", 2, _MESSAGE, _OPTIONAL, "InitCommand"),
    ],
    "SignedCommand": [
        ("command", 1, _MESSAGE, _OPTIONAL, "Command"),
        ("signature_type", 2, _UINT32, _OPTIONAL, None),
        ("signature", 3, _BYTES, _OPTIONAL, None),
    ],
    "Packet": [
        ("command", 1, _MESSAGE, _OPTIONAL, "Command"),
        ("signed_command", 2, _MESSAGE, _OPTIONAL, "SignedCommand"),
    ],
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="dfu_reference.proto", package="dfu", syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, label, type_name in fields:
            field = message.field.add(
                name=field_name, number=number, type=kind, label=label
            )
            if type_name:
                field.type_name = f".dfu.{type_name}"
            if label == _REPEATED and kind == _UINT32:
                field.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"dfu.{name}"))
        for name in _MESSAGES
    }


_CLASSES: Final = _build()
InitCommand: Final = _CLASSES["InitCommand"]
Packet: Final = _CLASSES["Packet"]
