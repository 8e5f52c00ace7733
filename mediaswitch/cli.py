"""The command line: serve, check-config, hash-password, demo."""

import argparse
import getpass
import sys
from collections.abc import Sequence

from mediaswitch.settings_file import SettingsError, find_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["demo"]:
        return _demo(words[1:])  # its options are its own, and argparse would read them here
    given = _parser().parse_args(words)
    try:
        return int(given.run(given) or 0)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mediaswitch", description="A contact-center server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the server")
    serve.add_argument("--config", help="settings file (default: $MEDIASWITCH_CONFIG, mediaswitch.toml, else the demo)")
    serve.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    serve.set_defaults(run=_serve)
    check = commands.add_parser("check-config", help="name every error of a settings file")
    check.add_argument("file", nargs="?", help="default: as for serve")
    check.set_defaults(run=_check_config)
    hashing = commands.add_parser("hash-password", help="read a password, print its hash for the settings")
    hashing.set_defaults(run=_hash_password)
    commands.add_parser("demo", help="let a SIP phone and a browser customer call a running server")
    return parser


def _serve(given: argparse.Namespace) -> None:
    from mediaswitch.serving import serve  # the composition root loads every package; the other commands need none

    serve(find_settings(given.config), log_level=given.log_level)


def _check_config(given: argparse.Namespace) -> None:
    from mediaswitch.server import load_all  # as above

    path = find_settings(given.file)
    load_all(path)
    print(f"{path}: no errors")


def _hash_password(_given: argparse.Namespace) -> None:
    from mediaswitch.users import hash_password  # argon2 is not needed to serve help

    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    print(hash_password(password))


def _demo(words: Sequence[str]) -> int:
    from mediaswitch.demo.__main__ import main as demo  # pjsua2 and aiortc are extras

    return demo(words)
