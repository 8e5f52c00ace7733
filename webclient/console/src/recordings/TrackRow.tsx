/** One track on the time axis: its name and sound switches, its waveform or span, its gaps. */

import type { Peaks, RecordedTrack } from "@mediaswitch/sdk";
import { DesktopOutlined, DownloadOutlined, MutedOutlined, SoundOutlined, VideoCameraOutlined } from "@ant-design/icons";
import { Button, Tooltip } from "antd";
import { useEffect, useRef, useState } from "react";
import { useClient } from "../client";
import { duration } from "../common/format";
import { useWords } from "../preferences";
import type { Playback } from "./playback";
import { isSound, shownParts, trackColour, trackName } from "./tracks";
import { usePlaybackState } from "./usePlayback";
import { Waveform } from "./Waveform";
import style from "./Review.module.css";

interface Props {
  track: RecordedTrack;
  playback: Playback;
}

export function TrackRow({ track, playback }: Props) {
  const words = useWords();
  const colour = trackColour(track);
  return (
    <div className={style.row} data-testid="track-row" data-kind={track.kind} data-track={track.id}>
      <div className={style.rowHead}>
        <span className={style.swatch} style={{ background: colour }} />
        <span className={style.rowName} title={`${trackName(track, words)} · ${track.codec}`}>
          {trackName(track, words)}
        </span>
        {isSound(track) ? <SoundSwitches track={track} playback={playback} /> : <KindIcon track={track} />}
        <Download track={track} />
      </div>
      <div className={style.lane}>
        {isSound(track) ? (
          <SoundLane track={track} playback={playback} colour={colour} />
        ) : (
          <PictureLane track={track} ofMs={playback.durationMs} colour={colour} />
        )}
      </div>
    </div>
  );
}

function Download({ track }: { track: RecordedTrack }) {
  const client = useClient();
  const { review } = useWords();
  if (!track.original_url) return null;
  return (
    <Tooltip title={review.download}>
      <Button size="small" type="text" href={client.mediaUrl(track.original_url)} aria-label={review.download} icon={<DownloadOutlined />} />
    </Tooltip>
  );
}

function SoundSwitches({ track, playback }: Props) {
  const words = useWords();
  usePlaybackState(playback);
  const name = trackName(track, words);
  const [muted, solo] = [playback.isMuted(track.id), playback.isSolo(track.id)];
  return (
    <span className={style.switches}>
      <Tooltip title={words.review.mute(name)}>
        <Button
          size="small"
          type={muted ? "primary" : "text"}
          danger={muted}
          aria-pressed={muted}
          aria-label={words.review.mute(name)}
          icon={muted ? <MutedOutlined /> : <SoundOutlined />}
          onClick={() => playback.toggleMute(track.id)}
        />
      </Tooltip>
      <Tooltip title={words.review.solo(name)}>
        <Button
          size="small"
          type={solo ? "primary" : "text"}
          aria-pressed={solo}
          aria-label={words.review.solo(name)}
          onClick={() => playback.toggleSolo(track.id)}
        >
          {words.review.soloShort}
        </Button>
      </Tooltip>
    </span>
  );
}

function KindIcon({ track }: { track: RecordedTrack }) {
  return <span className={style.kind}>{track.kind === "screen" ? <DesktopOutlined /> : <VideoCameraOutlined />}</span>;
}

function SoundLane({ track, playback, colour }: Props & { colour: string }) {
  const client = useClient();
  const { review } = useWords();
  const element = useRef<HTMLAudioElement>(null);
  const peaks = usePeaks(track.peaks_url ?? null);
  useEffect(() => (element.current === null ? undefined : playback.attach(track.id, element.current, { leads: true })), [playback, track.id]);
  return (
    <>
      {track.gaps.map(([from, to]) => (
        <i key={from} className={style.gap} title={review.gap} style={place(from, to, playback.durationMs)} />
      ))}
      {peaks !== null && <Waveform peaks={peaks} durationMs={playback.durationMs} colour={colour} />}
      <audio ref={element} src={client.mediaUrl(track.url)} preload="auto" data-testid={`audio-${track.id}`} />
    </>
  );
}

function PictureLane({ track, ofMs, colour }: { track: RecordedTrack; ofMs: number; colour: string }) {
  return shownParts(track).map(([from, to]) => (
    <i
      key={from}
      className={style.span}
      title={`${duration(from)} – ${duration(to)}`}
      style={{ ...place(from, to, ofMs), background: colour }}
    />
  ));
}

function usePeaks(url: string | null): Peaks | null {
  const client = useClient();
  const [peaks, setPeaks] = useState<Peaks | null>(null);
  useEffect(() => {
    if (url === null) return;
    let wanted = true;
    client.peaks(url).then(
      (found) => wanted && setPeaks(found),
      () => undefined, // without a waveform the lane is empty; the sound plays all the same
    );
    return () => {
      wanted = false;
    };
  }, [client, url]);
  return peaks;
}

export function place(fromMs: number, toMs: number, ofMs: number): { left: string; width: string } {
  return { left: `${(fromMs / ofMs) * 100}%`, width: `${((toMs - fromMs) / ofMs) * 100}%` };
}
