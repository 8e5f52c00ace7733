/** The ringing card: who calls, how long the answer may take, accept or decline. */

import type { AgentOffer } from "@mediaswitch/sdk";
import { CloseOutlined, GlobalOutlined, PhoneFilled, PhoneOutlined } from "@ant-design/icons";
import { Button, Card, Flex, Progress, Tag, Tooltip, Typography } from "antd";
import { useEffect } from "react";
import { rawAudio, useClient } from "../client";
import { customerLines, duration } from "../common/format";
import { useAction } from "../common/useAction";
import { useNow } from "../common/useNow";
import { useQueueLabel } from "../common/useQueueLabel";
import { useShortcuts } from "../common/useShortcuts";
import { usePreferences } from "../preferences";
import { ring } from "./ringer";
import style from "./Desk.module.css";

export function OfferCard({ offer }: { offer: AgentOffer }) {
  const client = useClient();
  const { words } = usePreferences();
  const { busy, run } = useAction();
  const { session } = offer;
  const { title, detail } = customerLines(session.customer, words);
  const accept = () => run(() => client.accept(session.id, { raw: rawAudio }), words.offer.gone);
  const decline = () => run(() => client.decline(session.id));
  useShortcuts({ a: accept, d: decline });
  useEffect(() => ring(), []);
  useTitle(`☎ ${title}`);
  return (
    <Card className={style.offer} variant="borderless" role="alertdialog" aria-label={words.offer.title} data-testid="offer">
      <Flex justify="space-between" align="center">
        <Flex align="center" gap={6} className={style.offerTitle}>
          {session.channel === "phone" ? <PhoneOutlined /> : <GlobalOutlined />}
          {words.offer.title} · {words.channels[session.channel]}
        </Flex>
        {session.queue && <QueueTag name={session.queue} />}
      </Flex>
      <Typography.Title level={3} className={style.offerNumber} data-testid="offer-caller">
        {title}
      </Typography.Title>
      <OfferDetail offer={offer} detail={detail} />
      <Countdown offer={offer} />
      <Flex gap={10}>
        <Tooltip title="D">
          <Button block danger icon={<CloseOutlined />} disabled={busy} onClick={decline}>
            {words.offer.decline}
          </Button>
        </Tooltip>
        <Tooltip title="A">
          <Button block type="primary" autoFocus icon={<PhoneFilled />} loading={busy} onClick={accept}>
            {words.offer.accept}
          </Button>
        </Tooltip>
      </Flex>
    </Card>
  );
}

export function QueueTag({ name }: { name: string }) {
  return <Tag color="processing">{useQueueLabel()(name)}</Tag>;
}

function OfferDetail({ offer, detail }: { offer: AgentOffer; detail: string | null }) {
  const { words } = usePreferences();
  const now = useNow();
  const waited = duration(now - Date.parse(offer.session.started_at));
  const parts = [detail, words.offer.via(offer.session.called), words.offer.waited(waited)].filter((part) => part !== null);
  return (
    <Typography.Paragraph type="secondary" className="tabular">
      {parts.join(" · ")}
    </Typography.Paragraph>
  );
}

function Countdown({ offer }: { offer: AgentOffer }) {
  const { words } = usePreferences();
  const now = useNow(250);
  const left = Math.max(0, Date.parse(offer.expires_at) - now);
  return (
    <div className={style.countdown}>
      <Progress percent={(left / (offer.timeout_s * 1000)) * 100} showInfo={false} size="small" aria-hidden />
      <span className={`${style.small ?? ""} tabular`}>{words.offer.secondsLeft(Math.ceil(left / 1000))}</span>
    </div>
  );
}

function useTitle(title: string): void {
  useEffect(() => {
    const before = document.title;
    document.title = title;
    return () => {
      document.title = before;
    };
  }, [title]);
}
