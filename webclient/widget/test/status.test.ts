import type { Call } from "@mediaswitch/sdk";
import { expect, test } from "vitest";
import { statusOf } from "../src/status";
import { words } from "../src/words";

/** As much of a call as its status line reads. */
function call(state: string, more: object = {}): Call {
  const session = { state, queue_position: null, ...(more as { session?: object }).session };
  return { link: "connected", heldByMe: false, heldByOther: false, others: [], ...more, session } as unknown as Call;
}

test("a customer reads where the call stands", () => {
  const say = words.en;
  expect(statusOf(null, say)).toBe("Connecting…");
  expect(statusOf(call("ivr"), say)).toBe("Please listen to the announcement");
  expect(statusOf(call("queued"), say)).toBe("Please wait, an agent will be with you shortly");
  expect(statusOf(call("queued", { session: { queue_position: 3 } }), say)).toBe("You are number 3 in line");
  expect(statusOf(call("talking", { others: [{ role: "agent", name: "Mei" }] }), say)).toBe("Talking with Mei");
});

test("a broken path is told before anything else, a hold before the conversation", () => {
  const say = words.zh;
  expect(statusOf(call("talking", { link: "interrupted", heldByMe: true }), say)).toBe(say.interrupted);
  expect(statusOf(call("talking", { heldByOther: true }), say)).toBe(say.heldByAgent);
});
