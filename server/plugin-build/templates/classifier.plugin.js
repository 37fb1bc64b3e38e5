// A document belongs to a topic when it holds one of the topic's words.
import { Failure, guarded, plainLifecycle } from './bihuan.js';

// Of this instance: the host prepares each one before its first batch.
let topics;

const classify = ({ text }) => ({
  topics: topics
    .filter(({ words }) => words.some((word) => text.includes(word)))
    .map(({ key }) => ({ id: key, confidence: 0.5 })),
  subCauses: [],
  intents: [],
  polarity: 'neutral',
  sentiment: 0,
  sentimentConfidence: 0,
  emotions: [],
  risk: 0,
  extracted: [],
  evidence: [],
  attributes: [],
});

export const lifecycle = guarded(plainLifecycle);

export const classifier = guarded({
  prepare: (taxonomy) => {
    try {
      topics = JSON.parse(taxonomy).topics.map(({ key, words = [] }) => ({ key, words }));
    } catch (error) {
      throw new Failure('invalid-input', 'taxonomy.malformed', String(error));
    }
    return { name: '@name@', version: '0.1.0', maxBatch: 256, maxTextBytes: 65536 };
  },
  // One bad document does not fail the batch: its place may hold { tag: 'err', val: … }.
  classify: (batch) => {
    if (topics === undefined) throw new Failure('internal', 'classifier.not_prepared', 'classify was called before prepare');
    return batch.map((document) => ({ tag: 'ok', val: classify(document) }));
  },
});
