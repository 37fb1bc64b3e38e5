// Posts messages into a chat.
import { Failure, guarded, plainLifecycle, postJson } from './bihuan.js';
import { send } from 'bihuan:plugin/http@1.0.0';
import { get as secret } from 'bihuan:plugin/secrets@1.0.0';

const token = () => {
  try {
    return secret('robot_token');
  } catch (error) {
    const { tag } = error.payload ?? error;
    throw new Failure('config', `secrets.${tag}`, 'the secret robot_token is missing');
  }
};

export const lifecycle = guarded(plainLifecycle);

export const notifier = guarded({
  notify: ({ title, text, link, idempotencyKey }) => {
    postJson(send, 'https://chat.example.com/messages', { title, text, link: link ?? null }, {
      credentials: [{ tag: 'bearer', val: token() }],
      idempotencyKey,
    });
  },
});
