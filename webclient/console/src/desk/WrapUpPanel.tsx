/** After the call: what it was, how long is left, and the way back to the queue. */

import type { Agent, Session } from "@mediaswitch/sdk";
import { CheckOutlined, FileDoneOutlined } from "@ant-design/icons";
import { Button, Card, Flex, Statistic, Tooltip, Typography } from "antd";
import { useClient } from "../client";
import { customerLines, duration } from "../common/format";
import { useAction } from "../common/useAction";
import { useNow } from "../common/useNow";
import { useShortcuts } from "../common/useShortcuts";
import { useWords } from "../preferences";
import style from "./Desk.module.css";

export function WrapUpPanel({ agent, session }: { agent: Agent; session: Session | undefined }) {
  const client = useClient();
  const words = useWords();
  const now = useNow();
  const { busy, run } = useAction();
  const sessionId = agent.session_id ?? session?.id;
  const finish = () => run(() => (sessionId ? client.endWrapUp(sessionId) : client.setAgentState("available")));
  useShortcuts({ f: finish });
  const left = agent.wrap_up_until ? Date.parse(agent.wrap_up_until) - now : null;
  return (
    <Card className={style.fill} variant="borderless" data-testid="wrap-up">
      <Flex vertical align="center" justify="center" gap={8} className={style.idle}>
        <div className={style.idleIcon}>
          <FileDoneOutlined />
        </div>
        <Typography.Title level={3}>{words.wrapUp.title}</Typography.Title>
        {session !== undefined && <WrapUpFigures session={session} />}
        <Typography.Text type="secondary">{words.wrapUp.hint}</Typography.Text>
        <Tooltip title="F">
          <Button type="primary" size="large" icon={<CheckOutlined />} loading={busy} onClick={finish}>
            {words.wrapUp.finish}
          </Button>
        </Tooltip>
        {left !== null && (
          <Typography.Text type="secondary" className="tabular">
            {words.wrapUp.remaining(duration(left))}
          </Typography.Text>
        )}
      </Flex>
    </Card>
  );
}

function WrapUpFigures({ session }: { session: Session }) {
  const words = useWords();
  const ended = Date.parse(session.ended_at ?? new Date().toISOString());
  const since = (from: string | null | undefined) => (from ? duration(ended - Date.parse(from)) : "–");
  return (
    <Flex gap={40} className={style.figures}>
      <Statistic title={words.customer} value={customerLines(session.customer, words).title} groupSeparator="" />
      <Statistic title={words.wrapUp.talked} value={since(session.answered_at)} />
      <Statistic title={words.wrapUp.total} value={since(session.started_at)} />
    </Flex>
  );
}
