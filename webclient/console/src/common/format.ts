/** Times, durations and people as text. */

import type { Language, Participant, Session } from "@mediaswitch/sdk";
import type { Words } from "../words/en";

/** `m:ss` or `h:mm:ss`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function dateTime(iso: string, language: Language): string {
  const style = { dateStyle: "medium", timeStyle: "short" } as const;
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", style).format(new Date(iso));
}

/** Name and number of a customer, the better known first. */
export function customerLines(customer: Session["customer"], words: Words): { title: string; detail: string | null } {
  const number = customer.number ?? null;
  const name = customer.name ?? null;
  if (name !== null && name !== "") return { title: name, detail: number };
  return { title: number ?? words.unknownCaller, detail: null };
}

export function participantName(participant: Pick<Participant, "role" | "name">, words: Words): string {
  if (participant.name !== "") return participant.name;
  return participant.role === "customer" ? words.customer : participant.role;
}
