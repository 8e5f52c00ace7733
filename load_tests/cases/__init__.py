"""What `make bench` measures: each module here that has `CASES` adds its own."""

import importlib
import pkgutil

from load_tests.case import Case


def all_cases() -> dict[str, Case]:
    """Return every case by name, in the order of the modules' names."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {case.name: case for module in modules for case in getattr(module, "CASES", ())}
