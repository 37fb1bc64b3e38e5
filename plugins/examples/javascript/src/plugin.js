// A connector in JavaScript: tickets of a help desk, oldest first, a page at a time.
import { Failure, getJson, guarded, item, plainLifecycle, scalar, settings } from './bihuan.js';
import { send } from 'bihuan:plugin/http@1.0.0';
import { get as secret } from 'bihuan:plugin/secrets@1.0.0';

const FORMAT = 1;

const place = (cursor) => {
  if (cursor === undefined) return { after: 0 };
  try {
    const value = JSON.parse(cursor.value);
    if (cursor.format === FORMAT && Number.isSafeInteger(value.after)) return value;
  } catch {
    // Falls through: a damaged cursor is an expired one.
  }
  throw new Failure('cursor-expired', 'cursor.malformed', 'the stored place cannot be read');
};

const token = () => {
  try {
    return secret('api_token');
  } catch (error) {
    const { tag } = error.payload ?? error;
    throw new Failure('config', `secrets.${tag}`, 'the secret api_token is missing');
  }
};

const ask = (after, limit) => {
  const url = settings()?.url;
  if (typeof url !== 'string') throw new Failure('config', 'config.url', 'the settings have no url');
  const tickets = getJson(send, `${url}?after=${after}&limit=${limit}`, [{ tag: 'bearer', val: token() }]);
  // Gateways under load answer 200 with anything.
  if (!Array.isArray(tickets)) throw new Failure('transient', 'ticket.no_list', 'the answer is no list');
  return tickets;
};

export const lifecycle = guarded({
  ...plainLifecycle,
  // "Test connection": one cheap call with the settings, secrets and grants as they are.
  check: () => {
    ask(0, 1);
    return { ok: true, message: '连接正常。The service answers.', details: 'null' };
  },
});

export const puller = guarded({
  streams: () => [{ name: 'tickets', title: '工单 Tickets' }],
  pull: (request) => {
    const { after } = place(request.cursor);
    const tickets = ask(after, request.maxItems);
    const items = [];
    const rejected = [];
    let last = after;
    for (const ticket of tickets) {
      const hasId = Number.isSafeInteger(ticket?.id);
      if (hasId) last = Math.max(last, ticket.id);
      if (!hasId || typeof ticket.text !== 'string') {
        rejected.push({
          externalId: hasId ? String(ticket.id) : undefined,
          raw: JSON.stringify(ticket),
          failure: new Failure('invalid-input', 'ticket.malformed', 'a ticket without id or text').payload,
        });
      } else {
        items.push(item({
          externalId: String(ticket.id),
          occurredAt: scalar(ticket.created_at),
          text: ticket.text,
          kind: 'ticket',
          rating: scalar(ticket.rating),
        }));
      }
    }
    console.info(`${tickets.length} tickets behind ${after}`);
    return {
      items,
      rejected,
      cursor: { format: FORMAT, value: JSON.stringify({ after: last }) },
      next: tickets.length < request.maxItems ? { tag: 'idle' } : { tag: 'more' },
      ackTokens: [],
    };
  },
  migrateCursor: () => {
    throw new Failure('cursor-expired', 'cursor.unknown_format', 'the layout of the cursor is not known');
  },
});
