/** Questions to the server: JSON in, JSON out. What it refuses is an error with its remedy, and that it is gone is told. */

const RETRY_MS = 2000;
const watchers = new Set();
let isGone = false;

/** The server has answered that it will not, and what helps. */
export class Refused extends Error {
  constructor(status, error, remedy) {
    super(error);
    this.status = status;
    this.remedy = remedy;
  }
}

/** Nobody answers. */
export class Gone extends Error {}

/** A GET; `query` is a string, or what URLSearchParams takes. */
export async function ask(path, query = '', { signal } = {}) {
  const text = typeof query === 'string' ? query : new URLSearchParams(query).toString();
  return (await reach(text ? `${path}?${text}` : path, { signal })).json();
}

/** A POST of JSON, or of bytes as they are. */
export async function post(path, body) {
  return (await reach(path, posted(body))).json();
}

/** A POST that is answered by a file: its bytes, and its name. */
export async function fetchFile(path, body) {
  const answer = await reach(path, posted(body));
  const [, name] = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition')) ?? [];
  try {
    return { bytes: await answer.blob(), name: name ?? 'file' };
  } catch {
    throw new Gone('the server stopped in the middle of the file: ask again');
  }
}

/** Run with true when nobody answers any more, and with false when somebody does again. */
export function watch(run) {
  watchers.add(run);
}

/** Whether an error is only that nobody waits any more. */
export function isAborted(error) {
  return error.name === 'AbortError';
}

function posted(body) {
  const isBytes = body instanceof Blob;
  const type = isBytes ? body.type || 'application/octet-stream' : 'application/json';
  return { method: 'POST', headers: { 'X-Daguerre': '1', 'Content-Type': type }, body: isBytes ? body : JSON.stringify(body) };
}

async function reach(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (isAborted(error)) throw error;
    lose();
    throw new Gone('the server does not answer');
  }
  if (answer.ok) return answer;
  throw await readRefusal(answer);
}

async function readRefusal(answer) {
  if (answer.status === 401) {
    return new Refused(401, 'This page is no longer let in.', 'Open the link that `daguerre browse` printed.');
  }
  try {
    const { error, remedy } = await answer.json();
    if (error) return new Refused(answer.status, String(error), String(remedy ?? ''));
  } catch {
    // no JSON: the status is all that is known
  }
  return new Refused(answer.status, `The server answered ${answer.status}.`, 'Its log says more.');
}

function lose() {
  if (isGone) return;
  isGone = true;
  tell();
  const timer = setInterval(async () => {
    try {
      await fetch('/page/icon.svg', { cache: 'no-store' });
    } catch {
      return;
    }
    clearInterval(timer);
    isGone = false;
    tell();
  }, RETRY_MS);
}

function tell() {
  for (const run of watchers) run(isGone);
}
