/** Cameras and screens of a recording, each playing on the common clock. */

import type { RecordedTrack } from "@mediaswitch/sdk";
import { useEffect, useRef } from "react";
import { useClient } from "../client";
import { useWords } from "../preferences";
import type { Playback } from "./playback";
import { shownParts, trackName } from "./tracks";
import { usePosition } from "./usePlayback";
import style from "./Review.module.css";

export function VideoTiles({ tracks, playback }: { tracks: readonly RecordedTrack[]; playback: Playback }) {
  if (tracks.length === 0) return null;
  return (
    <div className={style.videos} data-count={tracks.length}>
      {tracks.map((track) => (
        <VideoTile key={track.id} track={track} playback={playback} />
      ))}
    </div>
  );
}

function VideoTile({ track, playback }: { track: RecordedTrack; playback: Playback }) {
  const client = useClient();
  const words = useWords();
  const element = useRef<HTMLVideoElement>(null);
  const position = usePosition(playback, 250);
  useEffect(() => (element.current === null ? undefined : playback.attach(track.id, element.current)), [playback, track.id]);
  const inView = shownParts(track).some(([from, to]) => position >= from && position <= to);
  const name = trackName(track, words);
  return (
    <figure className={style.video}>
      <video
        ref={element}
        src={client.mediaUrl(track.url)}
        preload="auto"
        playsInline
        aria-label={name}
        data-testid={`video-${track.id}`}
        data-kind={track.kind}
        style={{ visibility: inView ? "visible" : "hidden" }}
      />
      {!inView && <span className={style.noPicture}>{words.review.noPicture}</span>}
      <figcaption>{name}</figcaption>
    </figure>
  );
}
