// Brings reviews from a REST list: GET {base_url}/reviews?limit=…&after=… answers
// { "reviews": [{ "id", "created_at", "text", "stars", "author" }], "next": "…" | null }.

import {
  answered,
  exported,
  failure,
  item,
  lifecycle as withDefaults,
  scalar,
  settings,
  unreachable,
} from './bihuan.js';
import { send } from 'bihuan:plugin/http@1.0.0';
import { get as secret } from 'bihuan:plugin/secrets@1.0.0';

/** Layout of the cursor's value: 1 is the `after` of the source. */
const FORMAT = 1;

const ask = (after, limit) => {
  const { base_url: base } = settings();
  const query = `limit=${limit}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
  let token;
  try {
    token = secret('api_token');
  } catch {
    throw failure('config', 'reviews.no_token', 'the secret api_token is not filled in');
  }
  let response;
  try {
    response = send({
      method: 'get',
      url: `${base}/reviews?${query}`,
      headers: [{ name: 'accept', value: 'application/json' }],
      credentials: [{ tag: 'bearer', val: token }],
      maxRedirects: 0,
    });
  } catch (e) {
    throw unreachable(e, 'reviews');
  }
  const page = answered(response, 'reviews');
  if (!Array.isArray(page.reviews)) {
    throw failure('transient', 'reviews.shape', 'the answer has no list "reviews"');
  }
  return page;
};

const rejected = (review, why) => ({
  externalId: typeof review?.id === 'string' ? review.id : undefined,
  raw: JSON.stringify(review ?? null),
  failure: failure('invalid-input', 'reviews.record', why),
});

export const lifecycle = withDefaults({
  check: () => {
    const { reviews } = ask('', 1);
    return { ok: true, message: `${reviews.length} review(s) readable`, details: 'null' };
  },
});

export const puller = exported({
  streams: () => [{ name: 'reviews', title: '评论 / Reviews' }],

  pull: ({ cursor, maxItems }) => {
    const after = cursor?.value ?? '';
    const page = ask(after, maxItems);
    const items = [];
    const bad = [];
    for (const review of page.reviews) {
      if (review === null || typeof review !== 'object' || typeof review.id !== 'string') {
        bad.push(rejected(review, 'a review without a text id'));
        continue;
      }
      items.push(
        item(review.id, {
          kind: 'review',
          occurredAt: scalar(review.created_at),
          text: typeof review.text === 'string' ? review.text : undefined,
          rating: scalar(review.stars),
          customerRef: typeof review.author === 'string' ? review.author : undefined,
        }),
      );
    }
    const more = typeof page.next === 'string' && page.next !== '' && page.next !== after;
    return {
      items,
      rejected: bad,
      // Without a next page the cursor stays: the last page is asked for again and its reviews are
      // known already.
      cursor: { format: FORMAT, value: more ? page.next : after },
      next: more ? { tag: 'more' } : { tag: 'idle', val: undefined },
      ackTokens: [],
    };
  },

  migrateCursor: (_stream, old) => {
    if (old.format === FORMAT) return old;
    throw failure('cursor-expired', 'reviews.cursor', `the layout ${old.format} is not known`);
  },
});
