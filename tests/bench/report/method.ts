/** How everything in the report is measured: the hand-written part of docs/performance.md. */
import type { Group } from '../measures'

export const method = `Medians, quartiles in brackets. The contenders take turns in one Chromium: each visit opens a page, loads the model from
the browser's caches, does its work and closes the page. Everyone gets the same clip, the same questions and the same number of
threads, and answers greedily without a repetition penalty; the app leaves out the captions that its pack would quote, and takes
nothing of the clip from an earlier visit. What is read back and how cost grows has one visit. "Ours is better" says how many
times; a bar is the least that will do. Where no peer has such a figure, ours is held against a yardstick: then a bar of 0.833
means at most 1.2 times as much, one of 0.8 at most 1.25 times.

- **transformers.js**: its \`load_video\` and its image processor at their settings, the app's own ONNX graphs and weights in its
  sessions, in a worker; every question begins with the file, as in that library's video examples. What it has no code for (the
  projector, the cache of keys and values) is the app's.
- **wllama**: llama.cpp in WASM. The Q4_1 file is the app's base as it ships; in the Q8_0 file its Q4_1 matrices are written as Q8_0
  (rounded to the nearest code). Text only; speeds are those that llama.cpp itself reports, without the first token.
- The clips are drawn by ffmpeg: a moving test picture of 10 s, 30 frames/s, a key frame every 2 s, with grain. Long ones are 10 s
  without grain, again and again, in 720p H.264.
`

/** What stands above each group's table. */
export const notes: Readonly<Record<Group, string>> = {
  start: `From the page's start to the moment when a question could be answered. A first visit is one of a browser with an empty profile:
everything comes over the (local) network and is made ready, a later one of a browser that was here before. The app derives its
weights on the first visit; transformers.js is given them ready-made, as a hub would.`,
  answers: `Time to first token is from the question (of the first question: from the file) to the first token of the answer, as the page sees it;
8 frames of a 720p H.264 clip. Between being ready and the file there are three seconds for everybody, in which a person would choose it: the app
warms up then, transformers.js does nothing; what that saves, and what it costs a clip that does not wait, visits without it tell (\`?warm-up=off\`). Decoding leaves the first token out. Prefill counts the positions that were run: about 120 of text.
Tasks of the main thread are those that the browser reports as long (PerformanceObserver, \`longtask\`), while a question is answered
on the screens.`,
  context: `Answers of at most 16 tokens to a story of growing length, cut so that they end at the position named; the time of one
token of each, the first left out. A token reads all weights and all keys and values before it; on WASM these are copied as well.`,
  frames: `16 frames of a clip, from the file to its visual tokens. The two halves: opening and decoding those frames with the app's own code and
nothing behind it; and how long the vision worker waited for its encoder, which shares the cores with the decoder. 1080p H.264.`,
  memory: `JavaScript memory is \`performance.measureUserAgentSpecificMemory\` (the page and its workers, WASM's memory too), asked for again and
again from the file to the end of an answer; the largest counts. GPU memory is the peak of what the workers' ledgers count: our
buffers and textures, and the weights given to ONNX Runtime for the GPU. Vision runs on WebGPU for this, which on a machine without a
GPU leaves the image tower on the CPU.`,
  readback: `Counted by wrapping every way out (mapped buffers, \`getImageData\`, \`VideoFrame.copyTo\`, \`convertToBlob\`) in workers that are otherwise
the app's, where the adapter passes for a real one. What a clip needs back: its visual tokens and one CLIP vector a frame, float32;
thumbnails are drawn small first and not counted here. One visit: every one gives the same.`,
  growth: `One visit. Theory: encoding costs as much for every frame, prefilling as much for every position that was not there before, and nothing
depends on the length of the clip; what one frame and one position cost is taken from 8 frames, 10 s and question 2. Frames are taken
from a 10 s clip in 720p (the pack itself takes at most 16), the clip's own lengths with the pack's plan.`,
}
