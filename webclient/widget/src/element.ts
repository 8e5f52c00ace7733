/** One tag on a customer's page: `<mediaswitch-call to="1000" lang="zh" video>`. */

import { chatOf, explain, placeCall, type Call, type Language, type ShareKind } from "@mediaswitch/sdk";
import { icons } from "./icons";
import { statusOf } from "./status";
import { css } from "./styles";
import { buildView, label, labelControl, showStream, type Control, type View } from "./view";
import { words, type WidgetWords } from "./words";

/** Attributes: `to` (number or `queue:name`), `lang` (zh, en), `video`, `name`, `server`, `theme` (dark), `raw`. */
export class MediaswitchCall extends HTMLElement {
  static readonly observedAttributes = ["lang", "video"];
  /** How calls are placed; given by the script that defines the tag. */
  dial = placeCall;
  /** Where the server is unless the attribute `server` says otherwise. */
  defaultServer = "";
  #view: View | null = null;
  #mounted = new AbortController();
  #call: Call | null = null;
  #fitted = "";
  readonly #unfit: (() => void)[] = [];
  #dialling = false;
  #over = false;
  #failure: unknown = null;
  #panel: "keypad" | "chat" | null = null;
  #clock: ReturnType<typeof setInterval> | undefined;

  connectedCallback(): void {
    this.#mounted = new AbortController();
    this.#view ??= this.#build();
    this.#listen(this.#view);
    this.#clock = setInterval(() => this.#render(), 1000);
    this.#render();
  }

  disconnectedCallback(): void {
    clearInterval(this.#clock);
    this.#mounted.abort();
    if (this.#call !== null) leave(this.#call);
  }

  attributeChangedCallback(): void {
    this.#render();
  }

  get #language(): Language {
    return this.lang.toLowerCase().startsWith("zh") ? "zh" : "en";
  }

  get #words(): WidgetWords {
    return words[this.#language];
  }

  #build(): View {
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    return buildView(root);
  }

  #listen(view: View): void {
    const { signal } = this.#mounted;
    const click = (target: HTMLElement, action: (event: MouseEvent) => void) =>
      target.addEventListener("click", action, { signal });
    click(view.voice, () => void this.#start(false));
    click(view.video, () => void this.#start(true));
    click(view.keys, (event) => this.#press(event.target));
    for (const control of Object.keys(view.control) as Control[]) click(view.control[control], () => this.#act(control));
    view.form.addEventListener("submit", (event) => this.#send(event, view.input), { signal });
  }

  async #start(video: boolean): Promise<void> {
    if (this.#dialling || this.#call !== null) return;
    this.#dialling = true;
    this.#over = false;
    this.#failure = null;
    this.#render();
    try {
      const call = await this.dial(this.getAttribute("server") ?? this.defaultServer, this.#request(video));
      if (this.isConnected) this.#took(call);
      else leave(call); // the tag was taken from the page meanwhile
    } catch (error) {
      this.#failure = error;
    }
    this.#dialling = false;
    this.#render();
  }

  #request(video: boolean) {
    const name = this.getAttribute("name");
    return {
      to: this.getAttribute("to") ?? "",
      ...(name === null || name === "" ? {} : { name }),
      language: this.#language,
      video,
      raw: this.hasAttribute("raw"),
    };
  }

  #took(call: Call): void {
    this.#call = call;
    const { signal } = this.#mounted;
    call.addEventListener("change", () => this.#render(), { signal });
    call.feed.addEventListener("change", () => this.#render(), { signal });
    call.addEventListener("ended", () => this.#ended(call), { signal });
    this.#tell("mediaswitch-call-started", call.id);
    if (call.ended) this.#ended(call);
  }

  #ended(call: Call): void {
    this.#call = null;
    this.#panel = null;
    this.#over = true;
    this.#tell("mediaswitch-call-ended", call.id);
    this.#render();
  }

  #tell(type: string, sessionId: string): void {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail: { sessionId } }));
  }

  #act(control: Control): void {
    const call = this.#call;
    if (call === null) return;
    if (control === "keypad" || control === "chat") {
      this.#panel = this.#panel === control ? null : control;
      this.#render();
    } else {
      void this.#try(() => perform(call, control));
    }
  }

  #press(target: EventTarget | null): void {
    const key = target instanceof HTMLButtonElement ? target.textContent : "";
    if (key !== "") void this.#try((call) => call.sendDigits(key));
  }

  #send(event: SubmitEvent, input: HTMLInputElement): void {
    event.preventDefault();
    const text = input.value.trim();
    if (text === "") return;
    input.value = "";
    void this.#try((call) => call.sendMessage(text));
  }

  async #try(work: (call: Call) => Promise<unknown>): Promise<void> {
    const call = this.#call;
    if (call === null) return;
    this.#failure = null;
    try {
      await work(call);
    } catch (error) {
      this.#failure = error;
    }
    this.#render();
  }

  #render(): void {
    const view = this.#view;
    if (view === null) return;
    const say = this.#words;
    const call = this.#call;
    const idle = call === null && !this.#dialling;
    view.title.textContent = say.title;
    view.status.textContent = idle ? (this.#over ? `${say.ended} ${say.thanks}` : say.subtitle) : statusOf(call, say);
    view.timer.textContent = call === null ? "" : talkTime(call);
    view.failure.hidden = this.#failure === null;
    view.failure.textContent = this.#failure === null ? "" : explain(this.#failure, this.#language);
    view.start.hidden = !idle;
    view.video.hidden = !this.hasAttribute("video");
    label(view.voice, icons.phone, this.#over ? say.again : say.voice);
    label(view.video, icons.video, say.video);
    view.controls.hidden = call === null;
    view.keys.hidden = this.#panel !== "keypad";
    view.chat.hidden = this.#panel !== "chat";
    this.#renderStage(view, say);
    if (call !== null) this.#renderControls(view, call, say);
    this.#renderChat(view, say);
  }

  #renderStage(view: View, say: WidgetWords): void {
    const call = this.#call;
    const [screen, camera] = [call?.otherShows("screen") === true, call?.otherShows("camera") === true];
    const ownTrack = call?.own("camera") ?? null;
    const main = screen ? "screen" : camera ? "camera" : null;
    showStream(view.main, call !== null && main !== null ? call.remote(main) : null);
    showStream(view.inset, call !== null && screen && camera ? call.remote("camera") : null);
    if (ownTrack === null) showStream(view.own, null);
    else if (!sends(view.own, ownTrack)) showStream(view.own, new MediaStream([ownTrack]));
    this.#fit(call, [[view.main, main], [view.inset, screen && camera ? "camera" : null]]);
    view.main.setAttribute("aria-label", screen ? say.agentScreen : say.agentCamera);
    view.inset.setAttribute("aria-label", say.agentCamera);
    view.own.setAttribute("aria-label", say.ownCamera);
    view.stage.hidden = main === null && ownTrack === null;
    view.pulse.hidden = (call === null && !this.#dialling) || !view.stage.hidden;
    view.pulse.toggleAttribute("data-calm", call?.session.state === "talking");
    const sound = call?.remote("audio") ?? null;
    if (view.audio.srcObject !== sound) view.audio.srcObject = sound;
  }

  /** The server sends each picture as large as it is shown. */
  #fit(call: Call | null, shown: [HTMLVideoElement, ShareKind | null][]): void {
    const key = shown.map(([, kind]) => kind ?? "").join();
    if (this.#fitted === key) return;
    this.#fitted = key;
    this.#unfit.splice(0).forEach((stop) => stop());
    for (const [video, kind] of shown) if (call !== null && kind !== null) this.#unfit.push(call.fit(kind, video));
  }

  #renderControls(view: View, call: Call, say: WidgetWords): void {
    const pressed: Partial<Record<Control, boolean>> = {
      mute: call.muted,
      hold: call.heldByMe,
      camera: call.own("camera") !== null,
      screen: call.own("screen") !== null,
      keypad: this.#panel === "keypad",
      chat: this.#panel === "chat",
    };
    const texts = { ...say, mute: call.muted ? say.unmute : say.mute, hold: call.heldByMe ? say.resume : say.hold };
    view.controls.setAttribute("aria-label", say.controls);
    for (const control of Object.keys(view.control) as Control[]) {
      labelControl(view.control[control], control, texts[control]);
      const on = pressed[control];
      if (on !== undefined) view.control[control].setAttribute("aria-pressed", String(on));
    }
    view.control.hold.hidden = call.session.state !== "talking";
    view.control.camera.hidden = !this.hasAttribute("video");
    view.control.screen.hidden = !("getDisplayMedia" in navigator.mediaDevices);
  }

  #renderChat(view: View, say: WidgetWords): void {
    view.lines.setAttribute("aria-label", say.chat);
    view.input.placeholder = say.write;
    view.input.setAttribute("aria-label", say.write);
    view.send.setAttribute("aria-label", say.send);
    const call = this.#call;
    if (call === null) {
      view.lines.replaceChildren();
      return;
    }
    const told = chatOf(call.feed.state.timelines.get(call.id) ?? []);
    for (const message of told.slice(view.lines.childElementCount)) {
      const bubble = document.createElement("div");
      bubble.className = "line";
      bubble.textContent = String(message.text);
      bubble.toggleAttribute("data-own", message.participant === call.self?.id);
      view.lines.append(bubble);
      bubble.scrollIntoView({ block: "nearest" });
      if (message.participant !== call.self?.id) this.#panel = "chat";
    }
    view.chat.hidden = this.#panel !== "chat";
  }
}

function perform(call: Call, control: Exclude<Control, "keypad" | "chat">): Promise<void> {
  switch (control) {
    case "mute":
      return call.setMuted(!call.muted);
    case "hold":
      return call.heldByMe ? call.resume() : call.hold();
    case "hangUp":
      return call.hangUp();
    default:
      return call.own(control) === null ? call.show(control) : call.hide(control);
  }
}

function leave(call: Call): void {
  void call.hangUp().catch(() => undefined);
  call.close();
}

function sends(video: HTMLVideoElement, track: MediaStreamTrack): boolean {
  return video.srcObject instanceof MediaStream && video.srcObject.getTracks().includes(track);
}

function talkTime(call: Call): string {
  const since = call.session.answered_at;
  if (!since) return "";
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
