/** Says that the socket is lost, and when it comes back stays silent. */

import { Alert, Button } from "antd";
import { useClient } from "../client";
import { useWords } from "../preferences";

export function ConnectionBanner() {
  const client = useClient();
  const words = useWords();
  if (client.live.connection !== "lost") return null;
  return (
    <Alert
      banner
      type="warning"
      role="alert"
      data-testid="connection-lost"
      title={client.call === null ? words.connection.lost : words.connection.lostOnCall}
      action={
        <Button size="small" onClick={() => client.hurry()}>
          {words.connection.now}
        </Button>
      }
    />
  );
}
