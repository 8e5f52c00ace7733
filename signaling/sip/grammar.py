"""The lexical rules that many headers share (RFC 3261 §25.1), without regular expressions."""

from signaling.sip.errors import ParseError

Params = tuple[tuple[str, str | None], ...]

TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"
WHITE = " \t"


def is_token(text: str) -> bool:
    """Whether text is a non-empty `token`."""
    return bool(text) and not text.strip(TOKEN)


def parse_number(text: str, what: str, *, maximum: int = 2**32 - 1) -> int:
    """Return the unsigned decimal; raise ParseError naming `what`. `int` alone would take "+1", "1_0" and "１"."""
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise ParseError(f"{what} is not a number")
    number = int(text)
    if number > maximum:
        raise ParseError(f"{what} is over {maximum}")
    return number


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at each `separator` that is neither in a quoted string nor in <>; parts are stripped.

    Raises ParseError for a quote or bracket left open.
    """
    if '"' not in text and "<" not in text:
        return [part.strip(WHITE) for part in text.split(separator)]
    parts: list[str] = []
    start, position = 0, 0
    while position < len(text):
        char = text[position]
        if char == '"':
            position = skip_quoted(text, position)
            continue
        if char == "<":
            position = text.find(">", position)
            if position < 0:
                raise ParseError("'<' without '>'")
        elif char == separator:
            parts.append(text[start:position].strip(WHITE))
            start = position + 1
        position += 1
    parts.append(text[start:].strip(WHITE))
    return parts


def skip_quoted(text: str, start: int) -> int:
    """Return the index after the quoted string that opens at `start`; raise ParseError if it never closes."""
    position = start + 1
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text[position] == '"':
            return position + 1
        else:
            position += 1
    raise ParseError("quoted string without its end")


def unquote(text: str) -> str:
    """Return the content of a quoted string, or the text itself if it is not one."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    chars: list[str] = []
    escaped = False
    for char in inner:
        if char == "\\" and not escaped:
            escaped = True
            continue
        chars.append(char)
        escaped = False
    return "".join(chars)


def quote(text: str) -> str:
    """Return text as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_params(parts: list[str]) -> Params:
    """Return `;name[=value]` parameters, names in lower case, values unquoted.

    Raises ParseError for an empty or repeated name, which RFC 3261 §7.3.1 forbids.
    """
    params: list[tuple[str, str | None]] = []
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip(WHITE).lower()
        if not is_token(name):
            raise ParseError("parameter without a proper name")
        if any(name == known for known, _ in params):
            raise ParseError(f"parameter {name} twice")
        params.append((name, unquote(value.strip(WHITE)) if equals else None))
    return tuple(params)


def find_param(params: Params, name: str) -> str | None:
    """Return the value of a parameter: "" if it is a bare flag, None if it is absent."""
    for known, value in params:
        if known == name:
            return value if value is not None else ""
    return None


def render_params(params: Params) -> str:
    """Serialise parameters, quoting the values that are not tokens or hosts."""
    return "".join(f";{name}" if value is None else f";{name}={_param_value(value)}" for name, value in params)


def _param_value(value: str) -> str:
    return value if value and not value.strip(TOKEN + "[]:/?&$") else quote(value)
