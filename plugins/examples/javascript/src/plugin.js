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

export const lifecycle = guarded(plainLifecycle);

export const puller = guarded({
  streams: () => [{ name: 'tickets', title: '工单 Tickets' }],
  pull: (request) => {
    const { after } = place(request.cursor);
    const url = `${settings().url}?after=${after}&limit=${request.maxItems}`;
    const tickets = getJson(send, url, [{ tag: 'bearer', val: token() }]);
    const items = [];
    const rejected = [];
    for (const ticket of tickets) {
      if (typeof ticket.text !== 'string') {
        rejected.push({
          externalId: String(ticket.id),
          raw: JSON.stringify(ticket),
          failure: new Failure('invalid-input', 'ticket.no_text', 'a ticket without text').payload,
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
    const last = tickets.length === 0 ? after : tickets[tickets.length - 1].id;
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
