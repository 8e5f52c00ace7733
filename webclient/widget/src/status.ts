/** The one line that tells a customer where the call stands. */

import type { Call } from "@mediaswitch/sdk";
import type { WidgetWords } from "./words";

export function statusOf(call: Call | null, say: WidgetWords): string {
  if (call === null) return say.connecting;
  if (call.link === "interrupted") return say.interrupted;
  if (call.heldByMe) return say.heldByMe;
  if (call.heldByOther) return say.heldByAgent;
  switch (call.session.state) {
    case "ivr":
      return say.menu;
    case "queued":
      return waiting(call, say);
    case "offered":
      return say.ringing;
    case "talking":
      return say.talking(agentName(call) ?? say.agent);
    default:
      return say.ended;
  }
}

function waiting(call: Call, say: WidgetWords): string {
  const place = call.session.queue_position;
  return place ? say.position(place) : say.waiting;
}

function agentName(call: Call): string | null {
  return call.others.find((each) => each.role === "agent")?.name ?? null;
}
