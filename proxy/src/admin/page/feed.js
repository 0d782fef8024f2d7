// Snapshots from /events, by `fetch`: EventSource can't send a token and does not report why it
// failed.

const TOKEN = "switchyard-token";
/** After this long without data the connection counts as lost. In milliseconds. */
const SILENCE = 5000;
/** The longest pause between two attempts to connect, in milliseconds. */
const LONGEST_PAUSE = 5000;

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Sends a request to the admin port, with the token if there is one. */
export async function ask(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  throw new Refused(answer.status, body?.error?.message ?? `the admin port answered ${answer.status}`);
}

export const useToken = (token) => sessionStorage.setItem(TOKEN, token);

/** Passes the last five minutes to `remember`, every snapshot to `show`, and every lost connection to `link`; `login` asks for a token. Never ends. */
export async function follow({ remember, show, link, login }) {
  for (let pause = 500; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      await past(remember);
      await stream((snapshot) => {
        pause = 500;
        show(snapshot);
      });
      link("lost", "the admin port closed the connection");
    } catch (error) {
      if (error.status === 401) {
        await login(error.message);
        continue;
      }
      link("lost", error instanceof Refused ? error.message : "the admin port does not answer");
    }
    await new Promise((go) => setTimeout(go, pause));
  }
}

/** Charts are no reason to show nothing: without the past they begin empty. */
async function past(remember) {
  try {
    const answer = await ask("history", { signal: AbortSignal.timeout(SILENCE) });
    remember(await answer.json());
  } catch (error) {
    if (error.status === 401) throw error;
  }
}

async function stream(show) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE);
  try {
    const answer = await ask("events", { signal: silence.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) if (event.startsWith("data: ")) show(JSON.parse(event.slice(6)));
    }
  } finally {
    clearTimeout(timer);
  }
}
