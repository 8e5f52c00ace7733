"""SIP to SIP through a bridged number: G.711 on both sides, 50 packets a second each way."""

from load_tests.case import (
    Case,
    Load,
    Row,
    beside,
    result_of,
    running_switch,
    start_generator,
    through_floor,
    through_switch,
)
from load_tests.growth import Held, watched
from load_tests.peers import peers
from tests.support.sipp import free_udp_port

CHURN_RATE = 60
"Calls a second, each a second long."


async def relay(load: Load) -> Row:
    """Not recorded, beside the polled floor and the peers that are installed."""
    return beside(await through_switch(load), await through_floor(load)) | await peers(load)


async def relay_quiet(load: Load) -> Row:
    """Few calls: what a packet waits where each one wakes the worker, beside a forwarder that is woken as well."""
    return beside(await through_switch(load), await through_floor(load, woken=True))


async def relay_record(load: Load) -> Row:
    """All tracks recorded, beside the same calls without; `record_ratio` is the first by the second."""
    recorded, plain = await through_switch(load, record=True), await through_switch(load)
    ours, theirs = recorded["cpu_percent_per_call"], plain["cpu_percent_per_call"]
    row = beside(recorded, await through_floor(load))
    return row | {"relay_cpu_percent_per_call": theirs, "record_ratio": round(ours / theirs, 2)}


async def churn(load: Load) -> Row:
    """`n` short calls one after another: what is left of each, in memory, descriptors and threads."""
    port = free_udp_port()
    async with running_switch(called_port=port, calls=4 * CHURN_RATE) as switch:
        options = {"server": switch.sip_address, "pid": switch.pid, "called_port": port, "calls": load.n}
        async with watched(switch.pid, every_s=load.n / CHURN_RATE / 20) as held:
            row = await result_of(await start_generator("churn", options | {"rate": CHURN_RATE}))
        columns = {f"{name}_over_time": [getattr(one, name) for one in held] for name in Held.__slots__}
        return row | columns


async def relay_srtp(load: Load) -> Row:
    """Plain RTP on the callers' side, SRTP (AES-128-GCM, keys in the SDP) on the called one; the floor is plain."""
    return beside(await through_switch(load, srtp="true"), await through_floor(load))


CASES = (
    Case("relay", "G.711 relayed, not recorded", (100, 400), relay),
    Case("relay-srtp", "G.711 relayed from RTP to SRTP (AES-128-GCM) and back", (100, 400), relay_srtp),
    Case("relay-quiet", "the same, few calls; the floor is woken by each packet", (5,), relay_quiet),
    Case("relay-record", "the same, all tracks recorded", (100, 400), relay_record),
    Case("churn", "short calls one after another: memory kept", (20_000,), churn),
)
