/** A timeline event as one line of text and one place among the kinds of events. */

import type { TimelineEvent } from "@mediaswitch/sdk";
import type { Words } from "../words/en";

export type EventTone = "start" | "talk" | "wait" | "hold" | "share" | "input" | "end" | "plain";

const tones: Record<string, EventTone> = {
  session_started: "start",
  accepted: "talk",
  talking: "talk",
  queued: "wait",
  offered: "wait",
  offer_declined: "end",
  offer_expired: "end",
  held: "hold",
  resumed: "talk",
  share_started: "share",
  share_stopped: "share",
  digit: "input",
  call_progress: "wait",
  chat: "input",
  recording_failed: "end",
  ended: "end",
};

/** Bookkeeping of the server that says nothing to a reader. */
const silent = new Set([
  "flow_started",
  "leg_opened",
  "leg_ringing",
  "media_measured",
  "media_started",
  "media_stopped",
  "recording_closed",
  "segment_closed",
]);

export function toneOf(event: TimelineEvent): EventTone {
  return tones[event.type] ?? "plain";
}

export function isTold(event: TimelineEvent): boolean {
  return !silent.has(event.type);
}

/** Names that later events refer to by id. */
export interface Cast {
  nameOf(id: unknown): string;
  queueOf(name: unknown): string;
}

/** queueLabel: what readers call a queue, by its name. */
export function castOf(events: readonly TimelineEvent[], words: Words, queueLabel: (name: string) => string): Cast {
  const names = new Map<string, string>();
  for (const event of events) {
    if (event.type === "participant_joined") learn(names, event, words);
    if (event.type === "leg_ringing") names.set(text(event.leg), names.get(text(event.participant)) ?? "");
    if (event.type === "offered") names.set(text(event.agent), text(event.name));
  }
  return { nameOf: (id) => names.get(text(id)) ?? "?", queueOf: (name) => queueLabel(text(name)) };
}

/** Say what happened, in the reader's language. */
export function eventLine(event: TimelineEvent, cast: Cast, words: Words): string {
  const say = sentences[event.type];
  return say === undefined ? event.type.replaceAll("_", " ") : say(event, cast, words);
}

type Sentence = (event: TimelineEvent, cast: Cast, words: Words) => string;

const sentences: Record<string, Sentence> = {
  session_started: (e, _, w) => w.events.session_started(callerOf(e, w), text(e.called)),
  participant_joined: (e, c, w) => w.events.participant_joined(c.nameOf(e.participant)),
  leg_answered: (e, c, w) => w.events.leg_answered(c.nameOf(e.leg)),
  leg_ended: (e, c, w) => w.events.leg_ended(c.nameOf(e.leg)),
  language_chosen: (e, _, w) => w.events.language_chosen(w.languages[text(e.language)] ?? text(e.language)),
  prompt_played: (e, _, w) => w.events.prompt_played(text(e.prompt)),
  digit: (e, _, w) => w.events.digit(text(e.digit)),
  call_progress: (e, c, w) => w.events.call_progress(c.nameOf(e.participant), w.signals[text(e.signal)] ?? text(e.signal)),
  queued: (e, c, w) => w.events.queued(c.queueOf(e.queue)),
  queue_position: (e, _, w) => w.events.queue_position(text(e.position)),
  dequeued: (_e, _c, w) => w.events.dequeued,
  offered: (e, _, w) => w.events.offered(text(e.name)),
  offer_declined: (e, c, w) => w.events.offer_declined(c.nameOf(e.agent)),
  offer_expired: (e, c, w) => w.events.offer_expired(c.nameOf(e.agent)),
  offer_withdrawn: (_e, _c, w) => w.events.offer_withdrawn,
  accepted: (e, c, w) => w.events.accepted(c.nameOf(e.agent)),
  talking: (_e, _c, w) => w.events.talking,
  held: (e, c, w) => w.events.held(c.nameOf(e.participant)),
  resumed: (e, c, w) => w.events.resumed(c.nameOf(e.participant)),
  muted: (e, c, w) => w.events.muted(c.nameOf(e.participant)),
  unmuted: (e, c, w) => w.events.unmuted(c.nameOf(e.participant)),
  share_started: (e, c, w) => w.events.share_started(c.nameOf(e.participant), shared(e, w)),
  share_stopped: (e, c, w) => w.events.share_stopped(c.nameOf(e.participant), shared(e, w)),
  chat: (e, c, w) => w.events.chat(c.nameOf(e.participant), text(e.text)),
  recording_started: (_e, _c, w) => w.events.recording_started,
  recording_failed: (_e, _c, w) => w.events.recording_failed,
  wrap_up_started: (_e, _c, w) => w.events.wrap_up_started,
  wrap_up_ended: (_e, _c, w) => w.events.wrap_up_ended,
  ended: (e, _, w) => w.events.ended(w.reasons[text(e.reason)] ?? text(e.reason)),
};

function learn(names: Map<string, string>, event: TimelineEvent, words: Words): void {
  const given = text(event.name);
  const fallback = event.role === "customer" ? words.customer : text(event.role);
  names.set(text(event.participant), given === "" ? fallback : given);
  if (event.agent) names.set(text(event.agent), given);
}

function callerOf(event: TimelineEvent, words: Words): string {
  const customer = (event.customer ?? {}) as { name?: string | null; number?: string | null };
  return customer.name ?? customer.number ?? words.customer;
}

function shared(event: TimelineEvent, words: Words): string {
  const kind = text(event.kind);
  return kind === "camera" || kind === "screen" ? words.events.shares[kind] : words.events.shares.audio;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
