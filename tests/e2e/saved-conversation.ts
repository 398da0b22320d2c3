/** A conversation as a file, with what a random model never says: Markdown, times, doubt, a failure, a stop. */

const stats = {
  promptTokens: 40,
  reusedTokens: 20,
  newTokens: 12,
  timeToFirstToken: 90,
  prefillMs: 80,
  tokensPerSecond: 24,
  backend: 'wasm',
  droppedTurns: 1,
  beams: 3,
  quotes: ['A dog runs on a beach.'],
}
const turn = {
  clipId: 'clip',
  clipName: 'holiday.mp4',
  askedAt: 1_790_000_000_000,
  status: 'done',
  reason: 'end',
  stats,
  error: null,
  evidence: null,
  segments: null,
}
const markdown = [
  '# Two things',
  'A **dog** jumps at 0:01, then _rests_ until 0:03.',
  '- the `ball` is red\n- the ~~cat~~ dog is brown',
  '1. it runs\n2. it stops',
  '> as it was said',
  '```\nplain text\n```',
  '---',
].join('\n\n')

export const savedConversation = JSON.stringify({
  format: 'valley-conversation',
  version: 1,
  conversation: { name: 'A walk by the sea', createdAt: turn.askedAt, updatedAt: turn.askedAt },
  clips: [
    {
      id: 'clip',
      name: 'holiday.mp4',
      media: { kind: 'video', container: 'MP4', codec: 'avc1', width: 640, height: 360, rotation: 0, duration: 5 },
    },
  ],
  turns: [
    { ...turn, id: 'one', question: 'Tell me all of it.', answer: markdown },
    {
      ...turn,
      id: 'two',
      question: 'Is it a cat?',
      answer: 'It is a cat.',
      reason: 'length',
      evidence: { frames: [{ timestamp: 1, similarity: 0.1 }], unsure: true },
    },
    {
      ...turn,
      id: 'three',
      question: 'And then?',
      answer: '',
      status: 'failed',
      stats: null,
      error: { code: 'worker-died', data: {} },
    },
    { ...turn, id: 'four', question: 'And after that?', answer: 'It', status: 'stopped', stats: null },
  ],
})
