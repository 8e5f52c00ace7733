/** Errors in plain words, for the person at the screen. */

import { MediaError, ProblemError, UnreachableError, type MediaRefusal } from "./errors";
import type { Label, Language, TrackKind } from "./types";

const byStatus: Record<number, Label> = {
  400: { en: "The server could not read this request.", zh: "服务器无法识别该请求。" },
  401: { en: "Your login has ended. Please log in again.", zh: "登录已失效，请重新登录。" },
  403: { en: "Your role does not allow this.", zh: "您的角色无权进行此操作。" },
  404: { en: "It is no longer there.", zh: "内容已不存在。" },
  409: { en: "This is not possible right now.", zh: "当前状态下无法进行此操作。" },
  413: { en: "That is too large.", zh: "内容过大。" },
  422: { en: "Some of the values are not valid.", zh: "部分内容填写有误。" },
  429: { en: "Too many attempts. Please wait a moment.", zh: "操作过于频繁，请稍候再试。" },
  503: { en: "The server is busy. Please try again.", zh: "服务器繁忙，请稍后再试。" },
};

const serverFault: Label = { en: "Something went wrong on the server.", zh: "服务器出现错误。" };
const unreachable: Label = { en: "The server cannot be reached. Check your connection.", zh: "无法连接服务器，请检查网络。" };
const unexpected: Label = { en: "Something unexpected happened.", zh: "发生意外错误。" };

const devices: Record<TrackKind, Label> = {
  audio: { en: "microphone", zh: "麦克风" },
  camera: { en: "camera", zh: "摄像头" },
  screen: { en: "screen", zh: "屏幕" },
};

const refusals: Record<MediaRefusal, (device: Label) => Label> = {
  denied: (d) => ({
    en: `The browser was not allowed to use the ${d.en}. Allow it in the address bar and try again.`,
    zh: `浏览器未获准使用${d.zh}，请在地址栏中允许后重试。`,
  }),
  missing: (d) => ({ en: `No ${d.en} was found.`, zh: `未找到${d.zh}。` }),
  in_use: (d) => ({ en: `Another program is using the ${d.en}.`, zh: `${d.zh}正被其他程序占用。` }),
  insecure: (d) => ({ en: `The ${d.en} needs a page opened by https.`, zh: `使用${d.zh}需要通过 https 打开页面。` }),
  cancelled: () => ({ en: "Nothing was shared.", zh: "已取消共享。" }),
  unknown: (d) => ({ en: `The ${d.en} could not be started.`, zh: `无法启动${d.zh}。` }),
};

/** Say what went wrong and what can be done, in the reader's language. */
export function explain(error: unknown, language: Language): string {
  if (error instanceof MediaError) return refusals[error.refusal](devices[error.kind])[language];
  if (error instanceof UnreachableError) return unreachable[language];
  if (error instanceof ProblemError) return explainProblem(error)[language];
  return unexpected[language];
}

function explainProblem(error: ProblemError): Label {
  if (error.status >= 500 && error.status !== 503) return serverFault;
  return byStatus[error.status] ?? unexpected;
}
