/** One's own state with its age, and the choice among available, break and offline. */

import { openMicrophone, type Agent } from "@mediaswitch/sdk";
import { Flex, Segmented } from "antd";
import { useClient } from "../client";
import { duration } from "../common/format";
import { useAction } from "../common/useAction";
import { useNow } from "../common/useNow";
import { useShortcuts } from "../common/useShortcuts";
import { useWords } from "../preferences";
import style from "./Shell.module.css";

type Choice = "available" | "break" | "offline";
const CHOICES: readonly Choice[] = ["available", "break", "offline"];

export function PresenceControl({ agent }: { agent: Agent }) {
  const words = useWords();
  const now = useNow();
  const { busy, choose } = usePresence();
  const working = agent.state === "offered" || agent.state === "busy";
  useShortcuts(working ? {} : { "1": () => choose("available"), "2": () => choose("break"), "3": () => choose("offline") });
  return (
    <Flex align="center" gap={12} className={style.presence}>
      <Flex align="center" gap={8} role="status" data-testid="agent-state" data-state={agent.state}>
        <span className={style.dot} data-state={agent.state} />
        <span className={style.stateName}>{words.agentStates[agent.state]}</span>
        <span className={`${style.stateTime ?? ""} tabular`} aria-hidden>
          {duration(now - Date.parse(agent.since))}
        </span>
      </Flex>
      <Segmented<Choice | "">
        aria-label={words.presence}
        disabled={working || busy}
        value={CHOICES.find((choice) => choice === agent.state) ?? ""}
        onChange={(chosen) => chosen !== "" && choose(chosen)}
        options={CHOICES.map((choice) => ({ value: choice, label: words.agentStates[choice] }))}
      />
    </Flex>
  );
}

/** Becoming available asks for the microphone first: better now than when a customer is waiting. */
export function usePresence(): { busy: boolean; choose: (choice: Choice) => void } {
  const client = useClient();
  const { busy, run } = useAction();
  const choose = (choice: Choice) =>
    run(async () => {
      if (choice === "available") (await openMicrophone()).stop();
      await client.setAgentState(choice);
    });
  return { busy, choose };
}
