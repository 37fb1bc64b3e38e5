// The host's side of `bihuan:plugin@1.0.0` for plugins in JavaScript.
//
// A component made from JavaScript is a snapshot of an engine that has already run the top level of
// every module. Without the lines below the clock would stand still at the time of the build,
// `Math.random()` would give the same numbers in every instance, `console.log` would vanish and an
// exception would be a trap without a word. Import this file before anything else.

import { log as hostLog } from 'bihuan:plugin/log@1.0.0';
import { now as hostNow } from 'bihuan:plugin/clock@1.0.0';
import { bytes as hostBytes } from 'bihuan:plugin/random@1.0.0';
import { get as hostConfig } from 'bihuan:plugin/config@1.0.0';

const BuildDate = globalThis.Date;

/** `Date`, on the host's clock. */
class HostDate extends BuildDate {
  constructor(...parts) {
    if (parts.length === 0) super(Number(hostNow()));
    else super(...parts);
  }
  static now() {
    return Number(hostNow());
  }
}
globalThis.Date = HostDate;

Math.random = () => {
  const b = hostBytes(7);
  let n = 0;
  for (const byte of b) n = n * 256 + byte;
  return n / 2 ** 56 >= 1 ? 0 : n / 2 ** 56;
};

const words = (parts) =>
  parts.map((p) => (typeof p === 'string' ? p : JSON.stringify(p))).join(' ');
globalThis.console = {
  debug: (...p) => hostLog('debug', words(p), []),
  log: (...p) => hostLog('info', words(p), []),
  info: (...p) => hostLog('info', words(p), []),
  warn: (...p) => hostLog('warn', words(p), []),
  error: (...p) => hostLog('error', words(p), []),
};

/**
 * What a plugin throws to say what the host should do next.
 * @param {'config'|'rate-limited'|'transient'|'invalid-input'|'cursor-expired'|'internal'} kind
 * @param {string} code dotted, stable, for machines
 * @param {string} message for the operator; no secrets, no customers' texts
 * @param {number=} retryAfterMs
 */
export const failure = (kind, code, message, retryAfterMs) => ({
  class: kind,
  code,
  message,
  retryAfterMs: retryAfterMs === undefined ? undefined : BigInt(Math.round(retryAfterMs)),
  attributes: [],
});

const isFailure = (e) =>
  e !== null && typeof e === 'object' && 'class' in e && 'code' in e && 'message' in e;

/**
 * Wraps the functions of an exported interface: an exception that is no failure becomes one, with
 * the place where it happened.
 */
export const exported = (functions) => {
  const wrapped = {};
  for (const [name, run] of Object.entries(functions)) {
    wrapped[name] = (...args) => {
      try {
        return run(...args);
      } catch (e) {
        if (isFailure(e)) throw e;
        const text = e instanceof Error ? `${e.name}: ${e.message}` : String(e);
        const at = e instanceof Error && e.stack ? String(e.stack).split('\n').slice(0, 6) : [];
        hostLog('error', `${name}: ${text}`, at.map((line, i) => ({ key: `at${i}`, value: line })));
        throw failure('internal', 'js.exception', `${name}: ${text}`);
      }
    };
  }
  return wrapped;
};

/** The settings of this installation. */
export const settings = () => JSON.parse(hostConfig());

/** The defaults of `lifecycle`; override what the plugin can say better. */
export const lifecycle = (own = {}) =>
  exported({
    validateConfig: () => {},
    check: () => ({ ok: true, message: '', details: 'null' }),
    migrateConfig: (_from, old) => old,
    ...own,
  });

/** An answer of HTTP as JSON; a refusal as the failure that it stands for. */
export const answered = (response, what) => {
  const { status } = response;
  if (status === 429) {
    const header = response.headers.find((h) => h.name.toLowerCase() === 'retry-after');
    const seconds = header ? Number(header.value) : NaN;
    throw failure(
      'rate-limited',
      `${what}.rate_limited`,
      'the source asks for patience',
      Number.isFinite(seconds) ? seconds * 1000 : undefined,
    );
  }
  if (status === 401 || status === 403) {
    throw failure('config', `${what}.refused`, `the source answered ${status}: check the token`);
  }
  if (status >= 500) throw failure('transient', `${what}.unavailable`, `the source answered ${status}`);
  if (status >= 400) throw failure('internal', `${what}.unexpected`, `the source answered ${status}`);
  try {
    return JSON.parse(new TextDecoder().decode(response.body));
  } catch {
    throw failure('transient', `${what}.no_json`, 'the source answered something that is no JSON');
  }
};

/** What went wrong on the way, as the failure that it stands for. */
export const unreachable = (error, what) => {
  const { tag, val } = error?.payload ?? error;
  const say = typeof val === 'string' ? `${tag}: ${val}` : tag;
  const kind = ['denied', 'blocked-address', 'tls'].includes(tag) ? 'config' : 'transient';
  return failure(tag === 'invalid-request' ? 'internal' : kind, `${what}.${tag}`, say);
};

/** An item with nothing in it but its identifier and what is given. */
export const item = (externalId, fields) => ({
  externalId,
  turns: [],
  attributes: [],
  ...fields,
});

/** Marks, figures, times and yes/no go to the host as the source writes them. */
export const scalar = (value) => {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return { tag: 'number', val: value };
  if (typeof value === 'boolean') return { tag: 'flag', val: value };
  return { tag: 'text', val: String(value) };
};
