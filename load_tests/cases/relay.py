"""SIP to SIP through a bridged number: G.711 on both sides, 50 packets a second each way."""

from load_tests.case import Case, Load, Row, beside, through_floor, through_switch


async def relay(load: Load) -> Row:
    """Not recorded, beside the polled floor."""
    return beside(await through_switch(load), await through_floor(load))


async def relay_quiet(load: Load) -> Row:
    """Few calls: what a packet waits where each one wakes the worker, beside a forwarder that is woken as well."""
    return beside(await through_switch(load), await through_floor(load, woken=True))


CASES = (
    Case("relay", "G.711 relayed, not recorded", (100, 400), relay),
    Case("relay-quiet", "the same, few calls; the floor is woken by each packet", (5,), relay_quiet),
)
