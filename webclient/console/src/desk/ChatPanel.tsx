/** Text beside the voice: kept on the same timeline as everything else. */

import { chatOf, type Session, type TimelineEvent } from "@mediaswitch/sdk";
import { SendOutlined } from "@ant-design/icons";
import { Button, Empty, Flex, Form, Input } from "antd";
import { useEffect, useRef } from "react";
import { useClient } from "../client";
import { duration } from "../common/format";
import { castOf } from "../common/timelineWords";
import { useQueueLabel } from "../common/useQueueLabel";
import { useAction } from "../common/useAction";
import { useWords } from "../preferences";
import style from "./Desk.module.css";

export function ChatPanel({ session, events }: { session: Session; events: readonly TimelineEvent[] }) {
  const { call } = useClient();
  const words = useWords();
  const { busy, run } = useAction();
  const [form] = Form.useForm<{ text: string }>();
  const lines = chatOf(events);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" }); // in braces: newer browsers return a promise
  }, [lines.length]);

  const cast = castOf(events, words, useQueueLabel());
  const ownIds = new Set(session.participants.filter((each) => each.role === "agent").map((each) => each.id));
  const send = ({ text }: { text?: string }) => {
    const trimmed = (text ?? "").trim();
    if (trimmed === "" || call === null) return;
    run(async () => {
      await call.sendMessage(trimmed);
      form.resetFields();
    });
  };
  return (
    <Flex vertical className={style.chat}>
      <div className={style.chatLines} role="log" aria-label={words.chat.title}>
        {lines.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={words.chat.empty} />}
        {lines.map((line) => (
          <div key={line.seq} className={style.bubble} data-own={ownIds.has(String(line.participant))}>
            <div className={style.bubbleWho}>
              {cast.nameOf(line.participant)} <span className="tabular">{duration(line.at_ms)}</span>
            </div>
            <div className={style.bubbleText}>{String(line.text)}</div>
          </div>
        ))}
        <div ref={end} />
      </div>
      <Form form={form} onFinish={send} className={style.chatForm}>
        <Form.Item name="text" noStyle>
          <Input aria-label={words.chat.placeholder} placeholder={words.chat.placeholder} maxLength={2000} disabled={call === null} />
        </Form.Item>
        <Button type="primary" htmlType="submit" aria-label={words.chat.send} icon={<SendOutlined />} loading={busy} disabled={call === null} />
      </Form>
    </Flex>
  );
}
