/** Microphone, camera and screen, with the browser's refusals told apart. */

import { MediaError, type MediaRefusal } from "./errors";
import type { TrackKind } from "./types";

export interface MediaOptions {
  /** No echo cancellation, noise suppression or gain control: for measurements. */
  raw?: boolean;
}

const refusalByName: Record<string, MediaRefusal> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "in_use",
  AbortError: "cancelled",
};

/** Open the microphone. Raises MediaError. */
export function openMicrophone(options: MediaOptions = {}): Promise<MediaStreamTrack> {
  const processed = options.raw !== true;
  const audio = { echoCancellation: processed, noiseSuppression: processed, autoGainControl: processed };
  return firstTrack("audio", (devices) => devices.getUserMedia({ audio }));
}

/** Open the camera at a size that a support call needs. Raises MediaError. */
export function openCamera(): Promise<MediaStreamTrack> {
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
  return firstTrack("camera", (devices) => devices.getUserMedia({ video }));
}

/**
 * Ask the user for a tab, window or screen. Raises MediaError, `cancelled` when she chooses none.
 * The chooser opens at the tabs, this page among them: showing one page gives away the least.
 */
export async function openScreen(): Promise<MediaStreamTrack> {
  const video = { displaySurface: "browser", frameRate: { ideal: 15, max: 30 } };
  const options = { video, audio: false, selfBrowserSurface: "include" };
  const track = await firstTrack("screen", (devices) => devices.getDisplayMedia(options));
  track.contentHint = "detail"; // text stays sharp; the frame rate gives way
  return track;
}

async function firstTrack(
  kind: TrackKind,
  open: (devices: MediaDevices) => Promise<MediaStream>,
): Promise<MediaStreamTrack> {
  // The DOM types promise mediaDevices, but pages opened by plain http have none.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new MediaError(kind, "insecure");
  try {
    const [track] = (await open(devices)).getTracks();
    if (track === undefined) throw new MediaError(kind, "missing");
    return track;
  } catch (error) {
    throw asMediaError(kind, error);
  }
}

function asMediaError(kind: TrackKind, error: unknown): MediaError {
  if (error instanceof MediaError) return error;
  const refusal = refusalByName[error instanceof Error ? error.name : ""] ?? "unknown";
  // Closing the browser's chooser is reported as a refusal; for a screen it is a choice.
  return new MediaError(kind, kind === "screen" && refusal === "denied" ? "cancelled" : refusal, error);
}
