/** The widget's looks. A page may set --mediaswitch-accent. */

export const css = `
:host {
  --accent: var(--mediaswitch-accent, #0f766e);
  --surface: #ffffff; --ink: #16212b; --soft: #64748b; --line: #e3e8ec; --tint: #f2f5f7; --stop: #c2312d; --stop-fill: #c2312d;
  display: block; width: 100%; max-width: 380px; color: var(--ink);
  font: 15px/1.45 "Inter Variable", "Inter", "Segoe UI", system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
}
:host([theme="dark"]) {
  --surface: #1a2029; --ink: #e6ebf1; --soft: #97a3b2; --line: #2d3642; --tint: #262e39; --stop: #f0837d; --stop-fill: #bd3e39;
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 18px; overflow: hidden; box-shadow: 0 14px 44px rgb(15 35 50 / 12%); }
.head { padding: 20px 22px 4px; display: flex; gap: 12px; align-items: baseline; justify-content: space-between; }
.title { margin: 0; font-size: 18px; font-weight: 650; }
.timer { font-variant-numeric: tabular-nums; color: var(--soft); font-weight: 600; }
.status { margin: 0; padding: 0 22px; color: var(--soft); min-height: 22px; }
.failure { margin: 10px 22px 0; padding: 10px 12px; border-radius: 10px; background: rgb(194 49 45 / 10%); color: var(--stop); font-size: 14px; }
.start { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 10px; padding: 18px 22px 22px; }
button { font: inherit; color: inherit; cursor: pointer; border: 0; background: none; }
button:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
button:disabled { opacity: .5; cursor: default; }
.main-button { display: flex; align-items: center; justify-content: center; gap: 8px; padding: 12px; border-radius: 12px; font-weight: 600; }
.main-button span { display: grid; }
.main-button.first { background: var(--accent); color: #fff; }
.main-button.second { background: var(--tint); }
.stage { position: relative; margin: 14px 14px 0; border-radius: 12px; overflow: hidden; background: #0d1418; aspect-ratio: 16 / 10; }
.stage video { width: 100%; height: 100%; object-fit: contain; display: block; }
.stage .inset { position: absolute; right: 10px; bottom: 10px; width: 28%; height: auto; aspect-ratio: 4 / 3; object-fit: cover; border-radius: 8px; border: 2px solid rgb(255 255 255 / 70%); background: #000; }
.stage .inset.top { bottom: auto; top: 10px; }
.stage .own { transform: scaleX(-1); }
.pulse { display: grid; place-items: center; padding: 26px 0 8px; }
.pulse i { width: 74px; height: 74px; border-radius: 50%; display: grid; place-items: center; color: #fff; background: var(--accent); animation: ring 1.8s ease-out infinite; }
.pulse[data-calm] i { animation: none; }
@keyframes ring { from { box-shadow: 0 0 0 0 color-mix(in srgb, var(--accent) 45%, transparent); } to { box-shadow: 0 0 0 22px transparent; } }
.controls { display: flex; flex-wrap: wrap; justify-content: center; gap: 12px 0; padding: 16px 12px 18px; }
.control { width: 58px; padding: 4px 0; display: flex; flex-direction: column; align-items: center; gap: 5px; font-size: 12px; color: var(--soft); }
.control span:first-child { width: 46px; height: 46px; border-radius: 50%; display: grid; place-items: center; background: var(--tint); color: var(--ink); }
.control[aria-pressed="true"] span:first-child { background: var(--accent); color: #fff; }
.control.stop { width: 100%; margin: 0 8px; padding: 9px; flex-direction: row; justify-content: center; gap: 8px; border-radius: 12px; background: var(--stop-fill); color: #fff; font-size: 15px; font-weight: 600; }
.control.stop span:first-child { width: auto; height: auto; background: none; color: inherit; }
.keys { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px; padding: 14px 40px 0; }
.keys button { padding: 9px; border-radius: 10px; background: var(--tint); font-size: 19px; font-variant-numeric: tabular-nums; }
.keys button:active { background: var(--accent); color: #fff; }
.chat { padding: 14px 18px 0; }
.lines { max-height: 170px; overflow: auto; display: flex; flex-direction: column; gap: 8px; }
.line { align-self: flex-start; max-width: 85%; padding: 7px 11px; border-radius: 11px; background: var(--tint); overflow-wrap: anywhere; white-space: pre-wrap; }
.line[data-own] { align-self: flex-end; background: color-mix(in srgb, var(--accent) 16%, var(--surface)); }
.chat form { display: flex; gap: 8px; margin-top: 10px; }
.chat input { flex: 1; min-width: 0; font: inherit; color: inherit; padding: 8px 12px; border-radius: 10px; border: 1px solid var(--line); background: var(--surface); }
.chat form button { padding: 0 12px; border-radius: 10px; background: var(--accent); color: #fff; display: grid; place-items: center; }
@media (prefers-reduced-motion: reduce) { .pulse i { animation: none; } }
`;
