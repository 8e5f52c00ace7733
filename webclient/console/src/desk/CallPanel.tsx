/** The call on the line: who, how long, what is seen, and the buttons. */

import type { Call } from "@mediaswitch/sdk";
import { GlobalOutlined, PhoneOutlined } from "@ant-design/icons";
import { Alert, Card, Flex, Typography } from "antd";
import { customerLines, duration } from "../common/format";
import { useNow } from "../common/useNow";
import { useWords } from "../preferences";
import { CallControls } from "./CallControls";
import { LineQuality } from "./LineQuality";
import { QueueTag } from "./OfferCard";
import { VideoStage } from "./VideoStage";
import style from "./Desk.module.css";

export function CallPanel({ call }: { call: Call }) {
  const words = useWords();
  const { session } = call;
  const { title, detail } = customerLines(session.customer, words);
  return (
    <Card className={`${style.fill ?? ""} ${style.call ?? ""}`} variant="borderless" data-testid="call" data-link={call.link}>
      <Flex align="center" gap={14} className={style.callHead}>
        <div className={style.channel}>{session.channel === "phone" ? <PhoneOutlined /> : <GlobalOutlined />}</div>
        <div className={style.grow}>
          <Typography.Title level={4} className={style.callTitle} data-testid="call-customer">
            {title}
          </Typography.Title>
          <Typography.Text type="secondary">
            {[detail, words.offer.via(session.called)].filter((part) => part !== null).join(" · ")}
          </Typography.Text>
        </div>
        {session.queue && <QueueTag name={session.queue} />}
        <LineQuality call={call} />
        <TalkTime call={call} />
      </Flex>
      <CallNotice call={call} />
      <VideoStage call={call} />
      <CallControls call={call} />
    </Card>
  );
}

function TalkTime({ call }: { call: Call }) {
  const words = useWords();
  const now = useNow();
  const since = call.session.answered_at;
  return (
    <div className={`${style.talkTime ?? ""} tabular`} role="timer" aria-label={words.call.duration}>
      {duration(since ? now - Date.parse(since) : 0)}
    </div>
  );
}

/** At most one line: the most pressing thing about this call. */
function CallNotice({ call }: { call: Call }) {
  const { call: words } = useWords();
  const notice =
    call.link === "interrupted" ? words.interrupted
    : call.link === "connecting" ? words.connecting
    : call.heldByMe ? words.heldByMe
    : call.heldByOther ? words.heldByOther
    : null;
  if (notice === null) return null;
  return <Alert banner type={call.link === "connecting" ? "info" : "warning"} title={notice} data-testid="call-notice" />;
}
