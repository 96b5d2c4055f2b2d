import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema";
import type { Problem } from "./shapes";

/** An answer other than 2xx, or none at all (status 0). Its words are for the user, in both languages. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message.en);
  }
}

let csrf = "";

/** The token of the session, sent with every change. */
export function setCsrf(token: string): void {
  csrf = token;
}

export function csrfToken(): string {
  return csrf;
}

const UNREACHABLE: Problem = {
  code: "unreachable",
  message: {
    en: "The hub does not answer. Nothing was changed; try again when it is back.",
    zh: "平台无响应，操作未执行；恢复后请重试。",
  },
  fields: [],
};

function unexpected(status: number): Problem {
  return {
    code: "unexpected",
    message: { en: `The hub answered ${status}. Please tell the administrator.`, zh: `平台返回${status}，请联系管理员。` },
    fields: [],
  };
}

async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const spoken = typeof body === "object" && body !== null && "message" in body && "code" in body;
  return spoken ? (body as Problem) : unexpected(response.status);
}

const middleware: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRF", csrf);
  },
  async onResponse({ response }) {
    if (!response.ok) throw new ApiProblem(response.status, await problemOf(response));
  },
  onError: () => new ApiProblem(0, UNREACHABLE),
};

export const api = createClient<paths>({ baseUrl: "/" });
api.use(middleware);

/** The data of an answer; whatever is no success was thrown as ApiProblem. */
export async function dataOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
