/** The SDK's error tree: the server refused, the server is out of reach, or the browser gave no media. */

import type { ProblemDocument, TrackKind } from "./types";

export class SwitchError extends Error {}

/** The server answered with a problem document (RFC 9457). */
export class ProblemError extends SwitchError {
  readonly status: number;
  readonly problem: ProblemDocument;

  constructor(status: number, problem: ProblemDocument) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "ProblemError";
    this.status = status;
    this.problem = problem;
  }
}

/** No answer came: no network, no server, or a certificate that the browser refuses. */
export class UnreachableError extends SwitchError {
  override name = "UnreachableError";
}

export type MediaRefusal = "denied" | "missing" | "in_use" | "insecure" | "cancelled" | "unknown";

/** The browser gave no microphone, camera or screen. */
export class MediaError extends SwitchError {
  readonly kind: TrackKind;
  readonly refusal: MediaRefusal;

  constructor(kind: TrackKind, refusal: MediaRefusal, cause?: unknown) {
    super(`${kind}: ${refusal}`, { cause });
    this.name = "MediaError";
    this.kind = kind;
    this.refusal = refusal;
  }
}
