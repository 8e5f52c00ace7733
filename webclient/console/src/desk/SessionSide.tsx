/** Beside the call: its timeline as it grows, and the chat. */

import type { Session } from "@mediaswitch/sdk";
import { Badge, Card, Tabs } from "antd";
import { useState } from "react";
import { useClient } from "../client";
import { TimelineList } from "../common/TimelineList";
import { useWords } from "../preferences";
import { ChatPanel } from "./ChatPanel";
import style from "./Desk.module.css";

export function SessionSide({ session }: { session: Session }) {
  const client = useClient();
  const words = useWords();
  const [tab, setTab] = useState("timeline");
  const [seen, setSeen] = useState(0);
  const events = client.live.timelines.get(session.id) ?? [];
  const lines = events.filter((event) => event.type === "chat").length;
  const open = (key: string) => {
    setTab(key);
    setSeen(lines);
  };
  const unread = tab === "chat" ? 0 : lines - seen;
  return (
    <Card className={style.side} variant="borderless">
      <Tabs
        activeKey={tab}
        onChange={open}
        className={style.tabs}
        items={[
          {
            key: "timeline",
            label: words.timeline.title,
            children: <TimelineList events={events} follow />,
          },
          {
            key: "chat",
            label: (
              <Badge count={unread} size="small" offset={[10, 0]}>
                {words.chat.title}
              </Badge>
            ),
            children: <ChatPanel session={session} events={events} />,
          },
        ]}
      />
    </Card>
  );
}
