/** What is seen in a call: the screen large when one is shown, cameras beside it, one's own small. */

import type { Call, ShareKind } from "@mediaswitch/sdk";
import { CustomerServiceOutlined, ExpandOutlined, UserOutlined } from "@ant-design/icons";
import { Button, Tooltip } from "antd";
import { useCallback, useMemo, useRef } from "react";
import { LiveVideo } from "../common/MediaViews";
import { customerLines } from "../common/format";
import { useWords } from "../preferences";
import style from "./Desk.module.css";

export function VideoStage({ call }: { call: Call }) {
  const words = useWords();
  const { call: say } = words;
  const screen = call.otherShows("screen");
  const camera = call.otherShows("camera");
  if (!screen && !camera && call.own("camera") === null && call.own("screen") === null) return <VoiceStage call={call} />;
  return (
    <div className={style.stage} data-testid="video-stage">
      <div className={style.stageMain}>
        {screen && <OtherVideo call={call} kind="screen" label={say.otherScreen} />}
        {!screen && camera && <OtherVideo call={call} kind="camera" label={say.otherCamera} />}
        {!screen && !camera && <p className={style.stageName}>{customerLines(call.session.customer, words).title}</p>}
      </div>
      <div className={style.tiles}>
        {screen && camera && <OtherVideo call={call} kind="camera" label={say.otherCamera} />}
        <OwnVideo call={call} kind="camera" label={say.ownCamera} />
        <OwnVideo call={call} kind="screen" label={say.ownScreen} />
      </div>
    </div>
  );
}

function OtherVideo({ call, kind, label }: { call: Call; kind: ShareKind; label: string }) {
  const { call: words } = useWords();
  const frame = useRef<HTMLElement>(null);
  const fit = useCallback((element: HTMLVideoElement) => call.fit(kind, element), [call, kind]);
  return (
    <figure className={style.tile} ref={frame}>
      <LiveVideo stream={call.remote(kind)} label={label} testId={`remote-${kind}`} fit={fit} />
      <figcaption>{label}</figcaption>
      <Tooltip title={words.enlarge}>
        <Button
          size="small"
          className={style.enlarge}
          aria-label={words.enlarge}
          icon={<ExpandOutlined />}
          onClick={() => void frame.current?.requestFullscreen()}
        />
      </Tooltip>
    </figure>
  );
}

function OwnVideo({ call, kind, label }: { call: Call; kind: ShareKind; label: string }) {
  const track = call.own(kind);
  const stream = useMemo(() => (track === null ? null : new MediaStream([track])), [track]);
  if (stream === null) return null;
  return (
    <figure className={style.tile} data-own={kind}>
      <LiveVideo stream={stream} label={label} testId={`own-${kind}`} />
      <figcaption>{label}</figcaption>
    </figure>
  );
}

/** Nobody shows anything: two people and a line. */
function VoiceStage({ call }: { call: Call }) {
  const words = useWords();
  const held = call.heldByMe || call.heldByOther;
  return (
    <div className={style.voice} data-held={held} data-live={call.link === "connected"}>
      <div className={style.person}>
        <span className={style.face} data-who="customer">
          <UserOutlined />
        </span>
        {customerLines(call.session.customer, words).title}
      </div>
      <span className={style.wire} aria-hidden>
        <i />
        <i />
        <i />
        <i />
        <i />
      </span>
      <div className={style.person}>
        <span className={style.face} data-who="agent" data-muted={call.muted}>
          <CustomerServiceOutlined />
        </span>
        {call.muted ? words.call.muted : words.you}
      </div>
    </div>
  );
}
