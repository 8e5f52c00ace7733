/** The demo customer page: a bank's help page in two languages with the call tag in it. */

import "@fontsource-variable/inter/wght.css";

type Language = "zh" | "en";

const texts: Record<Language, Record<string, string>> = {
  en: {
    bank: "Northgate Bank",
    navAccounts: "Accounts",
    navCards: "Cards",
    navLoans: "Loans",
    navHelp: "Help",
    kicker: "Help and contact",
    headline: "Someone is here for you",
    lead: "Speak with a person from our service team right on this page. Show a letter to the camera, or share your screen and we will go through it together.",
    fact1: "Under a minute",
    fact1text: "usual waiting time",
    fact2: "8 am – 10 pm",
    fact2text: "every day of the week",
    fact3: "Nothing to install",
    fact3text: "your browser is enough",
    topics: "What people ask most",
    topic1: "A card is lost",
    topic1text: "Lock it at once in the app or call us: we block the card and send a new one the same day.",
    topic2: "A payment looks wrong",
    topic2text: "Keep the amount and the date at hand. Share your screen and we look at the entry together.",
    topic3: "Opening an account",
    topic3text: "By video call with an identity card: it takes about ten minutes, without a visit to a branch.",
    topic4: "Online banking",
    topic4text: "Trouble with logging in or a new phone? We guide you through each step while you share your screen.",
    footer: "Northgate Bank is an invented company. This page shows how a customer's site calls through Mediaswitch.",
    other: "中文",
  },
  zh: {
    bank: "北辰银行",
    navAccounts: "账户",
    navCards: "银行卡",
    navLoans: "贷款",
    navHelp: "帮助中心",
    kicker: "帮助与联系",
    headline: "专属客服，随时在线",
    lead: "无需离开本页即可与客服人员直接通话。您可以用摄像头出示材料，也可以共享屏幕，我们与您一起逐步处理。",
    fact1: "1 分钟内",
    fact1text: "通常等待时间",
    fact2: "8:00 – 22:00",
    fact2text: "全年无休",
    fact3: "无需下载",
    fact3text: "浏览器即可通话",
    topics: "常见问题",
    topic1: "银行卡丢失",
    topic1text: "请立即在手机银行中锁卡或联系我们，我们将马上挂失，并于当日寄出新卡。",
    topic2: "账单有疑问",
    topic2text: "请准备好交易金额和日期，共享屏幕后，客服将与您一同核对该笔交易。",
    topic3: "开立账户",
    topic3text: "凭身份证通过视频通话即可办理，约十分钟完成，无需前往网点。",
    topic4: "网上银行",
    topic4text: "无法登录或更换了手机？共享屏幕，客服将一步步为您指引。",
    footer: "北辰银行为虚构企业。本页演示客户网站如何通过 Mediaswitch 发起通话。",
    other: "English",
  },
};

const query = new URLSearchParams(location.search);

function firstLanguage(): Language {
  const wanted = query.get("lang") ?? navigator.language;
  return wanted.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function show(language: Language): void {
  const say = texts[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say.bank ?? "";
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) {
    element.textContent = say[element.dataset.t ?? ""] ?? "";
  }
  const button = document.querySelector("#language");
  if (button !== null) button.textContent = say.other ?? "";
  document.querySelector("mediaswitch-call")?.setAttribute("lang", language);
}

function prepareTag(): void {
  const tag = document.querySelector("mediaswitch-call");
  if (tag === null) return;
  for (const name of ["to", "name"]) {
    const given = query.get(name);
    if (given !== null) tag.setAttribute(name, given);
  }
  tag.toggleAttribute("raw", query.get("raw") === "1"); // untouched sound, for measurements
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => tag.setAttribute("theme", dark.matches ? "dark" : "light");
  dark.addEventListener("change", follow);
  follow();
}

let language = firstLanguage();
prepareTag();
show(language);
document.querySelector("#language")?.addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  show(language);
});
