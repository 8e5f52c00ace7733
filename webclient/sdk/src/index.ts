/** The framework-free client of a Mediaswitch server. */

export { Call, type CallEvents } from "./call";
export { SwitchClient, type ClientEvents } from "./client";
export { chatOf, placeCall, publicConfig, type CustomerCallRequest } from "./customer";
export { MediaError, ProblemError, SwitchError, UnreachableError, type MediaRefusal } from "./errors";
export { TypedEventTarget, type Listener } from "./events";
export { LiveFeed, type FeedEvents } from "./feed";
export { emptyLive, type LiveState } from "./live";
export type { LoginStore } from "./login";
export { openCamera, openMicrophone, type MediaOptions } from "./media";
export { PeerLink } from "./peer";
export type { LinkState, LinkStatistics, TrackStatistics } from "./peer";
export type { Connection } from "./socket";
export type * from "./types";
export { explain } from "./words";
