/** One recorded session: every track on one time axis, and the events beside it. */

import { explain, ProblemError, type RecordingManifest, type TimelineEvent } from "@mediaswitch/sdk";
import { ArrowLeftOutlined } from "@ant-design/icons";
import { Alert, Button, Card, Empty, Flex, Skeleton, Tag, Typography } from "antd";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { useClient } from "../client";
import { TimelineList } from "../common/TimelineList";
import { dateTime, duration } from "../common/format";
import { isTold } from "../common/timelineWords";
import { usePreferences, useWords } from "../preferences";
import { Playback } from "./playback";
import { TimeAxis } from "./TimeAxis";
import { TrackRow } from "./TrackRow";
import { inOrder, isSound } from "./tracks";
import { Transport } from "./Transport";
import { usePosition, useTransport } from "./usePlayback";
import { VideoTiles } from "./VideoTiles";
import style from "./Review.module.css";

export default function ReviewPage({ sessionId }: { sessionId: string }) {
  const { language, words } = usePreferences();
  const { manifest, failure, load } = useManifest(sessionId);
  return (
    <div className={style.page}>
      <Flex align="center" gap={14}>
        <Link to="/recordings" aria-label={words.review.back}>
          <Button icon={<ArrowLeftOutlined />}>{words.review.back}</Button>
        </Link>
        {manifest !== null && <Heading manifest={manifest} />}
      </Flex>
      {failure !== null && (
        <Alert type={inProgress(failure) ? "info" : "error"} showIcon title={inProgress(failure) ? words.review.stillRecording : explain(failure, language)} action={<Button onClick={load}>{words.retry}</Button>} />
      )}
      {manifest === null && failure === null && <Skeleton active paragraph={{ rows: 10 }} />}
      {manifest !== null && <Review manifest={manifest} />}
    </div>
  );
}

/** The manifest is written when the session is over; until then the server answers 409. */
function inProgress(failure: unknown): boolean {
  return failure instanceof ProblemError && failure.status === 409;
}

function useManifest(sessionId: string) {
  const client = useClient();
  const [manifest, setManifest] = useState<RecordingManifest | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let wanted = true;
    client.recording(sessionId).then(
      (found) => wanted && setManifest(found),
      (error: unknown) => wanted && setFailure(error),
    );
    return () => {
      wanted = false;
    };
  }, [client, sessionId, tries]);
  const load = () => {
    setFailure(null);
    setTries(tries + 1);
  };
  return { manifest, failure, load };
}

function Heading({ manifest }: { manifest: RecordingManifest }) {
  const { language, words } = usePreferences();
  const started = manifest.events.find((event) => event.type === "session_started");
  const customer = (started?.customer ?? {}) as { name?: string | null; number?: string | null };
  return (
    <>
      <Typography.Title level={4} className={style.title}>
        {customer.name ?? customer.number ?? words.customer}
      </Typography.Title>
      <Typography.Text type="secondary" className="tabular">
        {dateTime(manifest.started_at, language)} · {duration(manifest.duration_ms)}
      </Typography.Text>
      {(started?.channel === "phone" || started?.channel === "web") && <Tag>{words.channels[started.channel]}</Tag>}
    </>
  );
}

function Review({ manifest }: { manifest: RecordingManifest }) {
  const words = useWords();
  const playback = useMemo(() => new Playback(manifest.duration_ms), [manifest]);
  const axis = useRef<HTMLDivElement>(null);
  useTransport(playback, axis);
  const tracks = useMemo(() => inOrder(manifest.tracks), [manifest]);
  if (tracks.length === 0) return <Empty description={words.review.noTracks} />;
  return (
    <div className={style.review}>
      <div className={style.stageColumn}>
        <VideoTiles tracks={tracks.filter((track) => !isSound(track))} playback={playback} />
        <Card variant="borderless" className={style.player}>
          <Transport playback={playback} events={manifest.events} />
          <div className={style.lanes} ref={axis}>
            <TimeAxis playback={playback} events={manifest.events} />
            {tracks.map((track) => (
              <TrackRow key={track.id} track={track} playback={playback} />
            ))}
            <div className={style.playheadArea} aria-hidden>
              <div className={style.playhead} />
            </div>
          </div>
        </Card>
      </div>
      <Card variant="borderless" title={words.review.events} className={style.events}>
        <Events playback={playback} events={manifest.events} />
      </Card>
    </div>
  );
}

function Events({ playback, events }: { playback: Playback; events: TimelineEvent[] }) {
  const position = usePosition(playback, 100);
  const passed = events.filter((event) => isTold(event) && event.at_ms <= position + 50);
  return <TimelineList events={events} currentSeq={passed.at(-1)?.seq} onSeek={(event) => playback.seek(event.at_ms)} />;
}
