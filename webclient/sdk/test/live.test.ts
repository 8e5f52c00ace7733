import { describe, expect, test } from "vitest";
import { afterMessage, emptyLive, withEvents, type LiveState } from "../src/live";
import type { Agent, ServerMessage, Session } from "../src/types";

const agent: Agent = { id: "a1", name: "Mei", state: "available", since: "2026-01-01T00:00:00.000Z", queues: ["support"] };

function session(id: string, state: Session["state"]): Session {
  return {
    id,
    tenant: "default",
    state,
    channel: "phone",
    customer: { number: "100" },
    called: "1000",
    started_at: "2026-01-01T00:00:00.000Z",
    held_by: [],
    participants: [],
  };
}

function after(state: LiveState, ...messages: ServerMessage[]): LiveState {
  return messages.reduce((before, message) => afterMessage(before, message, "a1"), state);
}

const offer: ServerMessage = { type: "offer", session: session("s1", "offered"), expires_at: "2026-01-01T00:00:20.000Z", timeout_s: 20 };

describe("an offer", () => {
  test("rings until it is withdrawn", () => {
    const ringing = after(emptyLive, offer);
    expect(ringing.offer?.session.id).toBe("s1");
    expect(after(ringing, { type: "offer_withdrawn", session_id: "s1", reason: "timeout" }).offer).toBeNull();
  });

  test("is not ended by the withdrawal of another session's", () => {
    const ringing = after(emptyLive, offer, { type: "offer_withdrawn", session_id: "s0", reason: "timeout" });
    expect(ringing.offer?.session.id).toBe("s1");
  });

  test("is over when the agent's own state is no longer offered", () => {
    const ringing = after(emptyLive, offer, { type: "agent", agent: { ...agent, state: "offered" } });
    expect(ringing.offer).not.toBeNull();
    expect(after(ringing, { type: "agent", agent: { ...agent, state: "break" } }).offer).toBeNull();
  });

  test("is not touched by another agent's state", () => {
    const ringing = after(emptyLive, offer, { type: "agent", agent: { ...agent, id: "a2", state: "break" } });
    expect(ringing.offer).not.toBeNull();
    expect(ringing.agent).toBeNull();
  });
});

describe("sessions", () => {
  test("are kept while their agent still works on them, and dropped afterwards", () => {
    const busy = after(emptyLive, { type: "agent", agent: { ...agent, state: "wrap_up", session_id: "s1" } });
    const ended = after(busy, { type: "session", session: session("s1", "ended") }, { type: "session", session: session("s2", "ended") });
    expect([...ended.sessions.keys()]).toEqual(["s1"]);
    expect(after(ended, { type: "agent", agent }).sessions.size).toBe(0);
  });

  test("of before a reconnection are forgotten", () => {
    const before = after(emptyLive, { type: "session", session: session("old", "talking") });
    const user = { id: "a1", name: "Mei", role: "agent" as const, tenant: "default" };
    const back = after(before, { type: "welcome", user, agent, sessions: [session("new", "talking")] });
    expect([...back.sessions.keys()]).toEqual(["new"]);
  });
});

test("a timeline holds each event once and in order, however they arrive", () => {
  const event = (seq: number) => ({ seq, type: "digit", at_ms: seq * 10 });
  const live = withEvents(new Map(), "s1", [event(3), event(1)]);
  const loaded = withEvents(live, "s1", [event(1), event(2), event(3)]);
  expect(loaded.get("s1")?.map((each) => each.seq)).toEqual([1, 2, 3]);
});
