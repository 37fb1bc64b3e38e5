// What a plugin in JavaScript needs of the host. Import it first: without it `Date` is the time of the
// build, `Math.random` gives the same numbers in every instance, `console` is silent and an exception
// is a trap without a message.
import { log as hostLog } from 'bihuan:plugin/log@1.0.0';
import { get as hostConfig } from 'bihuan:plugin/config@1.0.0';
import { now as hostNow } from 'bihuan:plugin/clock@1.0.0';
import { bytes as hostBytes } from 'bihuan:plugin/random@1.0.0';

const BuildDate = Date;
globalThis.Date = class extends BuildDate {
  constructor(...args) {
    if (args.length === 0) super(Number(hostNow()));
    else super(...args);
  }
  static now() {
    return Number(hostNow());
  }
};

Math.random = () => {
  const b = hostBytes(7);
  let value = 0;
  for (let i = 0; i < 6; i += 1) value = value * 256 + b[i];
  return (value * 32 + (b[6] >> 3)) / 2 ** 53;
};

const line = (level) => (...words) =>
  hostLog(level, words.map((w) => (typeof w === 'string' ? w : JSON.stringify(w))).join(' '), []);
globalThis.console = {
  debug: line('debug'),
  log: line('info'),
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
};

/** The settings of this installation. */
export const settings = () => JSON.parse(hostConfig());

/** An error that says what the host does next; throw it. */
export class Failure extends Error {
  constructor(failureClass, code, message, retryAfterMs) {
    super(message);
    this.payload = { class: failureClass, code, message, retryAfterMs, attributes: [] };
  }
}

/** Wraps every function of an interface: an unforeseen exception becomes a failure with its stack in the log. */
export const guarded = (functions) =>
  Object.fromEntries(
    Object.entries(functions).map(([name, call]) => [
      name,
      (...args) => {
        try {
          return call(...args);
        } catch (error) {
          // What the contract calls `err` is thrown with the value in `payload`.
          if (error && error.payload) throw error.payload;
          console.error(`${name}: ${error}\n${error && error.stack}`);
          throw new Failure('internal', 'js.exception', String(error)).payload;
        }
      },
    ]),
  );

/** Answers of `lifecycle` for a plugin that has nothing to say there. */
export const plainLifecycle = {
  validateConfig() {},
  check() {
    return { ok: true, message: '', details: 'null' };
  },
  migrateConfig(_from, old) {
    return old;
  },
};

/** An item with every optional field absent. */
export const item = (fields) => ({ turns: [], attributes: [], ...fields });

/** Times, numbers and truth values as the contract's `scalar`. */
export const scalar = (value) => {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return { tag: 'number', val: value };
  if (typeof value === 'boolean') return { tag: 'flag', val: value };
  return { tag: 'text', val: String(value) };
};

const CLASS_OF_ERROR = {
  dns: 'transient',
  connect: 'transient',
  timeout: 'transient',
  protocol: 'transient',
  'too-large': 'invalid-input',
  'invalid-request': 'internal',
  'budget-exceeded': 'rate-limited',
};

/** The answer to a request through `send` of `bihuan:plugin/http`; whatever is no success is thrown as a failure. */
const answered = (send, request) => {
  let response;
  try {
    response = send({ maxRedirects: 0, ...request });
  } catch (error) {
    const { tag, val } = error.payload ?? error;
    throw new Failure(CLASS_OF_ERROR[tag] ?? 'config', `http.${tag}`, String(val ?? tag));
  }
  const { status } = response;
  if (status < 200 || status > 299) {
    const after = response.headers.find((h) => h.name.toLowerCase() === 'retry-after');
    const seconds = after === undefined ? NaN : Number(after.value);
    const failureClass = status === 429 ? 'rate-limited' : status >= 500 ? 'transient' : 'config';
    throw new Failure(failureClass, `http.status_${status}`, `${request.url.split('?')[0]} answers ${status}`,
      Number.isFinite(seconds) ? BigInt(Math.round(seconds * 1000)) : undefined);
  }
  return response;
};

/** GET of JSON through `send` of `bihuan:plugin/http`; `credentials` are the contract's. */
export const getJson = (send, url, credentials = []) => {
  const response = answered(send, { method: 'get', url, headers: [{ name: 'accept', value: 'application/json' }], credentials });
  try {
    return JSON.parse(new TextDecoder().decode(response.body));
  } catch (error) {
    throw new Failure('transient', 'http.not_json', String(error));
  }
};

/** POST of JSON; the key lets the host and the service know a repetition. Answers the contract's `response`. */
export const postJson = (send, url, value, { credentials = [], idempotencyKey } = {}) =>
  answered(send, {
    method: 'post',
    url,
    headers: [{ name: 'content-type', value: 'application/json' }],
    body: new TextEncoder().encode(JSON.stringify(value)),
    credentials,
    idempotencyKey,
  });
