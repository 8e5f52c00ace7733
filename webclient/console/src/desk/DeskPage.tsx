/** The agent's desk: what rings, who is talking, and what happened in this session. */

import { useClient } from "../client";
import { CallPanel } from "./CallPanel";
import { IdlePanel } from "./IdlePanel";
import { OfferCard } from "./OfferCard";
import { OrphanCall } from "./OrphanCall";
import { QueueList } from "./QueueList";
import { SessionSide } from "./SessionSide";
import { WrapUpPanel } from "./WrapUpPanel";
import style from "./Desk.module.css";

export function DeskPage() {
  const client = useClient();
  const { agent, offer, sessions } = client.live;
  const own = agent?.session_id ? sessions.get(agent.session_id) : undefined;
  const wrappingUp = agent?.state === "wrap_up";
  const shown = client.call?.session ?? (wrappingUp || agent?.state === "busy" ? own : undefined);
  return (
    <div className={style.desk}>
      <aside className={style.left}>
        {offer !== null && <OfferCard offer={offer} key={offer.session.id} />}
        <QueueList />
      </aside>
      <section className={style.main}>
        {client.call !== null ? (
          <CallPanel call={client.call} />
        ) : wrappingUp ? (
          <WrapUpPanel agent={agent} session={own} />
        ) : agent?.state === "busy" && own !== undefined ? (
          <OrphanCall session={own} />
        ) : (
          <IdlePanel />
        )}
      </section>
      {shown !== undefined && <SessionSide session={shown} key={shown.id} />}
    </div>
  );
}
