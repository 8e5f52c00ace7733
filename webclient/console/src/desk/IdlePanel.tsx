/** Nobody is on the line: say what the agent is waiting for, or how to begin. */

import { CoffeeOutlined, CustomerServiceOutlined, PoweroffOutlined } from "@ant-design/icons";
import { Button, Card, Flex, Typography } from "antd";
import { useClient } from "../client";
import { useWords } from "../preferences";
import { usePresence } from "../shell/PresenceControl";
import style from "./Desk.module.css";

export function IdlePanel() {
  const { agent } = useClient().live;
  const { desk } = useWords();
  const { busy, choose } = usePresence();
  const state = agent?.state ?? "offline";
  const ready = state === "available" || state === "offered";
  const Icon = ready ? CustomerServiceOutlined : state === "break" ? CoffeeOutlined : PoweroffOutlined;
  return (
    <Card className={style.fill} variant="borderless">
      <Flex vertical align="center" justify="center" className={style.idle}>
        <div className={style.idleIcon} data-ready={ready}>
          <Icon />
        </div>
        <Typography.Title level={3}>
          {ready ? desk.idleAvailable : state === "break" ? desk.idleBreak : desk.idleOffline}
        </Typography.Title>
        <Typography.Paragraph type="secondary">{ready ? desk.idleAvailableHint : desk.idleHint}</Typography.Paragraph>
        {!ready && (
          <Button type="primary" size="large" loading={busy} onClick={() => choose("available")}>
            {desk.goAvailable}
          </Button>
        )}
      </Flex>
    </Card>
  );
}
