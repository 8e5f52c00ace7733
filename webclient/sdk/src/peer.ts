/** One peer connection with the fixed layout that the server expects: audio, camera, screen, data channel. */

import { TypedEventTarget } from "./events";
import type { ShareKind, TrackKind } from "./types";

export type LinkState = "connecting" | "connected" | "interrupted" | "closed";

export interface PeerEvents {
  state: LinkState;
}

export interface TrackStatistics {
  kind: TrackKind;
  direction: "in" | "out";
  packets: number;
  packetsLost: number;
  /** Seconds. */
  jitter: number;
  /** Audio level 0 to 1, or null for video. */
  level: number | null;
  framesPerSecond: number | null;
}

export interface LinkStatistics {
  /** Round trip in milliseconds, null before it is measured. */
  rttMs: number | null;
  tracks: TrackStatistics[];
}

const KINDS: readonly TrackKind[] = ["audio", "camera", "screen"];

/**
 * The camera goes out in three sizes, and the server gives each viewer the one that suits path and window. The names
 * are those that other senders use: quarter, half and full.
 */
const CAMERA_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 450_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

export class PeerLink extends TypedEventTarget<PeerEvents> {
  readonly #connection: RTCPeerConnection;
  readonly #lines: Record<TrackKind, RTCRtpTransceiver>;
  readonly #streams: Record<TrackKind, MediaStream>;
  readonly #channel: RTCDataChannel;
  readonly #heights = new Map<ShareKind, number>();
  state: LinkState = "connecting";

  constructor() {
    super();
    this.#connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const line = (media: "audio" | "video", sendEncodings: RTCRtpEncodingParameters[] = []) =>
      this.#connection.addTransceiver(media, { direction: "sendrecv", sendEncodings });
    this.#lines = { audio: line("audio"), camera: line("video", CAMERA_LAYERS), screen: line("video") };
    this.#channel = this.#connection.createDataChannel("mediaswitch");
    this.#channel.addEventListener("open", () => this.#tellHeights());
    const streamOf = (kind: TrackKind) => new MediaStream([this.#lines[kind].receiver.track]);
    this.#streams = { audio: streamOf("audio"), camera: streamOf("camera"), screen: streamOf("screen") };
    this.#connection.onconnectionstatechange = () => this.#update();
  }

  /** Return a complete offer; `restart` asks for new ICE credentials after the path broke. */
  async offer(restart = false): Promise<string> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer({ iceRestart: restart }));
    // Without candidates: the server learns our addresses from our checks (it is a lite agent, RFC 8445 §2.5).
    return this.#connection.localDescription?.sdp ?? "";
  }

  async answer(sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** Send `track` on its line, or nothing; no negotiation is needed. */
  async send(kind: TrackKind, track: MediaStreamTrack | null): Promise<void> {
    await this.#lines[kind].sender.replaceTrack(track);
  }

  /** The other side's media of this kind; the stream exists from the start and stays the same. */
  remote(kind: TrackKind): MediaStream {
    return this.#streams[kind];
  }

  /** Tell the server in how many pixels' height a remote picture is shown; it sends no larger one. */
  showAt(kind: ShareKind, height: number): void {
    this.#heights.set(kind, height);
    this.#tellHeights();
  }

  async statistics(): Promise<LinkStatistics> {
    const report = await this.#connection.getStats();
    const kindOfMid = new Map(KINDS.map((kind) => [this.#lines[kind].mid, kind]));
    const tracks: TrackStatistics[] = [];
    let rttMs: number | null = null;
    for (const entry of report.values() as Iterable<StatsEntry>) {
      if (entry.type === "candidate-pair" && entry.nominated) rttMs = inMs(entry.currentRoundTripTime) ?? rttMs;
      const kind = kindOfMid.get(entry.mid ?? null);
      if (kind !== undefined && entry.type === "inbound-rtp") tracks.push(inbound(kind, entry));
      if (kind !== undefined && entry.type === "outbound-rtp") tracks.push(outbound(kind, entry));
    }
    return { rttMs, tracks };
  }

  close(): void {
    this.#connection.close();
    this.#become("closed");
  }

  #tellHeights(): void {
    if (this.#channel.readyState !== "open") return;
    for (const [kind, height] of this.#heights) this.#channel.send(`show ${kind} ${height}`);
  }

  #update(): void {
    const states: Partial<Record<RTCPeerConnectionState, LinkState>> = {
      connected: "connected",
      disconnected: "interrupted",
      failed: "interrupted",
      closed: "closed",
    };
    this.#become(states[this.#connection.connectionState] ?? this.state);
  }

  #become(state: LinkState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.emit("state", state);
  }
}

interface StatsEntry {
  type: string;
  mid?: string;
  nominated?: boolean;
  currentRoundTripTime?: number;
  packetsReceived?: number;
  packetsSent?: number;
  packetsLost?: number;
  jitter?: number;
  audioLevel?: number;
  framesPerSecond?: number;
}

function inbound(kind: TrackKind, entry: StatsEntry): TrackStatistics {
  return {
    kind,
    direction: "in",
    packets: entry.packetsReceived ?? 0,
    packetsLost: entry.packetsLost ?? 0,
    jitter: entry.jitter ?? 0,
    level: entry.audioLevel ?? null,
    framesPerSecond: entry.framesPerSecond ?? null,
  };
}

function outbound(kind: TrackKind, entry: StatsEntry): TrackStatistics {
  const sent = { packets: entry.packetsSent ?? 0, packetsLost: 0, jitter: 0, level: null };
  return { kind, direction: "out", ...sent, framesPerSecond: entry.framesPerSecond ?? null };
}

function inMs(seconds: number | undefined): number | null {
  return seconds === undefined ? null : seconds * 1000;
}
