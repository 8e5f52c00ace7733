"""When the customer could hear a recorded track, as the timeline tells."""

from mediaswitch import commands as c
from mediaswitch import timeline as t
from mediaswitch.clock import SECOND
from mediaswitch.timeline import MonitorMode
from recording import manifest
from recording.audience import Stretch, kept_from_customer
from tests.support.party_line import CUSTOMER, NotedCore, PartyLine

ANN, BOB, SUE = "ann", "bob", "sue"


def kept(line: PartyLine, name: str) -> list[Stretch]:
    return kept_from_customer(line.entries, line.track(name), 0, line.now)


def test_whisper_is_kept_from_the_customer_until_she_barges_in() -> None:
    line = PartyLine(NotedCore())
    line.talk(ANN)
    talking = line.now
    line.monitor(SUE, MonitorMode.WHISPER)
    line.do(c.ChooseMonitorMode(participant=line.who(SUE), mode=MonitorMode.BARGE))
    barged = line.now
    line.do(c.ChooseMonitorMode(participant=line.who(SUE), mode=MonitorMode.WHISPER))
    whispers = line.now
    line.do(c.Mute(participant=line.who(ANN), muted=False))
    assert kept(line, SUE) == [(0, barged)] + ([(whispers, line.now)] if line.now > whispers else [])
    assert kept(line, ANN) == [(0, talking)]


def test_consultation_and_hold_are_kept_from_the_customer_on_the_agents_tracks() -> None:
    line = PartyLine(NotedCore())
    line.talk(ANN)
    talking = line.now
    line.consult(ANN, BOB)
    asked = line.now
    line.accept()
    line.do(c.MergeConsult(participant=line.who(ANN)))
    merged = line.now
    line.do(c.Hold(participant=line.who(ANN)))
    held = line.now
    line.do(c.Resume(participant=line.who(ANN)))
    resumed = line.now
    assert kept(line, ANN) == [(0, talking), (asked, merged), (held, resumed)]
    assert kept(line, BOB) == [(0, merged)]


def test_manifest_marks_what_is_not_for_the_customer_on_the_tracks_of_others() -> None:
    line = PartyLine(NotedCore())
    line.talk(ANN)
    line.monitor(SUE, MonitorMode.WHISPER)
    joined = line.now
    line.leave(CUSTOMER)
    segments = [
        t.SegmentClosed(
            track=line.track(name),
            participant=line.who(name),
            kind=t.MediaKind.AUDIO,
            file=f"{line.track(name)}.mka",
            codec="PCMU",
            start_ns=joined,
            end_ns=line.now + SECOND,
            packets=50,
            lost=0,
        )
        for name in (CUSTOMER, ANN, SUE)
    ]
    built = manifest.build(line.entries, segments, lambda name: manifest.FileFacts(bytes=0, sha256=""))
    marked = {track["participant"]["role"]: track["not_for_customer"] for track in built["tracks"]}
    ended = line.entries[-1].at
    assert marked == {
        "customer": [],
        "agent": [[ended, ended + SECOND]],
        "supervisor": [[joined, ended + SECOND]],
    }
