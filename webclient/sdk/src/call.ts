/** One's own part in a session: a leg with microphone, camera and screen, and what can be done with it. */

import { TypedEventTarget } from "./events";
import type { LiveFeed } from "./feed";
import type { Http } from "./http";
import { openCamera, openMicrophone, openScreen, type MediaOptions } from "./media";
import { PeerLink, type LinkState, type LinkStatistics } from "./peer";
import { watchHeight } from "./shown";
import type { CallAnswer, Participant, Session, ShareKind, TrackKind } from "./types";

export interface CallEvents {
  /** The session, the link or one's own media changed. */
  change: undefined;
  ended: Session;
}

/** A short loss heals by itself; after this long the path is renewed. */
const RESTART_AFTER_MS = 1500;
const RESTART_EVERY_MS = 4000;
const KINDS = ["audio", "camera", "screen"] as const;

export interface StartOptions extends MediaOptions {
  /** Show the camera from the first moment. */
  video?: boolean;
}

type OwnMedia = Record<TrackKind, MediaStreamTrack | null>;

interface CallParts {
  http: Http;
  feed: LiveFeed;
  link: PeerLink;
  answer: CallAnswer;
  own: OwnMedia;
}

export class Call extends TypedEventTarget<CallEvents> {
  readonly id: string;
  readonly legId: string;
  /** What the server tells live, such as this session's timeline with its chat. */
  readonly feed: LiveFeed;
  session: Session;
  link: LinkState = "connecting";
  readonly #http: Http;
  readonly #peer: PeerLink;
  readonly #own: OwnMedia;
  readonly #open = new AbortController();
  #restart: ReturnType<typeof setTimeout> | undefined;

  /** Offer the fixed layout, let `enter` exchange it for the server's answer, and start with the microphone on. */
  static async start(
    enter: (sdp: string) => Promise<{ answer: CallAnswer; http: Http; feed: LiveFeed }>,
    options: StartOptions = {},
  ): Promise<Call> {
    const own: OwnMedia = { audio: await openMicrophone(options), camera: null, screen: null };
    const link = new PeerLink();
    try {
      if (options.video === true) own.camera = await openCamera();
      for (const kind of KINDS) await link.send(kind, own[kind]);
      const parts = await enter(await link.offer());
      await link.answer(parts.answer.sdp);
      return new Call({ ...parts, link, own });
    } catch (error) {
      for (const kind of KINDS) own[kind]?.stop();
      link.close();
      throw error;
    }
  }

  private constructor(parts: CallParts) {
    super();
    this.#http = parts.http;
    this.feed = parts.feed;
    this.#peer = parts.link;
    this.session = parts.answer.session;
    this.id = this.session.id;
    this.legId = parts.answer.leg_id;
    this.#own = parts.own;
    const { signal } = this.#open;
    parts.feed.addEventListener("session", ({ detail }) => this.#take(detail), { signal });
    parts.feed.addEventListener("resync", ({ detail }) => this.#resync(detail), { signal });
    this.#peer.addEventListener("state", ({ detail }) => this.#linkChanged(detail), { signal });
    if (this.#own.camera !== null) this.#watch("camera", this.#own.camera);
    this.#linkChanged(this.#peer.state);
    parts.feed.take(this.session);
  }

  get ended(): boolean {
    return this.#open.signal.aborted;
  }

  /** Whoever owns this leg; null until the session tells. */
  get self(): Participant | null {
    return this.session.participants.find((each) => each.legs.some((leg) => leg.id === this.legId)) ?? null;
  }

  get others(): Participant[] {
    return this.session.participants.filter((each) => each.id !== this.self?.id);
  }

  get muted(): boolean {
    return this.#own.audio?.enabled === false;
  }

  get heldByMe(): boolean {
    return this.self !== null && this.session.held_by.includes(this.self.id);
  }

  get heldByOther(): boolean {
    return this.others.some((each) => this.session.held_by.includes(each.id));
  }

  /** One's own microphone, camera or screen, for a preview. */
  own(kind: TrackKind): MediaStreamTrack | null {
    return this.#own[kind];
  }

  /** The other side's media of this kind: attach it to an <audio> or <video> element. */
  remote(kind: TrackKind): MediaStream {
    return this.#peer.remote(kind);
  }

  /** Have the other side's picture no larger than this element shows it; returns how to stop watching. */
  fit(kind: ShareKind, element: HTMLElement): () => void {
    return watchHeight(element, (height) => this.#peer.showAt(kind, height));
  }

  /** True while someone else shows a camera or a screen. */
  otherShows(kind: ShareKind): boolean {
    const legs = this.others.flatMap((each) => each.legs).filter((leg) => leg.state !== "ended");
    return legs.some((leg) => leg.tracks.some((track) => track.kind === kind && track.active));
  }

  hold(): Promise<void> {
    return this.#command("hold");
  }

  resume(): Promise<void> {
    return this.#command("resume");
  }

  async setMuted(muted: boolean): Promise<void> {
    if (this.#own.audio !== null) this.#own.audio.enabled = !muted; // silent at once, whatever the server says
    this.emit("change", undefined);
    this.#take(await this.#http.put<Session>(this.#path("mute"), { muted }));
  }

  /** Show the camera or the screen to the other side. Raises MediaError. */
  async show(kind: ShareKind): Promise<void> {
    if (this.#own[kind] !== null) return;
    const track = await (kind === "camera" ? openCamera() : openScreen());
    if (this.ended) {
      track.stop();
      return;
    }
    this.#watch(kind, track);
    this.#own[kind] = track;
    await this.#peer.send(kind, track);
    await this.#announce(kind, true);
  }

  async hide(kind: ShareKind): Promise<void> {
    const track = this.#own[kind];
    if (track === null) return;
    this.#own[kind] = null;
    track.stop();
    await this.#peer.send(kind, null);
    await this.#announce(kind, false);
  }

  async sendDigits(digits: string): Promise<void> {
    await this.#http.post(this.#path("digits"), { digits });
  }

  async sendMessage(text: string): Promise<void> {
    await this.#http.post(this.#path("messages"), { text });
  }

  hangUp(): Promise<void> {
    return this.#command("hangup");
  }

  statistics(): Promise<LinkStatistics> {
    return this.#peer.statistics();
  }

  /** Let go of all devices and the connection; the server is not told. */
  close(): void {
    if (this.ended) return;
    this.#open.abort();
    clearTimeout(this.#restart);
    for (const kind of KINDS) this.#own[kind]?.stop();
    this.#peer.close();
    this.link = "closed";
    this.emit("ended", this.session);
  }

  /** The browser's own "stop sharing" bar, or an unplugged camera. */
  #watch(kind: ShareKind, track: MediaStreamTrack): void {
    track.addEventListener("ended", () => void this.hide(kind).catch(() => undefined), { signal: this.#open.signal });
  }

  #path(action: string): string {
    return `/sessions/${this.id}/${action}`;
  }

  async #command(action: string): Promise<void> {
    this.#take(await this.#http.post<Session>(this.#path(action)));
  }

  async #announce(kind: ShareKind, active: boolean): Promise<void> {
    this.emit("change", undefined);
    if (!this.ended) this.#take(await this.#http.post<Session>(this.#path("share"), { kind, active }));
  }

  #take(session: Session): void {
    if (session.id !== this.id || this.ended) return;
    this.session = session;
    this.emit("change", undefined);
    if (this.#isOver()) this.close();
  }

  #resync(sessions: readonly Session[]): void {
    const known = sessions.find((session) => session.id === this.id);
    this.#take(known ?? { ...this.session, state: "ended" });
  }

  #isOver(): boolean {
    const leg = this.self?.legs.find((each) => each.id === this.legId);
    return this.session.state === "ended" || this.session.state === "wrap_up" || leg?.state === "ended";
  }

  #linkChanged(state: LinkState): void {
    if (this.ended) return;
    this.link = state;
    this.emit("change", undefined);
    clearTimeout(this.#restart);
    if (state === "interrupted") this.#restart = setTimeout(() => void this.#renewPath(), RESTART_AFTER_MS);
  }

  /** ICE restart, again and again until the path is back or the server ends the call. */
  async #renewPath(): Promise<void> {
    this.#restart = setTimeout(() => void this.#renewPath(), RESTART_EVERY_MS);
    try {
      const answer = await this.#http.post<{ sdp: string }>(this.#path("reoffer"), { sdp: await this.#peer.offer(true) });
      await this.#peer.answer(answer.sdp);
    } catch {
      // The network may still be away: the next try is already set.
    }
  }
}
