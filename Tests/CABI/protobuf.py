"""Reads the wire format of protocol buffers: as much as a test of a written file needs."""


def varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place


def fields(data):
    """(number, value) of each field: an int, or bytes of a text, a message or a float."""
    place, found = 0, []
    while place < len(data):
        tag, place = varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = varint(data, place)
        elif wire in (2, 5):
            size, place = varint(data, place) if wire == 2 else (4, place)
            value = bytes(data[place:place + size])
            assert len(value) == size, "a field ends after the file"
            place += size
        else:
            raise AssertionError(f"wire type {wire}")
        found.append((number, value))
    return found


# The messages of onnx.proto: by field the message inside, or None.
ATTRIBUTE = {1: None, 2: None, 3: None, 8: None, 20: None}
NODE = {1: None, 2: None, 3: None, 4: None, 5: ATTRIBUTE}
TENSOR = {1: None, 2: None, 8: None, 9: None}
TYPE = {1: {1: None, 2: {1: {1: None, 2: None}}}}
VALUE = {1: None, 2: TYPE}
GRAPH = {1: NODE, 2: None, 5: TENSOR, 11: VALUE, 12: VALUE}
MODEL = {1: None, 2: None, 3: None, 6: None, 7: GRAPH, 8: {1: None, 2: None}, 14: {1: None, 2: None}}


def message(data, kind=MODEL):
    """A message as nested lists; a field that onnx.proto does not have is a KeyError."""
    return [
        (number, message(value, kind[number]) if kind[number] else value)
        for number, value in fields(data)]
