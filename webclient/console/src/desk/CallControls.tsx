/** The row of round buttons under a call, with their keys. */

import type { Call } from "@mediaswitch/sdk";
import {
  AudioMutedOutlined,
  AudioOutlined,
  DesktopOutlined,
  PauseOutlined,
  PhoneFilled,
  PlayCircleOutlined,
  VideoCameraOutlined,
} from "@ant-design/icons";
import { Flex, Tooltip } from "antd";
import type { ReactNode } from "react";
import { useAction } from "../common/useAction";
import { useShortcuts } from "../common/useShortcuts";
import { useWords } from "../preferences";
import style from "./Desk.module.css";

export function CallControls({ call }: { call: Call }) {
  const { call: words } = useWords();
  const { busy, run } = useAction();
  const [camera, screen] = [call.own("camera") !== null, call.own("screen") !== null];
  const toggle = {
    mute: () => run(() => call.setMuted(!call.muted)),
    hold: () => run(() => (call.heldByMe ? call.resume() : call.hold())),
    camera: () => run(() => (camera ? call.hide("camera") : call.show("camera"))),
    screen: () => run(() => (screen ? call.hide("screen") : call.show("screen"))),
    hangUp: () => run(() => call.hangUp()),
  };
  useShortcuts({ m: toggle.mute, h: toggle.hold, c: toggle.camera, s: toggle.screen, e: toggle.hangUp });
  return (
    <Flex justify="center" gap={14} className={style.controls} role="toolbar" aria-busy={busy}>
      <RoundButton
        label={call.muted ? words.unmute : words.mute}
        hint="M"
        on={call.muted}
        icon={call.muted ? <AudioMutedOutlined /> : <AudioOutlined />}
        onClick={toggle.mute}
      />
      <RoundButton
        label={call.heldByMe ? words.resume : words.hold}
        hint="H"
        on={call.heldByMe}
        icon={call.heldByMe ? <PlayCircleOutlined /> : <PauseOutlined />}
        onClick={toggle.hold}
      />
      <RoundButton
        label={camera ? words.cameraOff : words.cameraOn}
        hint="C"
        on={camera}
        icon={<VideoCameraOutlined />}
        onClick={toggle.camera}
      />
      <RoundButton
        label={screen ? words.screenOff : words.screenOn}
        hint="S"
        on={screen}
        icon={<DesktopOutlined />}
        onClick={toggle.screen}
      />
      <RoundButton label={words.hangUp} hint="E" danger icon={<PhoneFilled rotate={225} />} onClick={toggle.hangUp} />
    </Flex>
  );
}

interface RoundButtonProps {
  label: string;
  hint: string;
  icon: ReactNode;
  on?: boolean;
  danger?: boolean;
  onClick: () => void;
}

function RoundButton({ label, hint, icon, on = false, danger = false, onClick }: RoundButtonProps) {
  return (
    <Tooltip title={hint}>
      <button type="button" aria-label={label} className={style.round} data-on={on} data-danger={danger} onClick={onClick}>
        <span className={style.roundIcon} aria-hidden>{icon}</span>
        <span className={style.roundLabel}>{label}</span>
      </button>
    </Tooltip>
  );
}
