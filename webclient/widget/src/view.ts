/** The widget's elements: made once, then only shown, hidden and labelled, so that video never restarts. */

import { icons } from "./icons";

export const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

export type Control = "mute" | "hold" | "camera" | "screen" | "keypad" | "chat" | "hangUp";

const controlIcons: Record<Control, string> = {
  mute: icons.microphone,
  hold: icons.hold,
  camera: icons.video,
  screen: icons.screen,
  keypad: icons.keypad,
  chat: icons.chat,
  hangUp: icons.hangUp,
};

export interface View {
  title: HTMLElement;
  timer: HTMLElement;
  status: HTMLElement;
  failure: HTMLElement;
  start: HTMLElement;
  voice: HTMLButtonElement;
  video: HTMLButtonElement;
  pulse: HTMLElement;
  stage: HTMLElement;
  main: HTMLVideoElement;
  inset: HTMLVideoElement;
  own: HTMLVideoElement;
  audio: HTMLAudioElement;
  controls: HTMLElement;
  control: Record<Control, HTMLButtonElement>;
  keys: HTMLElement;
  chat: HTMLElement;
  lines: HTMLElement;
  form: HTMLFormElement;
  input: HTMLInputElement;
  send: HTMLButtonElement;
}

export function buildView(root: ShadowRoot): View {
  const card = add(root, "section", "card");
  const head = add(card, "div", "head");
  const title = add(head, "h2", "title");
  const timer = add(head, "span", "timer");
  const status = add(card, "p", "status");
  status.setAttribute("role", "status");
  const failure = add(card, "p", "failure");
  failure.setAttribute("role", "alert");
  const start = add(card, "div", "start");
  const voice = add(start, "button", "main-button first");
  const video = add(start, "button", "main-button second");
  const pulse = add(card, "div", "pulse");
  add(pulse, "i", "").innerHTML = icons.phone;
  return { title, timer, status, failure, start, voice, video, pulse, ...buildStage(card), ...buildPanels(card), ...buildControls(card) };
}

/** Label a button that shows an icon and a word. */
export function label(button: HTMLButtonElement, icon: string, text: string): void {
  if (button.getAttribute("aria-label") === text) return; // someone may be pressing it
  button.innerHTML = `<span>${icon}</span><span></span>`;
  button.setAttribute("aria-label", text);
  if (button.lastElementChild !== null) button.lastElementChild.textContent = text;
}

export function labelControl(button: HTMLButtonElement, control: Control, text: string): void {
  label(button, controlIcons[control], text);
}

/** Attach only what is new: setting the same stream again would restart the picture. */
export function showStream(video: HTMLVideoElement, stream: MediaStream | null): void {
  video.hidden = stream === null;
  if (video.srcObject !== stream) video.srcObject = stream;
}

function buildStage(card: HTMLElement) {
  const stage = add(card, "div", "stage");
  const main = addVideo(stage, "main");
  const inset = addVideo(stage, "inset top");
  const own = addVideo(stage, "inset own");
  const audio = add(card, "audio", "");
  audio.autoplay = true;
  return { stage, main, inset, own, audio };
}

function buildPanels(card: HTMLElement) {
  const keys = add(card, "div", "keys");
  for (const key of KEYS) add(keys, "button", "").textContent = key;
  const chat = add(card, "div", "chat");
  const lines = add(chat, "div", "lines");
  lines.setAttribute("role", "log");
  const form = add(chat, "form", "");
  const input = add(form, "input", "");
  input.maxLength = 2000;
  const send = add(form, "button", "");
  send.innerHTML = icons.send;
  return { keys, chat, lines, form, input, send };
}

function buildControls(card: HTMLElement) {
  const controls = add(card, "div", "controls");
  controls.setAttribute("role", "toolbar");
  const make = (extra = "") => add(controls, "button", `control ${extra}`.trim());
  const control = {
    mute: make(),
    hold: make(),
    camera: make(),
    screen: make(),
    keypad: make(),
    chat: make(),
    hangUp: make("stop"),
  };
  return { controls, control };
}

function addVideo(parent: HTMLElement, className: string): HTMLVideoElement {
  const video = add(parent, "video", className);
  Object.assign(video, { autoplay: true, muted: true, playsInline: true });
  return video;
}

function add<Tag extends keyof HTMLElementTagNameMap>(parent: Node, tag: Tag, className: string): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  if (element instanceof HTMLButtonElement && !(parent instanceof HTMLFormElement)) element.type = "button";
  parent.appendChild(element);
  return element;
}
