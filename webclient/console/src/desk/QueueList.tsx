/** The agent's queues and how full they are. */

import { Card, Empty, Flex, Typography } from "antd";
import { useClient } from "../client";
import { duration } from "../common/format";
import { usePreferences } from "../preferences";
import style from "./Desk.module.css";

export function QueueList() {
  const { agent, queues } = useClient().live;
  const { words, language } = usePreferences();
  const mine = [...queues.values()].filter((queue) => agent?.queues.includes(queue.name));
  return (
    <Card title={words.desk.queues} variant="borderless" size="small">
      {mine.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={words.desk.noQueues} />}
      {mine.map((queue) => (
        <Flex key={queue.name} align="center" justify="space-between" className={style.queue}>
          <div>
            <Typography.Text strong>{queue.label[language]}</Typography.Text>
            <div className={style.small}>{words.desk.agentsFree(queue.agents_available, queue.agents_busy)}</div>
          </div>
          <div className={style.queueFigures}>
            <div className={style.figure} data-some={queue.waiting > 0}>
              {words.desk.waiting(queue.waiting)}
            </div>
            {queue.waiting > 0 && (
              <div className={`${style.small ?? ""} tabular`}>{words.desk.longest(duration(queue.longest_wait_s * 1000))}</div>
            )}
          </div>
        </Flex>
      ))}
    </Card>
  );
}
