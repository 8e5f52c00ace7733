/** What a client knows at this moment, derived from the server's messages alone. */

import type { Connection } from "./socket";
import type { Agent, AgentOffer, Queue, ServerMessage, Session, TimelineEvent } from "./types";

export interface LiveState {
  readonly connection: Connection;
  /** The logged-in agent's own state; null for customers and for staff who take no calls. */
  readonly agent: Agent | null;
  readonly offer: AgentOffer | null;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly queues: ReadonlyMap<string, Queue>;
  readonly timelines: ReadonlyMap<string, readonly TimelineEvent[]>;
}

export const emptyLive: LiveState = {
  connection: "closed",
  agent: null,
  offer: null,
  sessions: new Map(),
  agents: new Map(),
  queues: new Map(),
  timelines: new Map(),
};

/** Return the state after `message`; `ownId` is the id of the logged-in user. */
export function afterMessage(state: LiveState, message: ServerMessage, ownId: string | null): LiveState {
  switch (message.type) {
    case "welcome":
      // What happened while we were away is unknown: start again from what the server says.
      return { ...state, agent: message.agent ?? null, offer: null, sessions: bySessionId(message.sessions) };
    case "agent":
      return afterAgent(state, message.agent, ownId);
    case "queue":
      return { ...state, queues: withEntry(state.queues, message.queue.name, message.queue) };
    case "session":
      return afterSession(state, message.session);
    case "event":
      return { ...state, timelines: withEvents(state.timelines, message.session_id, [message.event]) };
    case "offer":
      return { ...state, offer: { session: message.session, expires_at: message.expires_at, timeout_s: message.timeout_s } };
    case "offer_withdrawn":
      return state.offer?.session.id === message.session_id ? { ...state, offer: null } : state;
    default:
      return state;
  }
}

/** Add events to a session's timeline, each once and in the order of `seq`. */
export function withEvents(
  timelines: LiveState["timelines"],
  sessionId: string,
  events: readonly TimelineEvent[],
): LiveState["timelines"] {
  const known = new Map((timelines.get(sessionId) ?? []).map((event) => [event.seq, event]));
  for (const event of events) known.set(event.seq, event);
  return withEntry(timelines, sessionId, [...known.values()].sort((a, b) => a.seq - b.seq));
}

function afterAgent(state: LiveState, agent: Agent, ownId: string | null): LiveState {
  const agents = withEntry(state.agents, agent.id, agent);
  if (agent.id !== ownId) return { ...state, agents };
  const sessions = bySessionId([...state.sessions.values()].filter((each) => concerns(each, agent)));
  return { ...state, agents, agent, sessions, offer: agent.state === "offered" ? state.offer : null };
}

function afterSession(state: LiveState, session: Session): LiveState {
  const sessions = new Map(state.sessions).set(session.id, session);
  if (!concerns(session, state.agent)) sessions.delete(session.id);
  return { ...state, sessions };
}

/** An ended session is kept while its agent still works on it. */
function concerns(session: Session, agent: Agent | null): boolean {
  return session.state !== "ended" || session.id === agent?.session_id;
}

function withEntry<Value>(map: ReadonlyMap<string, Value>, key: string, value: Value): ReadonlyMap<string, Value> {
  return new Map(map).set(key, value);
}

function bySessionId(sessions: readonly Session[]): ReadonlyMap<string, Session> {
  return new Map(sessions.map((session) => [session.id, session]));
}
