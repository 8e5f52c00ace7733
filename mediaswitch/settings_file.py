"""Reading the settings file: TOML to `Config`, each error with its file, line and reason."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mediaswitch.config import Config, dangling_names

SAMPLE = Path(__file__).with_name("sample.toml")
"The documented sample, which is also the demo tenant that runs without a settings file."

Place = tuple[str | int, ...]
"A path in the settings, for example ('queues', 0, 'name')."

ENVIRONMENT: Mapping[str, Place] = {
    "MEDIASWITCH_BIND_IP": ("server", "bind_ip"),
    "MEDIASWITCH_PUBLIC_IP": ("server", "public_ip"),
    "MEDIASWITCH_DATA_DIR": ("server", "data_dir"),
    "MEDIASWITCH_LANGUAGE": ("server", "language"),
    "MEDIASWITCH_HTTP_PORT": ("http", "port"),
    "MEDIASWITCH_SIP_PORT": ("sip", "port"),
    "MEDIASWITCH_MEDIA_PORTS": ("media", "ports"),
    "MEDIASWITCH_MEDIA_TIMEOUT_S": ("media", "timeout_s"),
}
"Settings that the environment may override."


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsProblem:
    """One error of a settings file; line counts from 1."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class SettingsError(Exception):
    """The settings cannot be used; `problems` says why."""

    def __init__(self, problems: Iterable[SettingsProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def find_settings(given: str | None = None) -> Path:
    """The file named by --config, by MEDIASWITCH_CONFIG, ./mediaswitch.toml, else the sample."""
    named = given or os.environ.get("MEDIASWITCH_CONFIG")
    if named:
        return Path(named)
    local = Path("mediaswitch.toml")
    return local if local.exists() else SAMPLE


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check a settings file. Raises SettingsError naming file, line and reason of every error."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([SettingsProblem(file=str(path), line=1, reason=str(error))]) from error
    tree = _parse(path, text)
    _override(tree, environment)
    try:
        config = Config.model_validate(tree)
    except ValidationError as invalid:
        wrong = [(tuple(error["loc"]), error["msg"]) for error in invalid.errors()]
        raise SettingsError(_problems(path, text, wrong, environment)) from invalid
    if dangling := dangling_names(config):
        raise SettingsError(_problems(path, text, dangling, environment))
    return config


def problem_at(path: Path, place: Place, reason: str) -> SettingsProblem:
    """A problem found by whoever checks a part of the settings (the flows, say)."""
    return _problem(path, path.read_text(encoding="utf-8"), place, reason, {})


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        raise SettingsError([SettingsProblem(file=str(path), line=line, reason=str(error))]) from error


def _override(tree: dict[str, Any], environment: Mapping[str, str]) -> None:
    for variable, place in ENVIRONMENT.items():
        table, key = map(str, place)
        if value := environment.get(variable):
            tree.setdefault(table, {})[key] = value.split("-") if key == "ports" else value


def _problems(
    path: Path, text: str, wrong: Iterable[tuple[Place, str]], environment: Mapping[str, str]
) -> Iterator[SettingsProblem]:
    for place, reason in wrong:
        yield _problem(path, text, place, reason, environment)


def _problem(path: Path, text: str, place: Place, reason: str, environment: Mapping[str, str]) -> SettingsProblem:
    for variable, overridden in ENVIRONMENT.items():
        if place[:2] == overridden and environment.get(variable):
            return SettingsProblem(file=f"${variable}", line=1, reason=reason)
    name = ".".join(map(str, place)) or "settings"
    return SettingsProblem(file=str(path), line=line_of(text, place), reason=f"{name}: {reason}")


_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


def line_of(text: str, place: Place) -> int:
    """The line where `place` is written, or that of the closest enclosing table or key that is."""
    best_line, best_depth = 1, 0
    for line, written in _places(text):
        depth = _common(written, place)
        if depth > best_depth and depth == len(written):
            best_line, best_depth = line, depth
    return best_line


def _places(text: str) -> Iterator[tuple[int, Place]]:
    """Every table header and key of a TOML text with its path; multi-line strings are not looked into."""
    table: Place = ()
    counts: dict[Place, int] = {}
    quote = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if quote:
            quote = "" if quote in line else quote
            continue
        if header := _HEADER.match(line):
            table = _table_path(header.group(1) == "[[", _names(header.group(2)), counts)
            yield number, table
        elif key := _KEY.match(line):
            yield number, table + _names(key.group(1))
            quote = _opened_string(line[key.end() :])


def _opened_string(value: str) -> str:
    return next((mark for mark in ('"""', "'''") if value.count(mark) == 1), "")


def _names(dotted: str) -> Place:
    return tuple(
        part.strip().strip("\"'") for part in re.findall(r"""[^."']+|"[^"]*"|'[^']*'""", dotted) if part.strip()
    )


def _table_path(is_array: bool, names: Place, counts: dict[Place, int]) -> Place:
    path: Place = ()
    for depth, name in enumerate(names):
        path = (*path, name)
        last = depth == len(names) - 1
        if is_array and last:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _common(written: Place, place: Place) -> int:
    for depth, (left, right) in enumerate(zip(written, place, strict=False)):
        if left != right:
            return depth
    return min(len(written), len(place))
