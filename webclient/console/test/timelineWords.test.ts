import type { TimelineEvent } from "@mediaswitch/sdk";
import { describe, expect, test } from "vitest";
import { castOf, eventLine, isTold } from "../src/common/timelineWords";
import { en } from "../src/words/en";
import { zh } from "../src/words/zh";

/** The event types of the server's interface. */
const TYPES =
  "session_started participant_joined leg_ringing leg_answered leg_ended media_started media_stopped flow_started " +
  "prompt_played digit queued queue_position dequeued offered offer_declined offer_expired offer_withdrawn accepted " +
  "talking held resumed muted unmuted share_started share_stopped chat recording_started recording_failed " +
  "segment_closed wrap_up_started wrap_up_ended ended";

const history: TimelineEvent[] = [
  { seq: 1, type: "session_started", at_ms: 0, channel: "phone", customer: { number: "100" }, called: "1000" },
  { seq: 2, type: "participant_joined", at_ms: 0, participant: "p1", role: "customer", name: "" },
  { seq: 3, type: "leg_ringing", at_ms: 0, leg: "l1", participant: "p1", kind: "sip" },
  { seq: 4, type: "queued", at_ms: 5, queue: "support" },
  { seq: 5, type: "offered", at_ms: 9, agent: "a1", name: "Mei" },
];
const labels: Record<string, string> = { support: "Support team" };
const castIn = (words: typeof en) => castOf(history, words, (name) => labels[name] ?? name);

describe.each([
  ["English", en],
  ["Chinese", zh],
])("in %s", (_, words) => {
  test("every event that is told has a sentence of its own", () => {
    const told = TYPES.split(" ").map((type) => ({ seq: 9, type, at_ms: 0 })).filter(isTold);
    const bare = told.filter((event) => eventLine(event, castIn(words), words) === event.type.replaceAll("_", " "));
    expect(bare).toEqual([]);
  });
});

test("people and queues are called by name, not by id", () => {
  const cast = castIn(en);
  const say = (event: Omit<TimelineEvent, "seq" | "at_ms">) => eventLine({ seq: 9, at_ms: 0, ...event } as TimelineEvent, cast, en);
  expect(say({ type: "held", participant: "p1" })).toBe("Customer put the call on hold");
  expect(say({ type: "leg_answered", leg: "l1" })).toBe("Customer connected");
  expect(say({ type: "accepted", agent: "a1" })).toBe("Mei accepted");
  expect(say({ type: "queued", queue: "support" })).toBe("Waiting in Support team");
  expect(say({ type: "ended", reason: "media_timeout" })).toBe("Ended: no media any more");
});

test("an event of a newer server is told by its bare type", () => {
  expect(eventLine({ seq: 1, type: "form_filled", at_ms: 0 }, castIn(en), en)).toBe("form filled");
});
