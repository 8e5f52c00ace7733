/** Elements that play what a peer connection brings. */

import { useEffect, useRef } from "react";

/** The other side's sound. It must hang on an element: a bare stream stays silent in Chromium. */
export function RemoteAudio({ stream }: { stream: MediaStream }) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = stream;
  }, [stream]);
  return <audio ref={element} autoPlay data-testid="remote-audio" />;
}

export function LiveVideo(props: {
  stream: MediaStream;
  label: string;
  testId?: string;
  className?: string;
  /** Given the element while it is there; returns how to let go of it. */
  fit?: (element: HTMLVideoElement) => () => void;
}) {
  const element = useRef<HTMLVideoElement>(null);
  const { fit } = props;
  useEffect(() => (element.current === null ? undefined : fit?.(element.current)), [fit]);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = props.stream;
  }, [props.stream]);
  // Sound comes from RemoteAudio alone, so the picture is muted and may start by itself.
  return (
    <video
      ref={element}
      autoPlay
      muted
      playsInline
      aria-label={props.label}
      data-testid={props.testId}
      className={props.className}
    />
  );
}
