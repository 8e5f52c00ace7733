"""Each error of a settings file is named with file, line and reason."""

from pathlib import Path

import pytest

from mediaswitch.settings_file import SAMPLE, SettingsError, load_settings

GOOD = """
[server]
demo = true

[[queues]]
name = "support"

[[users]]
name = "amy"
display_name = "Amy"
role = "agent"
queues = ["support"]

[[numbers]]
number = "1000"
queue = "support"
"""


def problems(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file, environment or {})
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_sample_is_valid_and_is_the_demo_tenant() -> None:
    config = load_settings(SAMPLE, {})
    assert config.server.demo
    assert {user.role for user in config.users} == {"agent", "supervisor", "reviewer", "admin"}


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(GOOD)
    environment = {"MEDIASWITCH_HTTP_PORT": "9443", "MEDIASWITCH_MEDIA_PORTS": "30000-30999"}
    config = load_settings(file, environment)
    assert config.http.port == 9443
    assert config.media.ports == (30_000, 30_999)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('role = "agent"', 'role = "boss"', "settings.toml:11: users.0.role: Input should be 'agent'"),
        ('name = "amy"', 'nam = "amy"', "settings.toml:8: users.0.name: Field required"),
        ('queues = ["support"]', 'queues = ["sales"]', "settings.toml:12: users.0.queues: there is no queue 'sales'"),
        ('queue = "support"', 'queue = "sales"', "settings.toml:16: numbers.0.queue: there is no queue 'sales'"),
        ("demo = true", "demo = false", "settings.toml:8: users.0: user 'amy' has no password_hash"),
        ("demo = true", "demo = ", "settings.toml:3: Invalid value"),
        ('queue = "support"', 'queue = "support"\nflow = "x"', "settings.toml:14: numbers.0: "),
        ("[[queues]]", '[[queues]]\nname = "support"\n[[queues]]', "settings.toml:7: queues.1: 'support' is defined"),
    ],
)
def test_error_is_named_with_its_line_and_reason(tmp_path: Path, old: str, new: str, expected: str) -> None:
    found = problems(tmp_path, GOOD.replace(old, new))
    assert any(problem.startswith(expected) for problem in found), found


def test_bad_environment_value_is_named_by_its_variable(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD, {"MEDIASWITCH_SIP_PORT": "70000"})
    assert found == ["$MEDIASWITCH_SIP_PORT:1: Input should be less than or equal to 65535"]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(tmp_path / "none.toml", {})
