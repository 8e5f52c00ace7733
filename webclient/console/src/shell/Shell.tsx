/** What surrounds every page: navigation, one's own state, the account, and a call's sound. */

import { Button, Flex, Layout, Menu, Tag } from "antd";
import { PhoneFilled } from "@ant-design/icons";
import { useEffect, type ReactNode } from "react";
import { useLocation } from "wouter";
import type { Page } from "../app";
import { useClient } from "../client";
import { RemoteAudio } from "../common/MediaViews";
import { duration } from "../common/format";
import { useNow } from "../common/useNow";
import logo from "../logo.svg";
import { useWords } from "../preferences";
import { AccountMenu } from "./AccountMenu";
import { ConnectionBanner } from "./ConnectionBanner";
import { Failsafe } from "./Failsafe";
import { PresenceControl } from "./PresenceControl";
import style from "./Shell.module.css";

export function Shell({ pages, children }: { pages: Page[]; children: ReactNode }) {
  const client = useClient();
  const words = useWords();
  const [path, go] = useLocation();
  const { connection } = client.live;
  useEffect(() => {
    // Every page names queues; the socket's messages keep the figures up to date.
    if (connection === "online") void client.loadQueues().catch(() => undefined);
  }, [client, connection]);
  const current = pages.find((page) => path.startsWith(`/${page}`));
  return (
    <Layout className={style.shell}>
      <Layout.Header className={style.header}>
        <Flex align="center" gap={10} className={style.brand}>
          <img src={logo} alt="" width={28} height={28} />
          <span className={style.product}>{words.product}</span>
        </Flex>
        <Menu
          mode="horizontal"
          className={style.menu}
          selectedKeys={current ? [current] : []}
          items={pages.map((page) => ({ key: page, label: words.nav[page] }))}
          onClick={({ key }) => go(`/${key}`)}
        />
        {client.call !== null && current !== "desk" && <CallReminder onClick={() => go("/desk")} />}
        {client.live.agent !== null && <PresenceControl agent={client.live.agent} />}
        <AccountMenu />
      </Layout.Header>
      <ConnectionBanner />
      <Layout.Content className={style.content}>
        <Failsafe key={current}>{children}</Failsafe>
      </Layout.Content>
      {client.call !== null && <RemoteAudio stream={client.call.remote("audio")} />}
    </Layout>
  );
}

function CallReminder({ onClick }: { onClick: () => void }) {
  const client = useClient();
  const words = useWords();
  const now = useNow();
  const since = Date.parse(client.call?.session.answered_at ?? new Date(now).toISOString());
  return (
    <Button type="primary" size="small" icon={<PhoneFilled />} onClick={onClick} aria-label={words.call.backToDesk}>
      {words.call.onCall} <Tag variant="filled">{duration(now - since)}</Tag>
    </Button>
  );
}
