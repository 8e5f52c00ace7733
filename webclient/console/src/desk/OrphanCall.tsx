/** The agent's call goes on, but this page does not have its sound: another one has, or had before it was lost. */

import type { Session } from "@mediaswitch/sdk";
import { PhoneOutlined } from "@ant-design/icons";
import { Button, Card, Result } from "antd";
import { useClient } from "../client";
import { useAction } from "../common/useAction";
import { useWords } from "../preferences";
import style from "./Desk.module.css";

export function OrphanCall({ session }: { session: Session }) {
  const client = useClient();
  const { call } = useWords();
  const { busy, run } = useAction();
  return (
    <Card className={style.fill} variant="borderless">
      <Result
        status="warning"
        title={call.orphanTitle}
        subTitle={call.orphanHint}
        extra={
          <Button danger icon={<PhoneOutlined />} loading={busy} onClick={() => run(() => client.hangUp(session.id))}>
            {call.hangUp}
          </Button>
        }
      />
    </Card>
  );
}
