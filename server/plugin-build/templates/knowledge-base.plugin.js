// One text file an article, in the folder that an administrator granted.
import { Failure, guarded, plainLifecycle } from './bihuan.js';
import * as files from 'bihuan:plugin/files@1.0.0';

const CLASS_OF_ERROR = { denied: 'config', io: 'transient' };

/** An operation on the folder; what the host refuses becomes a failure. */
const folder = (operation, ...args) => {
  try {
    return files[operation](...args);
  } catch (error) {
    const { tag, val } = error.payload ?? error;
    throw new Failure(CLASS_OF_ERROR[tag] ?? 'invalid-input', `files.${tag}`, String(val ?? tag));
  }
};

const read = (path) => {
  const bytes = folder('read', path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
};
const write = (path, text) => folder('write', path, new TextEncoder().encode(text));

const pathOf = (article) => article.externalRef ?? `${article.id}.txt`;
// The first line says which content this is.
const render = (article) => `${article.contentHash}\n${article.title}\n\n${article.body}\n`;
const receipt = (path, text) => ({ externalRef: path, externalVersion: text.split('\n')[0], url: undefined });

export const lifecycle = guarded(plainLifecycle);

export const knowledgeBase = guarded({
  upsert: (article) => {
    const [path, text] = [pathOf(article), render(article)];
    if (read(path) !== text) write(path, text);
    return receipt(path, text);
  },
  lookUp: (article) => {
    const path = pathOf(article);
    const text = read(path);
    if (text === undefined) return { tag: 'absent' };
    return { tag: text === render(article) ? 'unchanged' : 'ours', val: receipt(path, text) };
  },
  retract: (externalRef) => {
    folder('remove', externalRef);
  },
  putSynonyms: (terms) => write('synonyms.tsv', terms.map(([said, term]) => `${said}\t${term}\n`).join('')),
  flag: (externalRef, reason) => {
    const text = read(externalRef);
    if (text === undefined) throw new Failure('invalid-input', 'article.absent', 'there is no such file');
    const mark = `\n存疑 Doubtful: ${reason}\n`;
    const marked = text.endsWith(mark) ? text : text + mark;
    write(externalRef, marked);
    return receipt(externalRef, marked);
  },
});
