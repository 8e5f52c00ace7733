"""A customer whose network lets no UDP through: the call comes by TCP (RFC 6544)."""

import pytest
from playwright.async_api import Browser, BrowserContext

import tests.browser.customer as customer_page
from tests.browser.parties import CUSTOMER_HZ, DESK_HZ, Signals
from tests.browser.scene import hears, talking, until
from tests.support.chromium import open_context
from tests.support.server import RunningSwitch

pytestmark = pytest.mark.browser

ONLY_TCP = """
const take = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function (answer) {
  window.peer = this;
  const lines = answer.sdp.split("\\r\\n");
  const kept = lines.filter((line) => !/^a=candidate:\\S+ \\d+ udp /i.test(line));
  return take.call(this, { type: answer.type, sdp: kept.join("\\r\\n") });
};
"""
"The page is told of no UDP candidate, as if each were out of reach."

PROTOCOLS = """async () => {
  const stats = [...(await window.peer.getStats()).values()];
  const pairs = stats.filter((s) => s.type === "candidate-pair" && s.nominated && s.state === "succeeded");
  return pairs.map((pair) => stats.find((s) => s.id === pair.remoteCandidateId).protocol);
}"""


async def test_a_customer_without_udp_talks_by_tcp(
    switch: RunningSwitch, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def without_udp(browser: Browser) -> BrowserContext:
        context = await open_context(browser)
        await context.add_init_script(ONLY_TCP)
        return context

    monkeypatch.setattr(customer_page, "open_context", without_udp)
    async with talking(switch, signals) as (customer, desk):
        await until(lambda: hears(desk, CUSTOMER_HZ))
        await until(lambda: hears(customer, DESK_HZ))
        assert set(await customer.page.evaluate(PROTOCOLS)) == {"tcp"}
