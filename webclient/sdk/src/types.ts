/** What travels between the server and its clients, as the server spells it (snake_case, ISO times, milliseconds). */

export type Language = "zh" | "en";
export type Role = "agent" | "supervisor" | "reviewer" | "admin";
export type TrackKind = "audio" | "camera" | "screen";
export type ShareKind = "camera" | "screen";
export type AgentState = "offline" | "break" | "available" | "offered" | "busy" | "wrap_up";
export type SessionState = "ivr" | "queued" | "offered" | "talking" | "wrap_up" | "ended";
export type ParticipantRole = "customer" | "agent" | "supervisor" | "bot" | "external";

export interface User {
  id: string;
  name: string;
  role: Role;
  tenant: string;
  language?: Language | null;
}

export interface Agent {
  id: string;
  name: string;
  state: AgentState;
  /** ISO time at which the state began. */
  since: string;
  session_id?: string | null;
  queues: string[];
  /** ISO time at which the wrap-up runs out, where the server tells it. */
  wrap_up_until?: string | null;
}

export type Label = Record<Language, string>;

export interface Queue {
  name: string;
  label: Label;
  waiting: number;
  longest_wait_s: number;
  agents_available: number;
  agents_busy: number;
  /** Share of calls answered in time, 0 to 1; null before the first call. */
  service_level: number | null;
}

export interface Track {
  id: string;
  kind: TrackKind;
  active: boolean;
}

export interface Leg {
  id: string;
  kind: "sip" | "webrtc";
  state: "ringing" | "answered" | "ended";
  muted: boolean;
  tracks: Track[];
}

export interface Participant {
  id: string;
  role: ParticipantRole;
  name: string;
  legs: Leg[];
}

export interface Session {
  id: string;
  tenant: string;
  state: SessionState;
  channel: "phone" | "web";
  customer: { number?: string | null; name?: string | null };
  called: string;
  language?: string;
  queue?: string | null;
  queue_position?: number | null;
  agent_id?: string | null;
  started_at: string;
  answered_at?: string | null;
  ended_at?: string | null;
  end_reason?: string | null;
  /** Ids of the participants who hold the call. */
  held_by: string[];
  participants: Participant[];
}

/** One entry of a session's timeline; its further fields depend on `type`. */
export interface TimelineEvent {
  seq: number;
  type: string;
  /** Milliseconds since the session started. */
  at_ms: number;
  [field: string]: unknown;
}

export interface AgentOffer {
  session: Session;
  expires_at: string;
  timeout_s: number;
}

export interface LoginAnswer {
  access_token: string;
  expires_in: number;
  refresh_token: string;
  user: User;
}

export interface CallAnswer {
  session: Session;
  leg_id: string;
  sdp: string;
}

export interface CustomerCallAnswer extends CallAnswer {
  token: string;
}

export interface PublicConfig {
  tenant: string;
  entries: { to: string; label: Label }[];
  languages: Language[];
}

export interface RecordingSummary {
  session_id: string;
  started_at: string;
  duration_ms: number;
  channel: "phone" | "web";
  customer: { number?: string | null; name?: string | null };
  agent: { id: string; name: string } | null;
  queue: string | null;
  media: TrackKind[];
  state: "recording" | "complete" | "repaired";
}

export interface RecordingPage {
  recordings: RecordingSummary[];
  next_cursor: string | null;
}

export interface RecordedTrack {
  id: string;
  participant: { id: string; role: ParticipantRole; name: string };
  kind: TrackKind | "ivr";
  codec: string;
  start_ms: number;
  end_ms: number;
  gaps: [from_ms: number, to_ms: number][];
  url: string;
  peaks_url?: string | null;
  /** The file as it was recorded. */
  original_url?: string | null;
  width?: number | null;
  height?: number | null;
}

export interface RecordingManifest {
  session_id: string;
  started_at: string;
  duration_ms: number;
  tracks: RecordedTrack[];
  events: TimelineEvent[];
}

export interface Peaks {
  peaks: number[];
  per_second: number;
}

export interface RecordingFilter {
  from?: string;
  to?: string;
  q?: string;
  agent?: string;
  queue?: string;
  limit?: number;
  cursor?: string;
}

export type ServerMessage =
  | { type: "welcome"; user: User; agent?: Agent | null; sessions: Session[] }
  | { type: "pong" }
  | { type: "agent"; agent: Agent }
  | { type: "queue"; queue: Queue }
  | { type: "session"; session: Session }
  | { type: "event"; session_id: string; event: TimelineEvent }
  | ({ type: "offer" } & AgentOffer)
  | { type: "offer_withdrawn"; session_id: string; reason: string }
  | { type: "speaker"; session_id: string; participant: string; level_dbov: number }
  | { type: "error"; problem: ProblemDocument };

/** RFC 9457. */
export interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: { pointer: string; reason: string }[];
}
